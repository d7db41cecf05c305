#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca/crl.h"
#include "ca/issue.h"
#include "store/activities.h"

#define ISSUE_DAY      86400
#define ISSUE_NAME_MAX 64
#define ISSUE_OID_SAN  "2.5.29.17"

static int
fault(int rc, const char *what)
{
	return fail(ERR_CRYPTO, "%s: %s", what, gnutls_strerror(rc));
}

static int
check_text(const char *what, const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);
	size_t i;

	if (n == 0 || n > ISSUE_NAME_MAX)
		return fail(ERR_FIELD, "%s has %zu bytes", what, n);
	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return fail(ERR_FIELD, "%s has control bytes", what);
	}
	return OK;
}

/*
 * GeneralNames { otherName [0] { id-on-permanentIdentifier, [0] EXPLICIT
 * PermanentIdentifier { identifierValue UTF8String } } } (RFC 4043). The value
 * is so short that every length takes one byte.
 */
int
issue_permanent_identifier(const char *value, struct buf *out)
{
	static const uint8_t oid[] = { 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05,
		0x07, 0x08, 0x03 };
	uint8_t n;
	int r;

	if ((r = check_text("the permanent identifier", value)) != OK)
		return r;
	n = (uint8_t)strlen(value);
	buf_add_byte(out, 0x30);
	buf_add_byte(out, (uint8_t)(n + 18));
	buf_add_byte(out, 0xa0);
	buf_add_byte(out, (uint8_t)(n + 16));
	buf_add(out, oid, sizeof oid);
	buf_add_byte(out, 0xa0);
	buf_add_byte(out, (uint8_t)(n + 4));
	buf_add_byte(out, 0x30);
	buf_add_byte(out, (uint8_t)(n + 2));
	buf_add_byte(out, 0x0c);
	buf_add_byte(out, n);
	return buf_add(out, value, n);
}

int
issue_crl_url(const char *server_url, const char *file, struct buf *out)
{
	return buf_printf(out, "%s/crl/%s", server_url, file);
}

static int
check_kind(gnutls_pubkey_t key)
{
	gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
	const char *why = NULL;
	unsigned bits = 0;

	switch (gnutls_pubkey_get_pk_algorithm(key, &bits)) {
	case GNUTLS_PK_ECDSA:
		gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0);
		if (curve != GNUTLS_ECC_CURVE_SECP256R1 &&
		    curve != GNUTLS_ECC_CURVE_SECP384R1)
			why = "the EC key is neither on P-256 nor on P-384";
		break;
	case GNUTLS_PK_RSA:
		if (bits < 2048 || bits > 4096)
			why = "the RSA key is too short or too long";
		break;
	default:
		why = "the key is of another type";
		break;
	}
	return why == NULL
	    ? OK
	    : fail(ERR_BAD_PUBLIC_KEY, "%s (%u bits)", why, bits);
}

/* Imports the key and demands that these bytes are its one spelling. */
static int
import_key(struct blob spki, gnutls_pubkey_t key)
{
	gnutls_datum_t in = { (uint8_t *)(uintptr_t)spki.p, (unsigned)spki.n };
	gnutls_datum_t again = { NULL, 0 };
	int r;

	if (gnutls_pubkey_import(key, &in, GNUTLS_X509_FMT_DER) != 0 ||
	    gnutls_pubkey_verify_params(key) != 0)
		r = fail(ERR_BAD_PUBLIC_KEY, "the key is unreadable");
	else if (gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &again) != 0)
		r = fail(ERR_NOMEM, "no memory for a key");
	else if (!blob_eq(spki, blob_of(again.data, again.size)))
		r = fail(
		    ERR_BAD_PUBLIC_KEY, "the key is not in its normal form");
	else
		r = check_kind(key);
	gnutls_free(again.data);
	return r;
}

static int
set_name(gnutls_x509_crt_t crt, const char *oid, const char *text)
{
	return gnutls_x509_crt_set_dn_by_oid(
	    crt, oid, 0, text, (unsigned)strlen(text));
}

/* The extensions come in this order. */
static int
set_fields(gnutls_x509_crt_t crt, const struct authority *ca,
    const struct issue_request *req, gnutls_pubkey_t key,
    const struct certificate *out)
{
	bool rsa = gnutls_pubkey_get_pk_algorithm(key, NULL) == GNUTLS_PK_RSA;
	unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE |
	    (rsa ? GNUTLS_KEY_KEY_ENCIPHERMENT : 0);
	struct blob issuer = authority_key_id(ca);
	struct buf san;
	int r = OK, rc;

	buf_init(&san, 128);
	if (req->permanent_identifier != NULL)
		r = issue_permanent_identifier(req->permanent_identifier, &san);
	if (r == OK &&
	    ((rc = gnutls_x509_crt_set_version(crt, 3)) != 0 ||
		(rc = gnutls_x509_crt_set_serial(
		     crt, out->serial_number, out->serial_number_len)) != 0 ||
		(rc = gnutls_x509_crt_set_activation_time(
		     crt, (time_t)out->not_before)) != 0 ||
		(rc = gnutls_x509_crt_set_expiration_time(
		     crt, (time_t)out->not_after)) != 0 ||
		(rc = set_name(crt, GNUTLS_OID_X520_ORGANIZATION_NAME,
		     req->organization)) != 0 ||
		(rc = set_name(crt, GNUTLS_OID_X520_COMMON_NAME,
		     req->common_name)) != 0 ||
		(rc = gnutls_x509_crt_set_pubkey(crt, key)) != 0 ||
		(rc = gnutls_x509_crt_set_subject_key_id(
		     crt, out->spki_sha256, AUTHORITY_KEY_ID)) != 0 ||
		(rc = gnutls_x509_crt_set_authority_key_id(
		     crt, issuer.p, issuer.n)) != 0 ||
		(san.n != 0 &&
		    (rc = gnutls_x509_crt_set_extension_by_oid(
			 crt, ISSUE_OID_SAN, san.p, san.n, 0)) != 0) ||
		(rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1)) != 0 ||
		(rc = gnutls_x509_crt_set_key_usage(crt, usage)) != 0 ||
		(rc = gnutls_x509_crt_set_key_purpose_oid(
		     crt, GNUTLS_KP_TLS_WWW_CLIENT, 0)) != 0 ||
		(rc = gnutls_x509_crt_set_crl_dist_points2(crt, GNUTLS_SAN_URI,
		     req->crl_url, (unsigned)strlen(req->crl_url), 0)) != 0))
		r = fault(rc, "the certificate's fields");
	buf_release(&san);
	return r;
}

static int
set_dates(const struct authority *ca, const struct issue_request *req,
    struct certificate *out)
{
	out->not_before = req->now - ISSUE_BACKDATE;
	if (out->not_before < authority_not_before(ca))
		out->not_before = authority_not_before(ca);
	out->not_after = req->now + (int64_t)req->days * ISSUE_DAY;
	if (out->not_after > authority_not_after(ca))
		out->not_after = authority_not_after(ca);
	return req->days < 1 || req->now < authority_not_before(ca) ||
		out->not_after < req->now + ISSUE_DAY
	    ? fail(ERR_CONFIG,
		  "the CA's certificate leaves no day for another one")
	    : OK;
}

/* As a relying party would: from the bytes, with the CA as the only trust. */
static int
verify_chain(const struct authority *ca, gnutls_x509_crt_t crt)
{
	gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID,
		(uint8_t *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0 };
	gnutls_x509_crt_t anchor = authority_certificate(ca);
	gnutls_x509_trust_list_t trust;
	unsigned status = 1;
	int r;

	if (gnutls_x509_trust_list_init(&trust, 0) != 0)
		return fail(ERR_NOMEM, "no memory to verify with");
	r = gnutls_x509_trust_list_add_cas(trust, &anchor, 1, 0);
	if (r == 1)
		r = gnutls_x509_trust_list_verify_crt2(trust, &crt, 1, &purpose,
		    1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, NULL);
	gnutls_x509_trust_list_deinit(trust, 0);
	return r == 0 && status == 0
	    ? OK
	    : fail(ERR_CRYPTO,
		  "a fresh certificate does not verify (status 0x%x)", status);
}

static int
verify(const struct authority *ca, const struct issue_request *req,
    const struct certificate *out)
{
	gnutls_datum_t der = { (uint8_t *)(uintptr_t)out->der.p,
		(unsigned)out->der.n };
	gnutls_datum_t spki = { NULL, 0 };
	gnutls_x509_crt_t crt = NULL;
	gnutls_pubkey_t key = NULL;
	int r;

	if (gnutls_x509_crt_init(&crt) != 0 || gnutls_pubkey_init(&key) != 0 ||
	    gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) != 0 ||
	    gnutls_pubkey_import_x509(key, crt, 0) != 0 ||
	    gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki) != 0)
		r = fail(ERR_CRYPTO, "a fresh certificate is unreadable");
	else if (!blob_eq(req->spki, blob_of(spki.data, spki.size)))
		r = fail(ERR_CRYPTO, "a fresh certificate has another key");
	else
		r = verify_chain(ca, crt);
	gnutls_free(spki.data);
	if (key != NULL)
		gnutls_pubkey_deinit(key);
	if (crt != NULL)
		gnutls_x509_crt_deinit(crt);
	return r;
}

static int
sign(const struct authority *ca, gnutls_x509_crt_t crt, struct certificate *out)
{
	const struct key *key = authority_key(ca);
	gnutls_datum_t der = { NULL, 0 };
	int r;

	r = gnutls_x509_crt_privkey_sign(crt, authority_certificate(ca),
	    key_handle(key), key_digest(key), 0);
	if (r == 0)
		r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	if (r != 0)
		return fault(r, "signing a certificate");
	if ((out->memory = malloc(der.size)) != NULL) {
		memcpy(out->memory, der.data, der.size);
		out->der = blob_of(out->memory, der.size);
		secret_sha256(out->der, out->sha256);
	}
	gnutls_free(der.data);
	return out->memory != NULL ? OK : fail(ERR_NOMEM, "no memory to sign");
}

static int
build(const struct authority *ca, const struct issue_request *req,
    struct certificate *out)
{
	gnutls_x509_crt_t crt = NULL;
	gnutls_pubkey_t key = NULL;
	int r;

	if (gnutls_x509_crt_init(&crt) != 0 || gnutls_pubkey_init(&key) != 0)
		r = fail(ERR_NOMEM, "no memory for a certificate");
	else if ((r = import_key(req->spki, key)) == OK &&
	    (r = set_fields(crt, ca, req, key, out)) == OK &&
	    (r = sign(ca, crt, out)) == OK)
		r = verify(ca, req, out);
	if (key != NULL)
		gnutls_pubkey_deinit(key);
	if (crt != NULL)
		gnutls_x509_crt_deinit(crt);
	return r;
}

int
issue_certificate(const struct authority *ca, const struct issue_request *req,
    struct certificate *out)
{
	int r;

	*out = (struct certificate){
		.serial_number_len = ISSUE_SERIAL_NUMBER,
		.issuer_key_id_len = AUTHORITY_KEY_ID,
	};
	if (authority_key(ca) == NULL)
		r = fail(ERR_CRYPTO, "the CA's key is not loaded");
	else if ((r = check_text("the common name", req->common_name)) == OK &&
	    (r = check_text("the organization", req->organization)) == OK &&
	    (req->crl_url == NULL || req->crl_url[0] == '\0'))
		r = fail(ERR_FIELD, "no address of the revocation list");
	if (r != OK)
		return r;
	secret_sha256(req->spki, out->spki_sha256);
	memcpy(out->issuer_key_id, authority_key_id(ca).p, AUTHORITY_KEY_ID);
	/* Positive, and always 16 bytes long: 126 random bits. */
	secret_random(out->serial_number, ISSUE_SERIAL_NUMBER);
	out->serial_number[0] =
	    (uint8_t)((out->serial_number[0] & 0x7f) | 0x40);
	if ((r = set_dates(ca, req, out)) != OK ||
	    (r = build(ca, req, out)) != OK)
		certificates_release(out);
	return r;
}

int
issue_for_enrollment(const struct authority *ca, const char *crl_file,
    const struct conf *conf, const struct enrollment *e, struct blob spki, struct certificate *out)
{
	bool attested = e->method == ENROLLMENT_ACME;
	bool named = !conf->privacy_mode && e->device.serial[0] != '\0';
	struct issue_request req = {
		.spki = spki,
		.common_name = e->id,
		.organization = conf->organization,
		.permanent_identifier = named ? e->device.serial : NULL,
		.now = clock_now(),
		.days = attested ? conf->certificate_days
				 : conf->scep_certificate_days,
	};
	struct buf crl;
	int r;

	buf_init(&crl, 1024);
	*out = (struct certificate){ .id = "" };
	if ((r = issue_crl_url(conf->url, crl_file, &crl)) == OK) {
		req.crl_url = buf_str(&crl);
		r = issue_certificate(ca, &req, out);
	}
	buf_release(&crl);
	if (r != OK)
		return r;
	secret_id(out->id);
	memcpy(out->enrollment_id, e->id, sizeof out->enrollment_id);
	memcpy(out->serial, e->device.serial, sizeof out->serial);
	out->purpose = e->purpose;
	out->hardware_attested = attested;
	return OK;
}

static int
record(struct db *db, const struct certificate *c)
{
	char detail[DB_ID_TEXT + CLOCK_TEXT + 64], end[CLOCK_TEXT];

	clock_people(c->not_after, end);
	snprintf(detail, sizeof detail, "%s by %s, for %s, until %s", c->id,
	    c->order_id[0] != '\0' ? "ACME" : "SCEP",
	    c->purpose == ENROLLMENT_RENEW ? "a renewal" : "an enrollment",
	    end);
	return activities_add(db,
	    &(struct activity_note){ .action = "cert.issue",
		.serial = c->serial,
		.after = c->hardware_attested ? "attested" : "not attested",
		.detail = detail });
}

int
issue_store(struct db *db, const struct certificate *c)
{
	int r;

	if ((r = certificates_insert(db, c)) != OK ||
	    (r = enrollments_mark_issued(db, c->enrollment_id)) != OK)
		return r;
	return record(db, c);
}

int
issue_chain(const struct authority *ca, struct blob leaf_der, struct buf *out)
{
	gnutls_datum_t der = { (uint8_t *)(uintptr_t)leaf_der.p,
		(unsigned)leaf_der.n };
	gnutls_datum_t pem = { NULL, 0 };
	int r;

	r = gnutls_pem_base64_encode2("CERTIFICATE", &der, &pem);
	if (r != 0)
		return fault(r, "writing a certificate");
	buf_add(out, pem.data, pem.size);
	gnutls_free(pem.data);
	return buf_add_blob(out, authority_pem(ca));
}
