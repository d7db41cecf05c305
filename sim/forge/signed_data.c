#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"

#define SIGNED_DATA_DATA   "1.2.840.113549.1.7.1"
#define SIGNED_DATA_SIGNED "1.2.840.113549.1.7.2"

/* A constructed value of either kind; returns the mark of a definite one. */
static size_t
signed_data_begin(const struct signed_data *cms, uint8_t tag, struct buf *out)
{
	if (cms->der)
		return der_open(out, tag);
	der_open_indefinite(out, tag);
	return 0;
}

static void
signed_data_end(const struct signed_data *cms, size_t mark, struct buf *out)
{
	if (cms->der)
		der_close(out, mark);
	else
		der_end_of_contents(out);
}

static void
signed_data_digest(const char *digest, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	der_put_oid(out, keypair_digest_oid(digest));
	der_put(out, DER_NULL, blob_of("", 0));
	der_close(out, mark);
}

static void
signed_data_octets(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	size_t chunk = cms->chunk > 0 ? cms->chunk : 512;

	if (cms->der) {
		der_put(out, DER_OCTETS, content);
		return;
	}
	der_open_indefinite(out, DER_OCTETS | 0x20);
	for (size_t at = 0; at < content.n; at += chunk) {
		size_t n = content.n - at < chunk ? content.n - at : chunk;

		der_put(out, DER_OCTETS, blob_of(content.p + at, n));
	}
	der_end_of_contents(out);
}

static void
signed_data_content(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	size_t info = signed_data_begin(cms, DER_SEQUENCE, out), mark;

	der_put_oid(out, SIGNED_DATA_DATA);
	if (!cms->detached) {
		mark = signed_data_begin(cms, DER_CONTEXT_CONS, out);
		signed_data_octets(cms, content, out);
		signed_data_end(cms, mark, out);
	}
	signed_data_end(cms, info, out);
}

static void
signed_data_certificates(const struct signed_data *cms, struct buf *out)
{
	size_t mark;

	if (cms->no_certificates)
		return;
	mark = der_open(out, DER_CONTEXT_CONS);
	buf_add_blob(out, cms->signer);
	for (size_t i = 0; i < cms->others_count; i++)
		buf_add_blob(out, cms->others[i]);
	der_close(out, mark);
}

static void
signed_data_attribute(const char *oid, struct blob value, struct buf *out)
{
	size_t seq = der_open(out, DER_SEQUENCE);

	der_put_oid(out, oid);
	der_put(out, DER_SET, value);
	der_close(out, seq);
}

static int
signed_data_compare(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* In the order that DER wants of a SET OF (X.690 section 11.6). */
static void
signed_data_sort(struct buf *list, size_t n, struct buf *out)
{
	qsort(list, n, sizeof *list, signed_data_compare);
	for (size_t i = 0; i < n; i++)
		buf_add_blob(out, buf_blob(&list[i]));
}

static int
signed_data_attributes(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	struct buf list[3 + SIGNED_DATA_ATTRIBUTES], v, md;
	size_t n = 3 + cms->more_count;
	int rc;

	assert(cms->more_count <= SIGNED_DATA_ATTRIBUTES);
	for (size_t i = 0; i < n; i++)
		buf_init(&list[i], DER_MAX);
	buf_init(&v, 1024);
	buf_init(&md, 128);
	der_put_oid(&v, SIGNED_DATA_DATA);
	signed_data_attribute("1.2.840.113549.1.9.3", buf_blob(&v), &list[0]);
	buf_reset(&v);
	der_put_time(&v, clock_now());
	signed_data_attribute("1.2.840.113549.1.9.5", buf_blob(&v), &list[1]);
	buf_reset(&v);
	rc = keypair_digest(cms->digest, content, &md);
	der_put(&v, DER_OCTETS, buf_blob(&md));
	signed_data_attribute("1.2.840.113549.1.9.4", buf_blob(&v), &list[2]);
	for (size_t i = 0; i < cms->more_count; i++)
		signed_data_attribute(
		    cms->more[i].oid, cms->more[i].value, &list[3 + i]);
	signed_data_sort(list, n, out);
	for (size_t i = 0; i < n; i++)
		buf_release(&list[i]);
	buf_release(&v);
	buf_release(&md);
	return rc != OK ? rc : buf_status(out);
}

int
signed_data_issuer_and_serial(struct blob signer, struct buf *out)
{
	const unsigned char *p = signer.p;
	X509 *crt = d2i_X509(NULL, &p, (long)signer.n);
	unsigned char *name = NULL, *serial = NULL;
	int names = 0, serials = 0;
	size_t mark;

	if (crt == NULL)
		return fail(ERR_MALFORMED, "the signer is no certificate");
	names = i2d_X509_NAME(X509_get_issuer_name(crt), &name);
	serials = i2d_ASN1_INTEGER(X509_get0_serialNumber(crt), &serial);
	mark = der_open(out, DER_SEQUENCE);
	if (names > 0)
		buf_add(out, name, (size_t)names);
	if (serials > 0)
		buf_add(out, serial, (size_t)serials);
	der_close(out, mark);
	OPENSSL_free(name);
	OPENSSL_free(serial);
	X509_free(crt);
	return names > 0 && serials > 0 ? buf_status(out)
					: fail(ERR_CRYPTO, "no issuer");
}

static int
signed_data_signature(const struct signed_data *cms, struct blob content,
    struct blob attributes, struct buf *out)
{
	struct buf set;
	int rc;

	if (!cms->attributes)
		return keypair_sign(cms->key, cms->digest, content, out);
	buf_init(&set, DER_MAX);
	der_put(&set, DER_SET, attributes);
	rc = keypair_sign(cms->key, cms->digest, buf_blob(&set), out);
	buf_release(&set);
	return rc;
}

/* RSA is named by what was hashed as well, as Apple's clients do. */
static int
signed_data_signer(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	struct buf attributes, sig;
	size_t set = der_open(out, DER_SET), seq;
	int rc = OK;

	buf_init(&attributes, DER_MAX);
	buf_init(&sig, 4096);
	seq = der_open(out, DER_SEQUENCE);
	der_put_int(out, 1);
	if ((rc = signed_data_issuer_and_serial(cms->signer, out)) != OK)
		goto done;
	signed_data_digest(cms->digest, out);
	if (cms->attributes &&
	    (rc = signed_data_attributes(cms, content, &attributes)) != OK)
		goto done;
	if (cms->attributes)
		der_put(out, DER_CONTEXT_CONS, buf_blob(&attributes));
	keypair_algorithm(cms->key, cms->digest, out);
	rc = signed_data_signature(cms, content, buf_blob(&attributes), &sig);
	if (rc != OK)
		goto done;
	der_put(out, DER_OCTETS, buf_blob(&sig));
	der_close(out, seq);
	der_close(out, set);
	rc = buf_status(out);
done:
	buf_release(&attributes);
	buf_release(&sig);
	return rc;
}

int
signed_data_sign(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	size_t info = signed_data_begin(cms, DER_SEQUENCE, out);
	size_t wrap, seq, set;
	int rc;

	der_put_oid(out, SIGNED_DATA_SIGNED);
	wrap = signed_data_begin(cms, DER_CONTEXT_CONS, out);
	seq = signed_data_begin(cms, DER_SEQUENCE, out);
	der_put_int(out, 1);
	set = der_open(out, DER_SET);
	signed_data_digest(cms->digest, out);
	der_close(out, set);
	signed_data_content(cms, content, out);
	signed_data_certificates(cms, out);
	rc = signed_data_signer(cms, content, out);
	signed_data_end(cms, seq, out);
	signed_data_end(cms, wrap, out);
	signed_data_end(cms, info, out);
	return rc != OK ? rc : buf_status(out);
}

int
signed_data_open(struct blob message, struct buf *content)
{
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	char *data = NULL;
	long n;
	int rc;

	if (cms == NULL || out == NULL ||
	    CMS_verify(cms, NULL, NULL, NULL, out,
		CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1) {
		rc = fail(ERR_MALFORMED, "the signed message does not verify");
	} else {
		n = BIO_get_mem_data(out, &data);
		rc = buf_add(content, data, (size_t)n);
	}
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	return rc;
}
