#include <gnutls/crypto.h>
#include <gnutls/pkcs7.h>
#include <libtasn1.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/refusal.h"
#include "wire/cms.h"
#include "wire/cmsnode.h"
#include "wire/in_der.h"
#include "wire/x509.h"

#define OID_DATA           "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA    "1.2.840.113549.1.7.2"
#define OID_CONTENT_TYPE   "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_RSA            "1.2.840.113549.1.1.1"
#define OID_EC             "1.2.840.10045.2.1"
#define NAME_TEXT          64
#define DIGEST_MAX         64
#define RSA_BITS_MAX       4096
#define RSA_EXPONENT_BYTES 4

struct cms_parts {
	struct buf content;
	struct buf certs[CMS_CERTS_MAX];
	bool has_attributes;
	struct buf attributes; /* one after the other, without a header */
	struct buf issuer;     /* these two, or key_id, name the signer */
	struct buf serial;
	struct buf key_id;
	struct buf signature;
	char digest[CMSNODE_OID_TEXT];
	char algorithm[CMSNODE_OID_TEXT];
};

/* A digest with the signature algorithms that are made of it. */
struct digest {
	const char *oid;
	const char *with_rsa;
	const char *with_ecdsa;
	gnutls_digest_algorithm_t hash;
	gnutls_sign_algorithm_t rsa;
	gnutls_sign_algorithm_t ecdsa;
};

static const struct digest digests[] = {
	{ "1.3.14.3.2.26", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1",
	    GNUTLS_DIG_SHA1, GNUTLS_SIGN_RSA_SHA1, GNUTLS_SIGN_ECDSA_SHA1 },
	{ "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11",
	    "1.2.840.10045.4.3.2", GNUTLS_DIG_SHA256, GNUTLS_SIGN_RSA_SHA256,
	    GNUTLS_SIGN_ECDSA_SHA256 },
	{ "2.16.840.1.101.3.4.2.2", "1.2.840.113549.1.1.12",
	    "1.2.840.10045.4.3.3", GNUTLS_DIG_SHA384, GNUTLS_SIGN_RSA_SHA384,
	    GNUTLS_SIGN_ECDSA_SHA384 },
	{ "2.16.840.1.101.3.4.2.3", "1.2.840.113549.1.1.13",
	    "1.2.840.10045.4.3.4", GNUTLS_DIG_SHA512, GNUTLS_SIGN_RSA_SHA512,
	    GNUTLS_SIGN_ECDSA_SHA512 },
};

static gnutls_datum_t
datum(struct blob in)
{
	gnutls_datum_t d = { NULL, (unsigned)in.n };

	/* GnuTLS only reads what it is given, but its type is not const. */
	memcpy(&d.data, &in.p, sizeof d.data);
	return d;
}

/* Appends the bytes of an OCTET STRING, which BER may send in pieces. */
static int
join_string(struct blob in, struct buf *out)
{
	struct blob rest = in, value;
	unsigned char *p = NULL;
	unsigned n = 0, used = 0;
	int r;

	/* libtasn1 does not decode a string without bytes. */
	if (in_der_take(&rest, IN_DER_OCTET_STRING, &value) && rest.n == 0)
		return buf_add_blob(out, value);
	if (in.n == 0 ||
	    asn1_decode_simple_ber(ASN1_ETYPE_OCTET_STRING, in.p,
		(unsigned)in.n, &p, &n, &used) != ASN1_SUCCESS)
		return fail(ERR_MALFORMED, "CMS content is not a string");
	r = used == in.n
	    ? buf_add(out, p, n)
	    : fail(ERR_MALFORMED, "CMS content has bytes after its string");
	free(p);
	return r;
}

static int
take_content(asn1_node node, struct cms_signed *cms)
{
	struct buf whole;
	int r;

	if (!cmsnode_oid_is(node, "content.contentType", OID_DATA))
		return fail(ERR_MALFORMED, "CMS content is not of type data");
	buf_init(&whole, CMS_BYTES_MAX);
	if ((r = cmsnode_bytes(node, "content.content", &whole)) == OK) {
		r = join_string(buf_blob(&whole), &cms->parts->content);
		cms->has_content = true;
		cms->content = buf_blob(&cms->parts->content);
	} else if (r == ERR_NOT_FOUND) {
		r = OK;
	}
	buf_release(&whole);
	return r;
}

static int
take_certificates(asn1_node node, struct cms_signed *cms)
{
	int i, n = cmsnode_count(node, "certificates"), r;
	char name[NAME_TEXT];

	if (n > CMS_CERTS_MAX)
		return fail(ERR_MALFORMED, "CMS with %d certificates", n);
	for (i = 0; i < n; i++) {
		struct buf *b = &cms->parts->certs[i];

		snprintf(name, sizeof name, "certificates.?%d", i + 1);
		if ((r = cmsnode_bytes(node, name, b)) != OK)
			return fail(refusal_code(r, ERR_MALFORMED),
			    "CMS certificate %d", i);
		cms->certs[cms->n_certs++] = buf_blob(b);
	}
	return OK;
}

/*
 * RFC 5652 section 5.4 wants the signed attributes in DER even when the rest
 * is BER. Checking that here makes the bytes received the bytes hashed.
 */
static int
take_attributes(asn1_node node, struct cms_parts *parts)
{
	int i, n = cmsnode_count(node, "signers.?1.signedAttributes"), r;
	char name[NAME_TEXT];
	const char *fault;

	if (n < 0)
		return OK;
	if (n == 0 || n > CMS_ATTRIBUTES_MAX)
		return fail(ERR_MALFORMED, "CMS with %d attributes", n);
	parts->has_attributes = true;
	for (i = 0; i < n; i++) {
		size_t at = parts->attributes.n;

		snprintf(name, sizeof name, "signers.?1.signedAttributes.?%d",
		    i + 1);
		if ((r = cmsnode_bytes(node, name, &parts->attributes)) != OK)
			return fail(refusal_code(r, ERR_MALFORMED),
			    "CMS attribute %d", i);
		fault = in_der_fault(
		    blob_of(parts->attributes.p + at, parts->attributes.n - at),
		    true);
		if (fault != NULL)
			return fail(
			    ERR_MALFORMED, "CMS attribute %d has %s", i, fault);
	}
	return OK;
}

static int
take_signer_name(asn1_node node, struct cms_parts *parts)
{
	int r = cmsnode_bytes(
	    node, "signers.?1.name.bySerial.issuer", &parts->issuer);

	if (r == OK)
		r = cmsnode_bytes(node, "signers.?1.name.bySerial.serialNumber",
		    &parts->serial);
	if (r == ERR_NOT_FOUND)
		r = cmsnode_bytes(
		    node, "signers.?1.name.byKey", &parts->key_id);
	return r == OK
	    ? OK
	    : fail(refusal_code(r, ERR_MALFORMED), "CMS signer without a name");
}

static int
take_signer(asn1_node node, struct cms_parts *parts)
{
	int n = cmsnode_count(node, "signers"), r;

	if (n != 1)
		return fail(ERR_MALFORMED, "CMS with %d signers", n);
	if ((r = take_signer_name(node, parts)) != OK)
		return r;
	r = cmsnode_bytes(node, "signers.?1.signature", &parts->signature);
	if (r != OK ||
	    !cmsnode_oid(
		node, "signers.?1.digestAlgorithm.algorithm", parts->digest) ||
	    !cmsnode_oid(node, "signers.?1.signatureAlgorithm.algorithm",
		parts->algorithm))
		return fail(refusal_code(r, ERR_MALFORMED),
		    "CMS signer cannot be read");
	return take_attributes(node, parts);
}

static struct cms_signed *
signed_new(void)
{
	struct cms_signed *cms = calloc(1, sizeof *cms);
	struct cms_parts *parts = calloc(1, sizeof *parts);
	size_t i;

	if (cms == NULL || parts == NULL) {
		free(cms);
		free(parts);
		return NULL;
	}
	buf_init(&parts->content, CMS_BYTES_MAX);
	for (i = 0; i < CMS_CERTS_MAX; i++)
		buf_init(&parts->certs[i], CMS_BYTES_MAX);
	buf_init(&parts->attributes, CMS_BYTES_MAX);
	buf_init(&parts->issuer, CMS_BYTES_MAX);
	buf_init(&parts->serial, CMS_BYTES_MAX);
	buf_init(&parts->key_id, CMS_BYTES_MAX);
	buf_init(&parts->signature, CMS_BYTES_MAX);
	cms->parts = parts;
	return cms;
}

void
cms_signed_free(struct cms_signed *cms)
{
	struct cms_parts *parts;
	size_t i;

	if (cms == NULL)
		return;
	parts = cms->parts;
	buf_release(&parts->signature);
	buf_release(&parts->key_id);
	buf_release(&parts->serial);
	buf_release(&parts->issuer);
	buf_release(&parts->attributes);
	for (i = 0; i < CMS_CERTS_MAX; i++)
		buf_release(&parts->certs[i]);
	buf_release(&parts->content);
	free(parts);
	free(cms);
}

/* Takes the SignedData out of its ContentInfo. */
static int
open_envelope(struct blob in, struct buf *inner)
{
	asn1_node node;
	int r = OK;

	if ((node = cmsnode_decode("Cms.Envelope", in)) == NULL)
		return fail(ERR_MALFORMED, "not a CMS message");
	if (!cmsnode_oid_is(node, "contentType", OID_SIGNED_DATA))
		r = fail(ERR_MALFORMED, "CMS message is not SignedData");
	else if ((r = cmsnode_bytes(node, "content", inner)) != OK)
		r = fail(refusal_code(r, ERR_MALFORMED),
		    "CMS message without a content");
	asn1_delete_structure(&node);
	return r;
}

static int
take_signed(struct blob in, struct cms_signed *cms)
{
	asn1_node node;
	int r;

	if ((node = cmsnode_decode("Cms.Signed", in)) == NULL)
		return fail(ERR_MALFORMED, "not a CMS SignedData");
	if ((r = take_content(node, cms)) == OK &&
	    (r = take_certificates(node, cms)) == OK)
		r = take_signer(node, cms->parts);
	asn1_delete_structure(&node);
	return r;
}

int
cms_signed_parse(struct blob in, struct cms_signed **out)
{
	struct cms_signed *cms;
	const char *fault;
	struct buf inner;
	int r;

	*out = NULL;
	if (in.n > CMS_BYTES_MAX)
		return fail(ERR_TOO_LARGE, "CMS message of %zu bytes", in.n);
	if ((fault = in_der_fault(in, false)) != NULL)
		return fail(ERR_MALFORMED, "CMS message has %s", fault);
	if ((cms = signed_new()) == NULL)
		return fail(ERR_NOMEM, "no memory for a CMS message");
	buf_init(&inner, CMS_BYTES_MAX);
	if ((r = open_envelope(in, &inner)) == OK)
		r = take_signed(buf_blob(&inner), cms);
	buf_release(&inner);
	if (r == OK)
		*out = cms;
	else
		cms_signed_free(cms);
	return r;
}

/* True when the certificate has the issuer and serial number of the signer. */
static bool
has_serial(const struct cms_parts *parts, struct blob der)
{
	struct blob crt, tbs, version, serial, algorithm;
	struct in_der issuer;

	return in_der_take(&der, IN_DER_SEQUENCE, &crt) &&
	    in_der_take(&crt, IN_DER_SEQUENCE, &tbs) &&
	    (!in_der_peek(tbs, IN_DER_CONTEXT_CONSTRUCTED(0)) ||
		in_der_take(&tbs, IN_DER_CONTEXT_CONSTRUCTED(0), &version)) &&
	    in_der_take(&tbs, IN_DER_INTEGER, &serial) &&
	    in_der_take(&tbs, IN_DER_SEQUENCE, &algorithm) &&
	    in_der_next(&tbs, &issuer) &&
	    blob_eq(serial, buf_blob(&parts->serial)) &&
	    blob_eq(issuer.whole, buf_blob(&parts->issuer));
}

static bool
has_key_id(const struct cms_parts *parts, struct blob der)
{
	gnutls_x509_crt_t crt = NULL;
	struct buf id;
	bool same;

	buf_init(&id, 64);
	same = x509_parse(der, &crt) == OK && x509_key_id(crt, &id) == OK &&
	    blob_eq(buf_blob(&id), buf_blob(&parts->key_id));
	buf_release(&id);
	x509_free(crt);
	return same;
}

int
cms_signed_signer(const struct cms_signed *cms, struct blob *der)
{
	const struct cms_parts *parts = cms->parts;
	size_t i, found = 0;
	bool match;

	*der = blob_of(NULL, 0);
	for (i = 0; i < cms->n_certs; i++) {
		match = parts->issuer.n > 0 ? has_serial(parts, cms->certs[i])
					    : has_key_id(parts, cms->certs[i]);
		if (match && found++ == 0)
			*der = cms->certs[i];
	}
	if (found == 1)
		return OK;
	*der = blob_of(NULL, 0);
	return fail(ERR_MALFORMED,
	    "%zu of %zu certificates are the CMS signer's", found,
	    cms->n_certs);
}

int
cms_signed_attribute(
    const struct cms_signed *cms, const char *oid, struct blob *der)
{
	struct blob rest = buf_blob(&cms->parts->attributes);
	struct blob attribute, type, values;
	struct in_der value = { .tag = 0 };
	size_t found = 0;

	*der = blob_of(NULL, 0);
	while (rest.n > 0) {
		if (!in_der_take(&rest, IN_DER_SEQUENCE, &attribute) ||
		    !in_der_take(&attribute, IN_DER_OID, &type) ||
		    !in_der_take(&attribute, IN_DER_SET, &values) ||
		    attribute.n > 0)
			return fail(ERR_MALFORMED, "CMS attribute's shape");
		if (!in_der_oid_is(type, oid))
			continue;
		if (++found > 1 || !in_der_next(&values, &value) ||
		    values.n > 0)
			return fail(ERR_MALFORMED,
			    "CMS attribute %s is not single", oid);
	}
	if (found == 0)
		return ERR_NOT_FOUND;
	*der = value.whole;
	return OK;
}

static const struct digest *
find_digest(const char *oid)
{
	size_t i;

	for (i = 0; i < sizeof digests / sizeof digests[0]; i++) {
		if (strcmp(digests[i].oid, oid) == 0)
			return &digests[i];
	}
	return NULL;
}

gnutls_digest_algorithm_t
cms_signed_digest(const struct cms_signed *cms)
{
	const struct digest *d = find_digest(cms->parts->digest);

	return d == NULL ? GNUTLS_DIG_UNKNOWN : d->hash;
}

static int
check_digest(const char *oid, unsigned flags, const struct digest **out)
{
	const struct digest *d = find_digest(oid);

	if (d == NULL)
		return fail(ERR_BAD_ALGORITHM, "CMS digest %s", oid);
	if (d->hash == GNUTLS_DIG_SHA1 && (flags & CMS_ALLOW_SHA1) == 0)
		return fail(ERR_BAD_ALGORITHM, "CMS digest is SHA-1");
	*out = d;
	return OK;
}

/*
 * Odd, from 3 on, and small: a huge exponent makes one verification take a
 * thousand times as long, and whoever sends a message chooses the key.
 */
static bool
has_plain_exponent(gnutls_pubkey_t key)
{
	gnutls_datum_t e = { NULL, 0 };
	bool plain;

	if (gnutls_pubkey_export_rsa_raw2(
		key, NULL, &e, GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
		return false;
	plain = e.size > 0 && e.size <= RSA_EXPONENT_BYTES &&
	    e.data[e.size - 1] % 2 == 1 && (e.size > 1 || e.data[0] >= 3);
	gnutls_free(e.data);
	return plain;
}

/*
 * Which algorithm verifies. Devices name either the key's algorithm alone or
 * the combined one; the combined one must say the same digest.
 */
static int
choose_algorithm(gnutls_pubkey_t key, const struct digest *d, const char *named,
    unsigned flags, gnutls_sign_algorithm_t *out)
{
	unsigned bits = 0;
	unsigned least = (flags & CMS_ALLOW_RSA1024) != 0 ? 1024 : 2048;
	int kind = gnutls_pubkey_get_pk_algorithm(key, &bits);
	bool rsa = kind == GNUTLS_PK_RSA;

	if (!rsa && kind != GNUTLS_PK_ECDSA)
		return fail(ERR_BAD_ALGORITHM, "CMS key of kind %d", kind);
	if (rsa && (bits < least || bits > RSA_BITS_MAX))
		return fail(ERR_BAD_ALGORITHM, "CMS key RSA-%u", bits);
	if (rsa && !has_plain_exponent(key))
		return fail(ERR_BAD_ALGORITHM, "CMS key's RSA exponent");
	if (strcmp(named, rsa ? OID_RSA : OID_EC) != 0 &&
	    strcmp(named, rsa ? d->with_rsa : d->with_ecdsa) != 0)
		return fail(ERR_BAD_ALGORITHM,
		    "CMS signature algorithm %s with digest %s", named, d->oid);
	*out = rsa ? d->rsa : d->ecdsa;
	return OK;
}

static int
signer_key(const struct cms_signed *cms, gnutls_pubkey_t *key)
{
	gnutls_x509_crt_t crt = NULL;
	struct blob der;
	int r;

	if ((r = cms_signed_signer(cms, &der)) != OK ||
	    (r = x509_parse(der, &crt)) != OK)
		return r;
	if (gnutls_pubkey_init(key) < 0)
		r = fail(ERR_NOMEM, "no memory for a public key");
	else if (gnutls_pubkey_import_x509(*key, crt, 0) < 0)
		r = fail(ERR_BAD_ALGORITHM, "CMS signer's key is unusable");
	x509_free(crt);
	return r;
}

/* RFC 5652 section 11.1 and 11.2: both attributes, once each, and true. */
static int
check_attributes(
    const struct cms_signed *cms, struct blob content, const struct digest *d)
{
	struct blob type, sum, oid, told;
	uint8_t mine[DIGEST_MAX];
	int r;

	if ((r = cms_signed_attribute(cms, OID_CONTENT_TYPE, &type)) ==
		ERR_NOT_FOUND ||
	    (r == OK &&
		(r = cms_signed_attribute(cms, OID_MESSAGE_DIGEST, &sum)) ==
		    ERR_NOT_FOUND))
		return fail(ERR_MALFORMED, "a CMS attribute is missing");
	if (r != OK)
		return r;
	if (!in_der_take(&type, IN_DER_OID, &oid) ||
	    !in_der_oid_is(oid, OID_DATA))
		return fail(ERR_MALFORMED, "CMS attribute contentType");
	if (gnutls_hash_fast(d->hash, content.p, content.n, mine) < 0)
		return fail(ERR_CRYPTO, "digest %s cannot be used", d->oid);
	if (!in_der_take(&sum, IN_DER_OCTET_STRING, &told) ||
	    !blob_eq(told, blob_of(mine, (size_t)gnutls_hash_get_len(d->hash))))
		return fail(ERR_BAD_SIGNATURE, "CMS message digest differs");
	return OK;
}

/* Appends what was signed: the attributes under a SET's header. */
static int
signed_bytes(const struct cms_parts *parts, struct buf *out)
{
	size_t n = parts->attributes.n;
	int i, bytes = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : 3;

	buf_add_byte(out, IN_DER_SET);
	buf_add_byte(out, bytes == 0 ? (uint8_t)n : (uint8_t)(0x80 | bytes));
	for (i = bytes - 1; i >= 0; i--)
		buf_add_byte(out, (uint8_t)(n >> (8 * i)));
	return buf_add_blob(out, buf_blob(&parts->attributes));
}

static int
verify_bytes(const struct cms_parts *parts, gnutls_pubkey_t key,
    gnutls_sign_algorithm_t algorithm, struct blob bytes)
{
	gnutls_datum_t data = datum(bytes);
	gnutls_datum_t signature = datum(buf_blob(&parts->signature));
	int r;

	/* Whether SHA-1 may be used was decided by check_digest(). */
	r = gnutls_pubkey_verify_data2(key, algorithm,
	    GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1, &data, &signature);
	if (r < 0)
		return fail(
		    ERR_BAD_SIGNATURE, "CMS signature: %s", gnutls_strerror(r));
	return OK;
}

static int
verify_content(const struct cms_signed *cms, struct blob content,
    gnutls_pubkey_t key, const struct digest *d,
    gnutls_sign_algorithm_t algorithm)
{
	struct buf bytes;
	int r;

	/*
	 * A signature over attributes is one over a content that looks like
	 * them, too; no content that we take looks so.
	 */
	if (!cms->parts->has_attributes) {
		if (in_der_peek(content, IN_DER_SET) &&
		    in_der_fault(content, true) == NULL)
			return fail(ERR_BAD_SIGNATURE,
			    "CMS content looks like signed attributes");
		return verify_bytes(cms->parts, key, algorithm, content);
	}
	if ((r = check_attributes(cms, content, d)) != OK)
		return r;
	buf_init(&bytes, CMS_BYTES_MAX + 16);
	if ((r = signed_bytes(cms->parts, &bytes)) == OK)
		r = verify_bytes(cms->parts, key, algorithm, buf_blob(&bytes));
	buf_release(&bytes);
	return r;
}

int
cms_signed_verify(
    const struct cms_signed *cms, struct blob content, unsigned flags)
{
	const struct digest *d = NULL;
	gnutls_sign_algorithm_t algorithm = GNUTLS_SIGN_UNKNOWN;
	gnutls_pubkey_t key = NULL;
	int r;

	if (cms->has_content && !blob_eq(cms->content, content))
		return fail(ERR_BAD_SIGNATURE, "CMS has another content");
	if ((flags & CMS_WANT_ATTRIBUTES) != 0 && !cms->parts->has_attributes)
		return fail(ERR_MALFORMED, "CMS without signed attributes");
	if ((r = check_digest(cms->parts->digest, flags, &d)) == OK &&
	    (r = signer_key(cms, &key)) == OK &&
	    (r = choose_algorithm(
		 key, d, cms->parts->algorithm, flags, &algorithm)) == OK)
		r = verify_content(cms, content, key, d, algorithm);
	if (key != NULL)
		gnutls_pubkey_deinit(key);
	return r;
}

int
cms_sign(struct blob content, gnutls_privkey_t key,
    const gnutls_x509_crt_t *chain, size_t n, struct buf *out)
{
	gnutls_datum_t data = datum(content), der = { NULL, 0 };
	gnutls_pkcs7_t p7 = NULL;
	size_t i;
	int r;

	if (n == 0 || gnutls_pkcs7_init(&p7) < 0)
		return fail(ERR_CRYPTO, "nothing to sign with");
	r = gnutls_pkcs7_sign(p7, chain[0], key, &data, NULL, NULL,
	    GNUTLS_DIG_SHA256,
	    GNUTLS_PKCS7_EMBED_DATA | GNUTLS_PKCS7_INCLUDE_TIME |
		GNUTLS_PKCS7_INCLUDE_CERT);
	for (i = 1; r >= 0 && i < n; i++)
		r = gnutls_pkcs7_set_crt(p7, chain[i]);
	if (r >= 0)
		r = gnutls_pkcs7_export2(p7, GNUTLS_X509_FMT_DER, &der);
	r = r < 0
	    ? fail(ERR_CRYPTO, "CMS cannot be signed: %s", gnutls_strerror(r))
	    : buf_add(out, der.data, der.size);
	gnutls_free(der.data);
	gnutls_pkcs7_deinit(p7);
	return r;
}
