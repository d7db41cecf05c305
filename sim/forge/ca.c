#include <stdio.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/ca.h"
#include "sim/forge/disk.h"

void
ca_release(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	ca->key = NULL;
	buf_release(&ca->der);
	buf_release(&ca->subject);
}

int
ca_set_der(struct ca *ca, struct blob der)
{
	const unsigned char *p = der.p;
	X509 *crt = d2i_X509(NULL, &p, (long)der.n);
	unsigned char *name = NULL;
	int n;

	if (crt == NULL)
		return fail(ERR_MALFORMED, "no certificate");
	n = i2d_X509_NAME(X509_get_subject_name(crt), &name);
	buf_reset(&ca->der);
	buf_reset(&ca->subject);
	buf_add_blob(&ca->der, der);
	if (n > 0)
		buf_add(&ca->subject, name, (size_t)n);
	OPENSSL_free(name);
	X509_free(crt);
	return n > 0 ? buf_status(&ca->subject)
		     : fail(ERR_CRYPTO, "no subject");
}

int
ca_make(const struct ca_plan *plan, struct ca *out)
{
	SCRATCH_BUF(name);
	SCRATCH_BUF(extensions);
	SCRATCH_BUF(der);
	EVP_PKEY *signer;
	int r = keypair_make(plan->kind, &out->key);

	if (r != OK)
		return r;
	signer = plan->issuer != NULL ? plan->issuer->key : out->key;
	cert_basic(&extensions, true, plan->path_len);
	cert_usage(&extensions, plan->path_len == CA_NO_SIGNING ? 0x80 : 0x06);
	if ((r = cert_name_text(plan->name, &name)) != OK ||
	    (r = cert_key_ids(&extensions, out->key, signer)) != OK ||
	    (r = cert_sign(
		 &(struct cert){
		     .issuer = plan->issuer != NULL
			 ? buf_blob(&plan->issuer->subject)
			 : blob_of(NULL, 0),
		     .subject = buf_blob(&name),
		     .key = out->key,
		     .extensions = buf_blob(&extensions),
		     .not_before = plan->not_before,
		     .not_after = plan->not_after,
		     .digest = plan->digest,
		 },
		 signer, &der)) != OK)
		return r;
	return ca_set_der(out, buf_blob(&der));
}

int
ca_load(const char *dir, const char *name, struct ca *out)
{
	char file[128];
	SCRATCH_BUF(der);
	int r;

	snprintf(file, sizeof file, "%s.pem", name);
	if ((r = disk_read_pem(dir, file, &der)) != OK ||
	    (r = ca_set_der(out, buf_blob(&der))) != OK)
		return r;
	snprintf(file, sizeof file, "%s.key", name);
	return disk_has(dir, file) ? keypair_load(dir, file, &out->key) : OK;
}

int
ca_save(const char *dir, const char *name, const struct ca *ca)
{
	char file[128];
	int r;

	snprintf(file, sizeof file, "%s.pem", name);
	r = disk_write_pem(dir, file, buf_blob(&ca->der));
	snprintf(file, sizeof file, "%s.key", name);
	return r == OK && ca->key != NULL ? keypair_save(dir, file, ca->key)
					  : r;
}
