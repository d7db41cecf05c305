#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "sim/forge/ca.h"
#include "sim/forge/der.h"
#include "sim/forge/disk.h"

void
ca_init(struct ca *ca)
{
	ca->key = NULL;
	buf_init(&ca->der, DER_MAX);
	buf_init(&ca->subject, DER_MAX);
}

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

static int
ca_extensions(const struct ca_plan *plan, const EVP_PKEY *own,
    const EVP_PKEY *signer, struct buf *out)
{
	cert_basic(out, true, plan->path_len);
	cert_usage(out, plan->path_len == CA_NO_SIGNING ? 0x80 : 0x06);
	return cert_key_ids(out, own, signer);
}

int
ca_make(const struct ca_plan *plan, struct ca *out)
{
	struct buf name, spki, extensions, der;
	EVP_PKEY *signer;
	uint8_t serial[16];
	int rc;

	buf_init(&name, DER_MAX);
	buf_init(&spki, DER_MAX);
	buf_init(&extensions, DER_MAX);
	buf_init(&der, DER_MAX);
	keypair_random(serial, sizeof serial);
	serial[0] = (serial[0] & 0x7f) | 0x40;
	rc = keypair_make(plan->kind, &out->key);
	if (rc != OK)
		goto done;
	signer = plan->issuer != NULL ? plan->issuer->key : out->key;
	if ((rc = cert_name_text(plan->name, &name)) != OK ||
	    (rc = keypair_spki(out->key, &spki)) != OK ||
	    (rc = ca_extensions(plan, out->key, signer, &extensions)) != OK)
		goto done;
	rc = cert_sign(
	    &(struct cert){
		.serial = blob_of(serial, sizeof serial),
		.issuer = buf_blob(
		    plan->issuer != NULL ? &plan->issuer->subject : &name),
		.subject = buf_blob(&name),
		.spki = buf_blob(&spki),
		.extensions = buf_blob(&extensions),
		.not_before = plan->not_before,
		.not_after = plan->not_after,
		.digest = plan->digest,
	    },
	    signer, &der);
	if (rc == OK)
		rc = ca_set_der(out, buf_blob(&der));
done:
	buf_release(&name);
	buf_release(&spki);
	buf_release(&extensions);
	buf_release(&der);
	return rc;
}

static int
ca_file(const char *dir, const char *name, const char *end, char out[DISK_PATH])
{
	char file[128];

	snprintf(file, sizeof file, "%s.%s", name, end);
	return disk_path(dir, file, out);
}

int
ca_load_public(const char *dir, const char *name, struct ca *out)
{
	char path[DISK_PATH];
	struct buf der;
	int rc;

	buf_init(&der, DER_MAX);
	rc = ca_file(dir, name, "pem", path);
	if (rc == OK)
		rc = disk_read_pem(path, "CERTIFICATE", &der);
	if (rc == OK)
		rc = ca_set_der(out, buf_blob(&der));
	buf_release(&der);
	return rc;
}

int
ca_load(const char *dir, const char *name, struct ca *out)
{
	char path[DISK_PATH];
	int rc = ca_load_public(dir, name, out);

	if (rc == OK)
		rc = ca_file(dir, name, "key", path);
	if (rc == OK)
		rc = keypair_load(path, &out->key);
	return rc;
}

int
ca_save(const char *dir, const char *name, const struct ca *ca)
{
	char path[DISK_PATH];
	struct buf pem;
	int rc;

	buf_init(&pem, DER_MAX);
	if ((rc = disk_pem(buf_blob(&ca->der), "CERTIFICATE", &pem)) != OK ||
	    (rc = ca_file(dir, name, "pem", path)) != OK ||
	    (rc = disk_write(path, buf_blob(&pem), 0644)) != OK)
		goto done;
	if (ca->key != NULL && (rc = ca_file(dir, name, "key", path)) == OK)
		rc = keypair_save(path, ca->key);
done:
	buf_release(&pem);
	return rc;
}
