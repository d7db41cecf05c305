#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/signed_data.h"
#include "sim/forge/der.h"
#include "sim/forge/scratch.h"

#define DATA_OID   "1.2.840.113549.1.7.1"
#define SIGNED_OID "1.2.840.113549.1.7.2"

/* A constructed value of either kind; returns the mark of a definite one. */
static size_t
begin(const struct signed_data *cms, uint8_t tag, struct buf *out)
{
	if (cms->der)
		return der_open(out, tag);
	der_open_indefinite(out, tag);
	return 0;
}

static void
end(const struct signed_data *cms, size_t mark, struct buf *out)
{
	if (cms->der)
		der_close(out, mark);
	else
		der_end_of_contents(out);
}

static void
put_digest(const char *digest, struct buf *out)
{
	size_t mark = der_open(out, DER_SEQUENCE);

	der_put_oid(out, keypair_digest_oid(digest));
	der_put(out, DER_NULL, blob_of("", 0));
	der_close(out, mark);
}

static void
put_octets(const struct signed_data *cms, struct blob content, struct buf *out)
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
put_content(const struct signed_data *cms, struct blob content, struct buf *out)
{
	size_t info = begin(cms, DER_SEQUENCE, out), mark;

	der_put_oid(out, DATA_OID);
	if (!cms->detached) {
		mark = begin(cms, DER_CONTEXT_CONS, out);
		put_octets(cms, content, out);
		end(cms, mark, out);
	}
	end(cms, info, out);
}

static void
put_certificates(const struct signed_data *cms, struct buf *out)
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
put_attribute(const char *oid, struct blob value, struct buf *out)
{
	size_t seq = der_open(out, DER_SEQUENCE);

	der_put_oid(out, oid);
	der_put(out, DER_SET, value);
	der_close(out, seq);
}

static int
compare(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static int
put_attributes(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	struct buf list[3 + SIGNED_DATA_ATTRIBUTES];
	size_t n = 3 + cms->more_count;
	SCRATCH_BUF(v);
	SCRATCH_BUF(md);
	int r;

	assert(cms->more_count <= SIGNED_DATA_ATTRIBUTES);
	for (size_t i = 0; i < n; i++)
		buf_init(&list[i], SCRATCH_MAX);
	der_put_oid(&v, DATA_OID);
	put_attribute("1.2.840.113549.1.9.3", buf_blob(&v), &list[0]);
	buf_reset(&v);
	der_put_time(&v, clock_now());
	put_attribute("1.2.840.113549.1.9.5", buf_blob(&v), &list[1]);
	buf_reset(&v);
	r = keypair_digest(cms->digest, content, &md);
	der_put(&v, DER_OCTETS, buf_blob(&md));
	put_attribute("1.2.840.113549.1.9.4", buf_blob(&v), &list[2]);
	for (size_t i = 0; i < cms->more_count; i++)
		put_attribute(
		    cms->more[i].oid, cms->more[i].value, &list[3 + i]);
	/* In the order that DER wants of a SET OF (X.690 section 11.6). */
	qsort(list, n, sizeof *list, compare);
	for (size_t i = 0; i < n; i++) {
		buf_add_blob(out, buf_blob(&list[i]));
		buf_release(&list[i]);
	}
	return r != OK ? r : buf_status(out);
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

/* RSA is named by what was hashed as well, as Apple's clients do. */
static int
put_signer(const struct signed_data *cms, struct blob content, struct buf *out)
{
	SCRATCH_BUF(attributes);
	SCRATCH_BUF(signed_set);
	SCRATCH_BUF(sig);
	size_t set = der_open(out, DER_SET), seq;
	int r;

	seq = der_open(out, DER_SEQUENCE);
	der_put_int(out, 1);
	if ((r = signed_data_issuer_and_serial(cms->signer, out)) != OK)
		return r;
	put_digest(cms->digest, out);
	if (cms->attributes) {
		if ((r = put_attributes(cms, content, &attributes)) != OK)
			return r;
		der_put(out, DER_CONTEXT_CONS, buf_blob(&attributes));
		der_put(&signed_set, DER_SET, buf_blob(&attributes));
		content = buf_blob(&signed_set);
	}
	keypair_algorithm(cms->key, cms->digest, out);
	if ((r = keypair_sign(cms->key, cms->digest, content, &sig)) != OK)
		return r;
	der_put(out, DER_OCTETS, buf_blob(&sig));
	der_close(out, seq);
	der_close(out, set);
	return buf_status(out);
}

int
signed_data_sign(
    const struct signed_data *cms, struct blob content, struct buf *out)
{
	size_t info = begin(cms, DER_SEQUENCE, out);
	size_t wrap, seq, set;
	int r;

	der_put_oid(out, SIGNED_OID);
	wrap = begin(cms, DER_CONTEXT_CONS, out);
	seq = begin(cms, DER_SEQUENCE, out);
	der_put_int(out, 1);
	set = der_open(out, DER_SET);
	put_digest(cms->digest, out);
	der_close(out, set);
	put_content(cms, content, out);
	put_certificates(cms, out);
	r = put_signer(cms, content, out);
	end(cms, seq, out);
	end(cms, wrap, out);
	end(cms, info, out);
	return r != OK ? r : buf_status(out);
}

int
signed_data_open(struct blob message, struct buf *content)
{
	BIO *in = BIO_new_mem_buf(message.p, (int)message.n);
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = in == NULL ? NULL : d2i_CMS_bio(in, NULL);
	char *data = NULL;
	long n;
	int r;

	if (cms == NULL || out == NULL ||
	    CMS_verify(cms, NULL, NULL, NULL, out,
		CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1) {
		r = fail(ERR_MALFORMED, "the signed message does not verify");
	} else {
		n = BIO_get_mem_data(out, &data);
		r = buf_add(content, data, (size_t)n);
	}
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	return r;
}
