#include "ca/push_identity.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/x509.h"

#define PEM_BEGIN    "-----BEGIN CERTIFICATE-----"
#define PEM_END      "-----END CERTIFICATE-----"
#define TOPIC_PREFIX "com.apple.mgmt."
#define USAGE        GNUTLS_KEY_DIGITAL_SIGNATURE

static int
fault(int rc, const char *what)
{
	return fail(ERR_CRYPTO, "%s: %s", what, gnutls_strerror(rc));
}

void
push_identity_request_path(
    const struct conf *conf, char out[PUSH_IDENTITY_PATH])
{
	snprintf(out, PUSH_IDENTITY_PATH, "%s/apple/push.key", conf->state);
}

void
push_identity_path(const struct conf *conf, char out[PUSH_IDENTITY_PATH])
{
	snprintf(out, PUSH_IDENTITY_PATH, "%s/apple/push.pem", conf->state);
}

int
push_identity_request(const struct key *key, const char *name, struct buf *out)
{
	gnutls_pubkey_t public = NULL;
	gnutls_x509_crq_t crq = NULL;
	gnutls_datum_t der = { NULL, 0 };
	int r, rc;

	if ((r = key_public(key, &public)) != OK)
		return r;
	if ((rc = gnutls_x509_crq_init(&crq)) == 0 &&
	    (rc = gnutls_x509_crq_set_version(crq, 1)) == 0 &&
	    (rc = gnutls_x509_crq_set_dn_by_oid(crq,
		 GNUTLS_OID_X520_COMMON_NAME, 0, name,
		 (unsigned)strlen(name))) == 0 &&
	    (rc = gnutls_x509_crq_set_pubkey(crq, public)) == 0 &&
	    (rc = gnutls_x509_crq_privkey_sign(
		 crq, key_handle(key), GNUTLS_DIG_SHA256, 0)) == 0)
		rc = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der);
	r = rc == 0 ? buf_add(out, der.data, der.size)
		    : fault(rc, "no request was made");
	gnutls_free(der.data);
	if (crq != NULL)
		gnutls_x509_crq_deinit(crq);
	gnutls_pubkey_deinit(public);
	return r;
}

int
push_identity_sign(
    const struct key *vendor, struct blob request, struct buf *out)
{
	gnutls_datum_t data = { NULL, (unsigned)request.n }, signature;
	int r, rc;

	if (!key_is_rsa(vendor))
		return fail(ERR_CRYPTO, "a vendor's key is of RSA");
	/* GnuTLS only reads what it is given, but its type is not const. */
	memcpy(&data.data, &request.p, sizeof data.data);
	rc = gnutls_privkey_sign_data2(
	    key_handle(vendor), GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature);
	if (rc != 0)
		return fault(rc, "the vendor's key does not sign");
	r = buf_add(out, signature.data, signature.size);
	gnutls_free(signature.data);
	return r;
}

int
push_identity_parse(struct blob file, gnutls_x509_crt_t *crt)
{
	const uint8_t *begin, *end = NULL;

	*crt = NULL;
	begin = file.n == 0
	    ? NULL
	    : memmem(file.p, file.n, PEM_BEGIN, strlen(PEM_BEGIN));
	if (begin == NULL)
		return x509_parse(file, crt);
	end = memmem(
	    begin, file.n - (size_t)(begin - file.p), PEM_END, strlen(PEM_END));
	if (end == NULL)
		return fail(ERR_MALFORMED, "the certificate is cut short");
	end += strlen(PEM_END);
	return x509_parse_pem(blob_of(begin, (size_t)(end - begin)), crt);
}

/* What the header apns-topic carries: no other characters are in any. */
static int
read_topic(gnutls_x509_crt_t crt, char out[PUSH_CERTIFICATE_TOPIC_TEXT])
{
	size_t n = PUSH_CERTIFICATE_TOPIC_TEXT;
	int rc = gnutls_x509_crt_get_dn_by_oid(
	    crt, GNUTLS_OID_LDAP_UID, 0, 0, out, &n);

	if (rc == 0 && strlen(out) == n &&
	    strncmp(out, TOPIC_PREFIX, strlen(TOPIC_PREFIX)) == 0 &&
	    strlen(out) > strlen(TOPIC_PREFIX) &&
	    push_certificate_is_safe_topic(out))
		return OK;
	return fail(ERR_FIELD,
	    "its subject has no UID that begins with " TOPIC_PREFIX
	    ": it is not a push certificate for device management");
}

/* Apple's have client authentication as their only purpose. */
static int
check_purpose(gnutls_x509_crt_t crt)
{
	unsigned usage = 0;
	char oid[128];
	size_t n;
	unsigned i;
	int rc = 0;

	if (x509_is_ca(crt))
		return fail(ERR_FIELD, "it is the certificate of an authority");
	if (gnutls_x509_crt_get_key_usage(crt, &usage, NULL) == 0 &&
	    (usage & USAGE) == 0)
		return fail(ERR_FIELD, "its key may not make signatures");
	for (i = 0; rc >= 0; i++) {
		n = sizeof oid;
		rc = gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &n, NULL);
		if (rc >= 0 && strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0)
			return OK;
	}
	return fail(ERR_FIELD, "it is not for TLS clients");
}

int
push_identity_read(gnutls_x509_crt_t crt, struct push_certificate *out)
{
	char text[CLOCK_TEXT];
	int r;

	*out = (struct push_certificate){ .not_before = x509_not_before(crt),
		.not_after = x509_not_after(crt) };
	if ((r = read_topic(crt, out->topic)) != OK ||
	    (r = check_purpose(crt)) != OK)
		return r;
	if (out->not_after < clock_now()) {
		clock_people(out->not_after, text);
		return fail(ERR_FIELD, "it expired at %s", text);
	}
	if (out->not_before > clock_now()) {
		clock_people(out->not_before, text);
		return fail(ERR_FIELD,
		    "it is not valid before %s: check the clock", text);
	}
	return x509_sha256(crt, out->sha256);
}

int
push_identity_matches(gnutls_x509_crt_t crt, const struct key *key, bool *out)
{
	struct buf theirs, ours;
	int r;

	*out = false;
	buf_init(&theirs, X509_DER_MAX);
	buf_init(&ours, X509_DER_MAX);
	if ((r = x509_spki(crt, &theirs)) == OK &&
	    (r = key_spki(key, &ours)) == OK)
		*out = blob_eq(buf_blob(&theirs), buf_blob(&ours));
	buf_release(&theirs);
	buf_release(&ours);
	return r;
}

int
push_identity_write(
    gnutls_x509_crt_t crt, const struct key *key, struct buf *out)
{
	struct buf der;
	int r;

	buf_init(&der, X509_DER_MAX);
	if ((r = key_write(key, out)) == OK && (r = x509_der(crt, &der)) == OK)
		r = x509_write_pem(buf_blob(&der), out);
	buf_release(&der);
	return r;
}
