#include "wire/attleaf.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/secret.h"
#include "wire/in_der.h"
#include "wire/x509.h"

#define ATTLEAF_ARC        "1.2.840.113635.100.8."
#define ATTLEAF_SERIAL     ATTLEAF_ARC "9.1"
#define ATTLEAF_UDID       ATTLEAF_ARC "9.2"
#define ATTLEAF_UPDATE_ID  ATTLEAF_ARC "9.4"
#define ATTLEAF_OS         ATTLEAF_ARC "10.1"
#define ATTLEAF_SEPOS      ATTLEAF_ARC "10.2"
#define ATTLEAF_LLB        ATTLEAF_ARC "10.3"
#define ATTLEAF_FRESHNESS  ATTLEAF_ARC "11.1"
#define ATTLEAF_SIP        ATTLEAF_ARC "13.1"
#define ATTLEAF_BOOT       ATTLEAF_ARC "13.2"
#define ATTLEAF_EXTENSIONS ATTLEAF_ARC "13.3"

/*
 * The raw value, to be freed with gnutls_free(); empty when the extension is
 * absent, or present without any byte, which GnuTLS calls an error. That none
 * comes twice is checked when a certificate is imported.
 */
static gnutls_datum_t
get(gnutls_x509_crt_t leaf, const char *oid)
{
	gnutls_datum_t value = { NULL, 0 };

	if (gnutls_x509_crt_get_extension_by_oid2(leaf, oid, 0, &value, NULL) <
	    0)
		return (gnutls_datum_t){ NULL, 0 };
	return value;
}

/*
 * Compared as it is: 32 bytes that happen to look like DER are no DER
 * (a code that begins with 04 1E is good).
 */
int
attleaf_check_freshness(gnutls_x509_crt_t leaf, struct blob token)
{
	gnutls_datum_t code = get(leaf, ATTLEAF_FRESHNESS);
	uint8_t digest[SECRET_SHA256];
	int r = OK;

	secret_sha256(token, digest);
	if (!secret_eq(
		blob_of(code.data, code.size), blob_of(digest, sizeof digest)))
		r = fail(ERR_ATT_FRESHNESS,
		    "freshness code of %u bytes is not the token's", code.size);
	gnutls_free(code.data);
	return r;
}

static bool
is_text(struct blob value)
{
	size_t i;

	for (i = 0; i < value.n; i++) {
		if (value.p[i] < 0x20 || value.p[i] > 0x7e)
			return false;
	}
	return value.n < ATTEST_TEXT;
}

/* Only spaces: Apple could not verify the property. */
static bool
is_blank(struct blob value)
{
	size_t i;

	for (i = 0; i < value.n && value.p[i] == ' '; i++)
		;
	return i == value.n;
}

/* False, and an empty text, when the value is no short printable one. */
static bool
text(gnutls_x509_crt_t leaf, const char *oid, char out[ATTEST_TEXT])
{
	gnutls_datum_t d = get(leaf, oid);
	struct blob value = blob_of(d.data, d.size);
	bool good = is_text(value);

	memset(out, 0, ATTEST_TEXT);
	if (good && value.n > 0 && !is_blank(value))
		memcpy(out, value.p, value.n);
	gnutls_free(d.data);
	return good;
}

/* A DER INTEGER from 0; -1 when it is absent or anything else. */
static int64_t
number(gnutls_x509_crt_t leaf, const char *oid)
{
	gnutls_datum_t d = get(leaf, oid);
	struct blob rest = blob_of(d.data, d.size), value;
	int64_t v = -1;

	if (!in_der_take(&rest, IN_DER_INTEGER, &value) || rest.n != 0 ||
	    !in_der_uint(value, &v))
		v = -1;
	gnutls_free(d.data);
	return v;
}

static void
read_posture(gnutls_x509_crt_t leaf, struct attestation *out)
{
	int64_t v;

	/* An unreadable value is an unknown one, never a good one. */
	text(leaf, ATTLEAF_UPDATE_ID, out->software_update_device_id);
	text(leaf, ATTLEAF_OS, out->os_version);
	text(leaf, ATTLEAF_SEPOS, out->sepos_version);
	text(leaf, ATTLEAF_LLB, out->llb_version);
	text(leaf, ATTLEAF_BOOT, out->secure_boot);
	v = number(leaf, ATTLEAF_SIP);
	out->sip = v == 0 ? "enabled" : v == 1 ? "disabled" : "unknown";
	v = number(leaf, ATTLEAF_EXTENSIONS);
	out->kernel_extensions = v == 0 ? "none"
	    : v > 0                     ? "allowed"
					: "unknown";
}

/*
 * The key in the one form that GnuTLS writes, a named curve and an
 * uncompressed point, so that equal keys have equal bytes.
 */
static int
read_key(gnutls_x509_crt_t leaf, struct attestation *out)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_pubkey_t key;
	uint8_t *copy;
	int r = OK;

	if (gnutls_pubkey_init(&key) < 0)
		return fail(ERR_NOMEM, "no memory for a key");
	if (gnutls_pubkey_import_x509(key, leaf, 0) < 0 ||
	    gnutls_pubkey_verify_params(key) < 0 ||
	    gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der) < 0) {
		r = fail(ERR_ATT_KEY, "the attested key is unusable");
	} else if ((copy = malloc(der.size)) == NULL) {
		r = fail(ERR_NOMEM, "no memory for a key");
	} else {
		memcpy(copy, der.data, der.size);
		out->spki = blob_of(copy, der.size);
		secret_sha256(out->spki, out->spki_sha256);
	}
	gnutls_free(der.data);
	gnutls_pubkey_deinit(key);
	return r;
}

static int
read_certificate(gnutls_x509_crt_t leaf, struct attestation *out)
{
	struct buf der;
	int r;

	buf_init(&der, X509_DER_MAX);
	if ((r = x509_der(leaf, &der)) == OK) {
		secret_sha256(buf_blob(&der), out->leaf_sha256);
		out->leaf.p = buf_steal(&der, &out->leaf.n);
	}
	buf_release(&der);
	out->leaf_not_before = x509_not_before(leaf);
	out->leaf_not_after = x509_not_after(leaf);
	return r;
}

int
attleaf_read(gnutls_x509_crt_t leaf, struct attestation *out)
{
	int r;

	if (!text(leaf, ATTLEAF_SERIAL, out->serial))
		return fail(ERR_ATT_IDENTITY, "the serial number is no text");
	if (!text(leaf, ATTLEAF_UDID, out->udid))
		return fail(ERR_ATT_IDENTITY, "the UDID is no text");
	read_posture(leaf, out);
	if ((r = read_key(leaf, out)) != OK)
		return r;
	return read_certificate(leaf, out);
}
