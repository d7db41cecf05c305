#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "ca/authority.h"
#include "ca/file.h"

#define AUTHORITY_FILE_MAX 65536
#define AUTHORITY_BACKDATE 300
#define AUTHORITY_SERIAL   16
#define DAY                86400
#define AUTHORITY_SCEP_USAGE                                                   \
	(GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT)

struct authority {
	struct key *key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;
	uint8_t key_id[AUTHORITY_KEY_ID];
};

static int
fault(int rc, const char *what)
{
	return fail(ERR_CRYPTO, "%s: %s", what, gnutls_strerror(rc));
}

void
authority_free(struct authority *ca)
{
	if (ca == NULL)
		return;
	gnutls_free(ca->pem.data);
	if (ca->crt != NULL)
		gnutls_x509_crt_deinit(ca->crt);
	key_free(ca->key);
	free(ca);
}

static int
read_certificate(struct authority *ca, const char *path)
{
	gnutls_datum_t text;
	struct buf file;
	int r, rc;

	buf_init(&file, AUTHORITY_FILE_MAX);
	if ((r = file_read(path, &file)) != OK)
		goto done;
	text = (gnutls_datum_t){ file.p, (unsigned)file.n };
	rc = gnutls_x509_crt_import(ca->crt, &text, GNUTLS_X509_FMT_PEM);
	if (rc != 0) {
		r = fail(ERR_CONFIG, "%s holds no certificate: %s", path,
		    gnutls_strerror(rc));
		goto done;
	}
	if (gnutls_x509_crt_export2(ca->crt, GNUTLS_X509_FMT_PEM, &ca->pem) !=
	    0)
		r = fail(ERR_NOMEM, "no memory for %s", path);
done:
	buf_release(&file);
	return r;
}

/* A CA whose certificates others will accept (RFC 5280 section 4.2.1). */
static int
check_certificate(struct authority *ca, const char *path)
{
	unsigned critical, is_ca, usage;
	size_t n = sizeof ca->key_id;
	int algorithm;
	int64_t now = clock_now();

	if (gnutls_x509_crt_get_basic_constraints(
		ca->crt, &critical, &is_ca, NULL) < 0 ||
	    is_ca == 0)
		return fail(ERR_CONFIG, "%s is not a CA's certificate", path);
	if (gnutls_x509_crt_get_key_usage(ca->crt, &usage, &critical) != 0 ||
	    !(usage & GNUTLS_KEY_KEY_CERT_SIGN) ||
	    !(usage & GNUTLS_KEY_CRL_SIGN))
		return fail(ERR_CONFIG,
		    "%s may not sign certificates and revocation lists", path);
	if (gnutls_x509_crt_get_subject_key_id(
		ca->crt, ca->key_id, &n, &critical) != 0 ||
	    n != AUTHORITY_KEY_ID)
		return fail(ERR_CONFIG,
		    "%s has no subject key identifier of %d bytes", path,
		    AUTHORITY_KEY_ID);
	algorithm = gnutls_x509_crt_get_signature_algorithm(ca->crt);
	if (algorithm < 0 ||
	    gnutls_sign_is_secure2((gnutls_sign_algorithm_t)algorithm,
		GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) == 0)
		return fail(ERR_CONFIG, "%s has a weak signature", path);
	if (authority_not_before(ca) > now || authority_not_after(ca) <= now)
		return fail(ERR_CONFIG, "%s is not valid now", path);
	return OK;
}

static int
check_key(const struct authority *ca, const char *path)
{
	gnutls_pubkey_t public = NULL;
	gnutls_datum_t der = { NULL, 0 };
	struct buf spki;
	int r;

	buf_init(&spki, 4096);
	if ((r = key_spki(ca->key, &spki)) != OK)
		goto done;
	if (gnutls_pubkey_init(&public) != 0 ||
	    gnutls_pubkey_import_x509(public, ca->crt, 0) != 0 ||
	    gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der) != 0) {
		r = fail(ERR_CRYPTO, "%s: the key is unreadable", path);
		goto done;
	}
	if (!blob_eq(buf_blob(&spki), blob_of(der.data, der.size)))
		r = fail(ERR_CONFIG,
		    "%s is not the certificate of the configured key", path);
done:
	gnutls_free(der.data);
	if (public != NULL)
		gnutls_pubkey_deinit(public);
	buf_release(&spki);
	return r;
}

int
authority_load_certificate(const char *path, struct authority **out)
{
	struct authority *ca;
	int r;

	*out = NULL;
	if ((ca = calloc(1, sizeof *ca)) == NULL ||
	    gnutls_x509_crt_init(&ca->crt) != 0) {
		free(ca);
		return fail(ERR_NOMEM, "no memory for a CA");
	}
	if ((r = read_certificate(ca, path)) != OK ||
	    (r = check_certificate(ca, path)) != OK) {
		authority_free(ca);
		return r;
	}
	*out = ca;
	return OK;
}

int
authority_load(
    const char *key_where, const char *certificate_path, struct authority **out)
{
	struct authority *ca;
	int r;

	*out = NULL;
	if ((r = authority_load_certificate(certificate_path, &ca)) != OK)
		return r;
	if ((r = key_load(key_where, &ca->key)) != OK ||
	    (r = check_key(ca, certificate_path)) != OK) {
		authority_free(ca);
		return r;
	}
	*out = ca;
	return OK;
}

/* RFC 5280 section 4.2.1.2 lets us choose: SHA-256 of the key, cut short. */
static int
set_key_id(gnutls_x509_crt_t crt, const struct key *key)
{
	uint8_t digest[SECRET_SHA256];
	struct buf spki;
	int r, rc;

	buf_init(&spki, 4096);
	if ((r = key_spki(key, &spki)) == OK) {
		secret_sha256(buf_blob(&spki), digest);
		rc = gnutls_x509_crt_set_subject_key_id(
		    crt, digest, AUTHORITY_KEY_ID);
		if (rc != 0)
			r = fault(rc, "the key identifier");
	}
	buf_release(&spki);
	return r;
}

static int
set_names(
    gnutls_x509_crt_t crt, const char *common_name, const char *organization)
{
	int r = 0;

	if (organization[0] != '\0')
		r = gnutls_x509_crt_set_dn_by_oid(crt,
		    GNUTLS_OID_X520_ORGANIZATION_NAME, 0, organization,
		    (unsigned)strlen(organization));
	if (r == 0)
		r = gnutls_x509_crt_set_dn_by_oid(crt,
		    GNUTLS_OID_X520_COMMON_NAME, 0, common_name,
		    (unsigned)strlen(common_name));
	return r == 0 ? OK : fault(r, "the CA's name");
}

static int
sign(
    gnutls_x509_crt_t crt, const struct key *key, enum key_kind kind, int years)
{
	unsigned usage = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN;
	uint8_t serial[AUTHORITY_SERIAL];
	gnutls_pubkey_t public;
	time_t now = (time_t)clock_now();
	int r, rc;

	if (kind == KEY_RSA_3072)
		usage |= AUTHORITY_SCEP_USAGE;
	if ((r = key_public(key, &public)) != OK)
		return r;
	secret_random(serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
	if ((rc = gnutls_x509_crt_set_version(crt, 3)) != 0 ||
	    (rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial)) !=
		0 ||
	    (rc = gnutls_x509_crt_set_pubkey(crt, public)) != 0 ||
	    (rc = gnutls_x509_crt_set_activation_time(
		 crt, now - AUTHORITY_BACKDATE)) != 0 ||
	    (rc = gnutls_x509_crt_set_expiration_time(
		 crt, now + (time_t)years * 365 * DAY)) != 0 ||
	    (rc = gnutls_x509_crt_set_basic_constraints(crt, 1, 0)) != 0 ||
	    (rc = gnutls_x509_crt_set_key_usage(crt, usage)) != 0 ||
	    (rc = gnutls_x509_crt_privkey_sign(
		 crt, crt, key_handle(key), key_digest(key), 0)) != 0)
		r = fault(rc, "the CA's certificate");
	gnutls_pubkey_deinit(public);
	return r;
}

static int
certify(const struct key *key, const char *path, const char *common_name,
    const char *organization, enum key_kind kind, int years)
{
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem = { NULL, 0 };
	int r;

	if (gnutls_x509_crt_init(&crt) != 0)
		return fail(ERR_NOMEM, "no memory for a certificate");
	if ((r = set_names(crt, common_name, organization)) != OK ||
	    (r = set_key_id(crt, key)) != OK ||
	    (r = sign(crt, key, kind, years)) != OK)
		goto done;
	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) != 0) {
		r = fail(ERR_NOMEM, "no memory for a certificate");
		goto done;
	}
	r = file_create(path, blob_of(pem.data, pem.size), 0644);
done:
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
	return r;
}

int
authority_create(const char *key_where, const char *certificate_path,
    const char *common_name, const char *organization, enum key_kind kind,
    int years)
{
	bool fresh = !key_is_url(key_where);
	struct key *key;
	int r;

	if (access(certificate_path, F_OK) == 0)
		return fail(ERR_EXISTS, "%s exists already", certificate_path);
	r = fresh ? key_generate(kind, &key) : key_load(key_where, &key);
	if (r != OK)
		return r;
	if (kind == KEY_RSA_3072 && !key_is_rsa(key))
		r = fail(ERR_CONFIG, "the SCEP CA's key is not RSA");
	else if (fresh)
		r = key_save(key, key_where);
	if (r == OK) {
		r = certify(key, certificate_path, common_name, organization,
		    kind, years);
		/* A key without certificate would stop the next try. */
		if (r != OK && fresh)
			unlink(key_where);
	}
	key_free(key);
	return r;
}

int
authority_check_scep(const struct authority *ca)
{
	unsigned bits, critical, usage = 0;

	if (gnutls_x509_crt_get_pk_algorithm(ca->crt, &bits) != GNUTLS_PK_RSA)
		return fail(ERR_CONFIG, "the SCEP CA's key is not RSA");
	if (gnutls_x509_crt_get_key_usage(ca->crt, &usage, &critical) != 0 ||
	    (usage & AUTHORITY_SCEP_USAGE) != AUTHORITY_SCEP_USAGE)
		return fail(ERR_CONFIG,
		    "the SCEP CA may not sign and decrypt messages");
	return OK;
}

const struct key *
authority_key(const struct authority *ca)
{
	return ca->key;
}

gnutls_x509_crt_t
authority_certificate(const struct authority *ca)
{
	return ca->crt;
}

struct blob
authority_pem(const struct authority *ca)
{
	return blob_of(ca->pem.data, ca->pem.size);
}

struct blob
authority_key_id(const struct authority *ca)
{
	return blob_of(ca->key_id, sizeof ca->key_id);
}

int64_t
authority_not_before(const struct authority *ca)
{
	return gnutls_x509_crt_get_activation_time(ca->crt);
}

int64_t
authority_not_after(const struct authority *ca)
{
	return gnutls_x509_crt_get_expiration_time(ca->crt);
}
