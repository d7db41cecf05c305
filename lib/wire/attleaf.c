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
 * absent, or present without any byte, which GnuTLS calls an error in the DER.
 * That none comes twice is checked when a certificate is imported.
 */
static int
get(gnutls_x509_crt_t leaf, const char *oid, gnutls_datum_t *out)
{
	int e;

	*out = (gnutls_datum_t){ NULL, 0 };
	e = gnutls_x509_crt_get_extension_by_oid2(leaf, oid, 0, out, NULL);
	if (e >= 0)
		return OK;
	*out = (gnutls_datum_t){ NULL, 0 };
	if (e == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
	    e == GNUTLS_E_ASN1_DER_ERROR)
		return OK;
	return fail(e == GNUTLS_E_MEMORY_ERROR ? ERR_NOMEM : ERR_CRYPTO,
	    "the leaf's extension %s cannot be read: %s", oid,
	    gnutls_strerror(e));
}

/*
 * Compared as it is: 32 bytes that happen to look like DER are no DER
 * (a code that begins with 04 1E is good).
 */
int
attleaf_check_freshness(gnutls_x509_crt_t leaf, struct blob token)
{
	uint8_t digest[SECRET_SHA256];
	gnutls_datum_t code;
	int r = get(leaf, ATTLEAF_FRESHNESS, &code);

	secret_sha256(token, digest);
	if (r == OK &&
	    !secret_eq(
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

/* Not good, and an empty text, when the value is no short printable one. */
static int
text(gnutls_x509_crt_t leaf, const char *oid, char out[ATTEST_TEXT], bool *good)
{
	gnutls_datum_t d;
	int r = get(leaf, oid, &d);
	struct blob value = blob_of(d.data, d.size);

	memset(out, 0, ATTEST_TEXT);
	*good = r == OK && is_text(value);
	if (*good && value.n > 0 && !is_blank(value))
		memcpy(out, value.p, value.n);
	gnutls_free(d.data);
	return r;
}

/* A DER INTEGER from 0; -1 when it is absent or anything else. */
static int
number(gnutls_x509_crt_t leaf, const char *oid, int64_t *out)
{
	gnutls_datum_t d;
	int r = get(leaf, oid, &d);
	struct blob rest = blob_of(d.data, d.size), value;

	if (r != OK || !in_der_take(&rest, IN_DER_INTEGER, &value) ||
	    rest.n != 0 || !in_der_uint(value, out))
		*out = -1;
	gnutls_free(d.data);
	return r;
}

/* An unreadable value is an unknown one, never a good one. */
static int
read_posture(gnutls_x509_crt_t leaf, struct attestation *out)
{
	const struct {
		const char *oid;
		char *out;
	} texts[] = {
		{ ATTLEAF_UPDATE_ID, out->software_update_device_id },
		{ ATTLEAF_OS, out->os_version },
		{ ATTLEAF_SEPOS, out->sepos_version },
		{ ATTLEAF_LLB, out->llb_version },
		{ ATTLEAF_BOOT, out->secure_boot },
	};
	int64_t sip, extensions;
	size_t i;
	bool good;
	int r;

	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if ((r = text(leaf, texts[i].oid, texts[i].out, &good)) != OK)
			return r;
	if ((r = number(leaf, ATTLEAF_SIP, &sip)) != OK ||
	    (r = number(leaf, ATTLEAF_EXTENSIONS, &extensions)) != OK)
		return r;
	out->sip = sip == 0 ? "enabled" : sip == 1 ? "disabled" : "unknown";
	out->kernel_extensions = extensions == 0 ? "none"
	    : extensions > 0                     ? "allowed"
						 : "unknown";
	return OK;
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

static int
identifier(gnutls_x509_crt_t leaf, const char *oid, const char *what,
    char out[ATTEST_TEXT])
{
	bool good;
	int r = text(leaf, oid, out, &good);

	if (r == OK && !good)
		r = fail(ERR_ATT_IDENTITY, "the %s is not text", what);
	return r;
}

int
attleaf_read(gnutls_x509_crt_t leaf, struct attestation *out)
{
	int r;

	if ((r = identifier(
		 leaf, ATTLEAF_SERIAL, "serial number", out->serial)) == OK &&
	    (r = identifier(leaf, ATTLEAF_UDID, "UDID", out->udid)) == OK &&
	    (r = read_posture(leaf, out)) == OK &&
	    (r = read_key(leaf, out)) == OK)
		r = read_certificate(leaf, out);
	return r;
}
