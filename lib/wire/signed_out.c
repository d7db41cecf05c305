#include "wire/signed_out.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "wire/cms.h"
#include "wire/in_der.h"
#include "wire/out_der.h"
#include "wire/x509.h"

#define OID_DATA           "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA    "1.2.840.113549.1.7.2"
#define OID_CONTENT_TYPE   "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_SIGNING_TIME   "1.2.840.113549.1.9.5"
#define OID_RSA            "1.2.840.113549.1.1.1"

#define DIGEST_MAX      64
#define ATTRIBUTE_BYTES 2048
#define ALL_MAX         (SIGNED_OUT_ATTRIBUTES_MAX + 3)

static const struct {
	gnutls_digest_algorithm_t hash;
	const char *oid;
	gnutls_sign_algorithm_t signature;
} digests[] = {
	{ GNUTLS_DIG_SHA1, "1.3.14.3.2.26", GNUTLS_SIGN_RSA_SHA1 },
	{ GNUTLS_DIG_SHA256, "2.16.840.1.101.3.4.2.1", GNUTLS_SIGN_RSA_SHA256 },
	{ GNUTLS_DIG_SHA384, "2.16.840.1.101.3.4.2.2", GNUTLS_SIGN_RSA_SHA384 },
	{ GNUTLS_DIG_SHA512, "2.16.840.1.101.3.4.2.3", GNUTLS_SIGN_RSA_SHA512 },
};

#define DIGESTS (sizeof digests / sizeof digests[0])

int
signed_out_printable(const char *text, struct buf *out)
{
	return out_der_add(out, IN_DER_PRINTABLE, blob_str(text));
}

int
signed_out_octets(struct blob octets, struct buf *out)
{
	return out_der_add(out, IN_DER_OCTET_STRING, octets);
}

int
signed_out_utf8(const char *text, struct buf *out)
{
	return out_der_add(out, IN_DER_UTF8, blob_str(text));
}

/* Appends Attribute: SEQUENCE of type and SET of the one value. */
static int
add_attribute(const char *oid, struct blob value, struct buf *out)
{
	struct buf inner;
	int r;

	buf_init(&inner, ATTRIBUTE_BYTES);
	if ((r = out_der_oid(&inner, oid)) == OK &&
	    (r = out_der_add(&inner, IN_DER_SET, value)) == OK)
		r = out_der_wrap(out, IN_DER_SEQUENCE, &inner);
	buf_release(&inner);
	return r;
}

static int
add_time(struct buf *out)
{
	time_t now = (time_t)clock_now();
	struct buf value;
	char text[32];
	struct tm tm;
	int r;

	buf_init(&value, 64);
	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%y%m%d%H%M%SZ", &tm);
	if ((r = out_der_add(&value, IN_DER_UTC_TIME, blob_str(text))) == OK)
		r = add_attribute(OID_SIGNING_TIME, buf_blob(&value), out);
	buf_release(&value);
	return r;
}

static int
add_content_type(struct buf *out)
{
	struct buf value;
	int r;

	buf_init(&value, 64);
	if ((r = out_der_oid(&value, OID_DATA)) == OK)
		r = add_attribute(OID_CONTENT_TYPE, buf_blob(&value), out);
	buf_release(&value);
	return r;
}

static int
add_message_digest(const struct signed_out *what, struct buf *out)
{
	size_t n = gnutls_hash_get_len(what->digest);
	uint8_t sum[DIGEST_MAX];
	struct buf value;
	int r;

	if (gnutls_hash_fast(
		what->digest, what->content.p, what->content.n, sum) < 0)
		return fail(ERR_CRYPTO, "a digest cannot be used");
	buf_init(&value, 2 * DIGEST_MAX);
	if ((r = out_der_add(&value, IN_DER_OCTET_STRING, blob_of(sum, n))) ==
	    OK)
		r = add_attribute(OID_MESSAGE_DIGEST, buf_blob(&value), out);
	buf_release(&value);
	return r;
}

/* X.690 section 11.6: the elements of a SET OF stand in ascending order. */
static int
by_bytes(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int d = memcmp(x->p, y->p, n);

	return d != 0 ? d : (x->n > y->n) - (x->n < y->n);
}

/* Appends all attributes, sorted, without the header of the SET. */
static int
add_attributes(const struct signed_out *what, struct buf *out)
{
	struct buf all[ALL_MAX];
	size_t i, n = what->n_attributes;
	int r;

	for (i = 0; i < ALL_MAX; i++)
		buf_init(&all[i], ATTRIBUTE_BYTES);
	if ((r = add_content_type(&all[n])) != OK ||
	    (r = add_message_digest(what, &all[n + 1])) != OK ||
	    (r = add_time(&all[n + 2])) != OK)
		goto done;
	for (i = 0; i < n && r == OK; i++)
		r = add_attribute(what->attributes[i].oid,
		    what->attributes[i].value, &all[i]);
	if (r != OK)
		goto done;
	qsort(all, n + 3, sizeof all[0], by_bytes);
	for (i = 0; i < n + 3; i++)
		buf_add_blob(out, buf_blob(&all[i]));
	r = buf_status(out);
done:
	for (i = 0; i < ALL_MAX; i++)
		buf_release(&all[i]);
	return r;
}

/* RFC 5652 section 5.4: signed is the SET, not its implicit tag. */
static int
sign_attributes(const struct signed_out *what, size_t digest,
    struct blob attributes, gnutls_datum_t *signature)
{
	gnutls_datum_t data;
	struct buf set;
	int r;

	buf_init(&set, CMS_BYTES_MAX);
	if ((r = out_der_add(&set, IN_DER_SET, attributes)) == OK) {
		data = (gnutls_datum_t){ set.p, (unsigned)set.n };
		r = gnutls_privkey_sign_data2(
		    what->key, digests[digest].signature, 0, &data, signature);
		if (r < 0)
			r = fail(ERR_CRYPTO, "CMS cannot be signed: %s",
			    gnutls_strerror(r));
	}
	buf_release(&set);
	return r;
}

static int
add_signer(const struct signed_out *what, size_t digest,
    struct blob certificate, struct buf *out)
{
	gnutls_datum_t signature = { NULL, 0 };
	struct buf attributes, signer;
	int r;

	buf_init(&attributes, CMS_BYTES_MAX);
	buf_init(&signer, CMS_BYTES_MAX);
	if ((r = add_attributes(what, &attributes)) != OK ||
	    (r = sign_attributes(
		 what, digest, buf_blob(&attributes), &signature)) != OK ||
	    (r = out_der_small(&signer, 1)) != OK ||
	    (r = out_der_issuer_and_serial(&signer, certificate)) != OK ||
	    (r = out_der_algorithm(&signer, digests[digest].oid)) != OK ||
	    (r = out_der_wrap(
		 &signer, IN_DER_CONTEXT_CONSTRUCTED(0), &attributes)) != OK ||
	    (r = out_der_algorithm(&signer, OID_RSA)) != OK ||
	    (r = out_der_add(&signer, IN_DER_OCTET_STRING,
		 blob_of(signature.data, signature.size))) != OK)
		goto done;
	r = out_der_wrap(out, IN_DER_SEQUENCE, &signer);
done:
	gnutls_free(signature.data);
	buf_release(&attributes);
	buf_release(&signer);
	return r;
}

/* EncapsulatedContentInfo; `content` NULL: without any. */
static int
add_content(const struct blob *content, struct buf *out)
{
	struct buf inner, string;
	int r;

	buf_init(&inner, CMS_BYTES_MAX);
	buf_init(&string, CMS_BYTES_MAX);
	r = out_der_oid(&inner, OID_DATA);
	if (r == OK && content != NULL &&
	    (r = out_der_add(&string, IN_DER_OCTET_STRING, *content)) == OK)
		r = out_der_wrap(
		    &inner, IN_DER_CONTEXT_CONSTRUCTED(0), &string);
	if (r == OK)
		r = out_der_wrap(out, IN_DER_SEQUENCE, &inner);
	buf_release(&string);
	buf_release(&inner);
	return r;
}

/* ContentInfo around the inside of a SignedData. */
static int
add_envelope(struct buf *inside, struct buf *out)
{
	struct buf signed_data, info;
	int r;

	buf_init(&signed_data, CMS_BYTES_MAX);
	buf_init(&info, CMS_BYTES_MAX);
	if ((r = out_der_wrap(&signed_data, IN_DER_SEQUENCE, inside)) == OK &&
	    (r = out_der_oid(&info, OID_SIGNED_DATA)) == OK &&
	    (r = out_der_wrap(
		 &info, IN_DER_CONTEXT_CONSTRUCTED(0), &signed_data)) == OK)
		r = out_der_wrap(out, IN_DER_SEQUENCE, &info);
	buf_release(&info);
	buf_release(&signed_data);
	return r;
}

static int
find_digest(gnutls_digest_algorithm_t hash, size_t *out)
{
	for (*out = 0; *out < DIGESTS; (*out)++)
		if (digests[*out].hash == hash)
			return OK;
	return fail(ERR_INTERNAL, "no CMS digest %d", (int)hash);
}

/* Appends the inside of the SignedData. */
static int
add_signed(const struct signed_out *what, size_t digest,
    struct blob certificate, struct buf *out)
{
	struct buf set;
	int r;

	buf_init(&set, CMS_BYTES_MAX);
	if ((r = out_der_small(out, 1)) != OK ||
	    (r = out_der_algorithm(&set, digests[digest].oid)) != OK ||
	    (r = out_der_wrap(out, IN_DER_SET, &set)) != OK ||
	    (r = add_content(what->has_content ? &what->content : NULL, out)) !=
		OK ||
	    (r = out_der_add(
		 out, IN_DER_CONTEXT_CONSTRUCTED(0), certificate)) != OK ||
	    (r = add_signer(what, digest, certificate, &set)) != OK)
		goto done;
	r = out_der_wrap(out, IN_DER_SET, &set);
done:
	buf_release(&set);
	return r;
}

int
signed_out_write(const struct signed_out *what, struct buf *out)
{
	struct buf certificate, inside;
	size_t digest;
	int r;

	if (what->n_attributes > SIGNED_OUT_ATTRIBUTES_MAX)
		return fail(ERR_INTERNAL, "too many CMS attributes");
	if ((r = find_digest(what->digest, &digest)) != OK)
		return r;
	buf_init(&certificate, X509_DER_MAX);
	buf_init(&inside, CMS_BYTES_MAX);
	if ((r = x509_der(what->signer, &certificate)) == OK &&
	    (r = add_signed(what, digest, buf_blob(&certificate), &inside)) ==
		OK)
		r = add_envelope(&inside, out);
	buf_release(&inside);
	buf_release(&certificate);
	return r;
}

int
signed_out_certificate(struct blob certificate, struct buf *out)
{
	struct blob none = blob_of(NULL, 0);
	struct buf inside;
	int r;

	buf_init(&inside, CMS_BYTES_MAX);
	if ((r = out_der_small(&inside, 1)) == OK &&
	    (r = out_der_add(&inside, IN_DER_SET, none)) == OK &&
	    (r = add_content(NULL, &inside)) == OK &&
	    (r = out_der_add(
		 &inside, IN_DER_CONTEXT_CONSTRUCTED(0), certificate)) == OK &&
	    (r = out_der_add(&inside, IN_DER_SET, none)) == OK)
		r = add_envelope(&inside, out);
	buf_release(&inside);
	return r;
}
