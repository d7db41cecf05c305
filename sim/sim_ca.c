#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "sim/sim_ca.h"
#include "sim/sim_der.h"
#include "sim/sim_file.h"

void
sim_ca_init(struct sim_ca *ca)
{
	ca->key = NULL;
	buf_init(&ca->der, SIM_DER_MAX);
	buf_init(&ca->subject, SIM_DER_MAX);
}

void
sim_ca_release(struct sim_ca *ca)
{
	EVP_PKEY_free(ca->key);
	ca->key = NULL;
	buf_release(&ca->der);
	buf_release(&ca->subject);
}

int
sim_ca_set_der(struct sim_ca *ca, struct blob der)
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
sim_ca_extensions(const struct sim_ca_plan *plan, const EVP_PKEY *own,
    const EVP_PKEY *signer, struct buf *out)
{
	sim_cert_basic(out, true, plan->path_len);
	sim_cert_usage(out, plan->path_len == SIM_CA_NO_SIGNING ? 0x80 : 0x06);
	return sim_cert_key_ids(out, own, signer);
}

int
sim_ca_make(const struct sim_ca_plan *plan, struct sim_ca *out)
{
	struct buf name, spki, extensions, der;
	EVP_PKEY *signer;
	uint8_t serial[16];
	int rc;

	buf_init(&name, SIM_DER_MAX);
	buf_init(&spki, SIM_DER_MAX);
	buf_init(&extensions, SIM_DER_MAX);
	buf_init(&der, SIM_DER_MAX);
	sim_key_random(serial, sizeof serial);
	serial[0] = (serial[0] & 0x7f) | 0x40;
	rc = sim_key_make(plan->kind, &out->key);
	if (rc != OK)
		goto done;
	signer = plan->issuer != NULL ? plan->issuer->key : out->key;
	if ((rc = sim_cert_name_text(plan->name, &name)) != OK ||
	    (rc = sim_key_spki(out->key, &spki)) != OK ||
	    (rc = sim_ca_extensions(plan, out->key, signer, &extensions)) != OK)
		goto done;
	rc = sim_cert_sign(
	    &(struct sim_cert){
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
		rc = sim_ca_set_der(out, buf_blob(&der));
done:
	buf_release(&name);
	buf_release(&spki);
	buf_release(&extensions);
	buf_release(&der);
	return rc;
}

static int
sim_ca_file(
    const char *dir, const char *name, const char *end, char out[SIM_FILE_PATH])
{
	char file[128];

	snprintf(file, sizeof file, "%s.%s", name, end);
	return sim_file_path(dir, file, out);
}

int
sim_ca_load_public(const char *dir, const char *name, struct sim_ca *out)
{
	char path[SIM_FILE_PATH];
	struct buf der;
	int rc;

	buf_init(&der, SIM_DER_MAX);
	rc = sim_ca_file(dir, name, "pem", path);
	if (rc == OK)
		rc = sim_file_read_pem(path, "CERTIFICATE", &der);
	if (rc == OK)
		rc = sim_ca_set_der(out, buf_blob(&der));
	buf_release(&der);
	return rc;
}

int
sim_ca_load(const char *dir, const char *name, struct sim_ca *out)
{
	char path[SIM_FILE_PATH];
	int rc = sim_ca_load_public(dir, name, out);

	if (rc == OK)
		rc = sim_ca_file(dir, name, "key", path);
	if (rc == OK)
		rc = sim_key_load(path, &out->key);
	return rc;
}

int
sim_ca_save(const char *dir, const char *name, const struct sim_ca *ca)
{
	char path[SIM_FILE_PATH];
	struct buf pem;
	int rc;

	buf_init(&pem, SIM_DER_MAX);
	if ((rc = sim_file_pem(buf_blob(&ca->der), "CERTIFICATE", &pem)) !=
		OK ||
	    (rc = sim_ca_file(dir, name, "pem", path)) != OK ||
	    (rc = sim_file_write(path, buf_blob(&pem), 0644)) != OK)
		goto done;
	if (ca->key != NULL && (rc = sim_ca_file(dir, name, "key", path)) == OK)
		rc = sim_key_save(path, ca->key);
done:
	buf_release(&pem);
	return rc;
}
