#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/sim_cms.h"
#include "sim/sim_der.h"

#define SIM_CMS_DATA   "1.2.840.113549.1.7.1"
#define SIM_CMS_SIGNED "1.2.840.113549.1.7.2"

/* A constructed value of either kind; returns the mark of a definite one. */
static size_t
sim_cms_begin(const struct sim_cms *cms, uint8_t tag, struct buf *out)
{
	if (cms->der)
		return sim_der_open(out, tag);
	sim_der_open_indefinite(out, tag);
	return 0;
}

static void
sim_cms_end(const struct sim_cms *cms, size_t mark, struct buf *out)
{
	if (cms->der)
		sim_der_close(out, mark);
	else
		sim_der_end_of_contents(out);
}

static void
sim_cms_digest(const char *digest, struct buf *out)
{
	size_t mark = sim_der_open(out, SIM_DER_SEQUENCE);

	sim_der_put_oid(out, sim_key_digest_oid(digest));
	sim_der_put(out, SIM_DER_NULL, blob_of("", 0));
	sim_der_close(out, mark);
}

static void
sim_cms_octets(const struct sim_cms *cms, struct blob content, struct buf *out)
{
	size_t chunk = cms->chunk > 0 ? cms->chunk : 512;

	if (cms->der) {
		sim_der_put(out, SIM_DER_OCTETS, content);
		return;
	}
	sim_der_open_indefinite(out, SIM_DER_OCTETS | 0x20);
	for (size_t at = 0; at < content.n; at += chunk) {
		size_t n = content.n - at < chunk ? content.n - at : chunk;

		sim_der_put(out, SIM_DER_OCTETS, blob_of(content.p + at, n));
	}
	sim_der_end_of_contents(out);
}

static void
sim_cms_content(const struct sim_cms *cms, struct blob content, struct buf *out)
{
	size_t info = sim_cms_begin(cms, SIM_DER_SEQUENCE, out), mark;

	sim_der_put_oid(out, SIM_CMS_DATA);
	if (!cms->detached) {
		mark = sim_cms_begin(cms, SIM_DER_CONTEXT_CONS, out);
		sim_cms_octets(cms, content, out);
		sim_cms_end(cms, mark, out);
	}
	sim_cms_end(cms, info, out);
}

static void
sim_cms_certificates(const struct sim_cms *cms, struct buf *out)
{
	size_t mark;

	if (cms->no_certificates)
		return;
	mark = sim_der_open(out, SIM_DER_CONTEXT_CONS);
	buf_add_blob(out, cms->signer);
	for (size_t i = 0; i < cms->others_count; i++)
		buf_add_blob(out, cms->others[i]);
	sim_der_close(out, mark);
}

static void
sim_cms_attribute(const char *oid, struct blob value, struct buf *out)
{
	size_t seq = sim_der_open(out, SIM_DER_SEQUENCE);

	sim_der_put_oid(out, oid);
	sim_der_put(out, SIM_DER_SET, value);
	sim_der_close(out, seq);
}

static int
sim_cms_compare(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* In the order that DER wants of a SET OF (X.690 section 11.6). */
static void
sim_cms_sort(struct buf *list, size_t n, struct buf *out)
{
	qsort(list, n, sizeof *list, sim_cms_compare);
	for (size_t i = 0; i < n; i++)
		buf_add_blob(out, buf_blob(&list[i]));
}

static int
sim_cms_attributes(
    const struct sim_cms *cms, struct blob content, struct buf *out)
{
	struct buf list[3 + SIM_CMS_ATTRIBUTES], v, md;
	size_t n = 3 + cms->more_count;
	int rc;

	assert(cms->more_count <= SIM_CMS_ATTRIBUTES);
	for (size_t i = 0; i < n; i++)
		buf_init(&list[i], SIM_DER_MAX);
	buf_init(&v, 1024);
	buf_init(&md, 128);
	sim_der_put_oid(&v, SIM_CMS_DATA);
	sim_cms_attribute("1.2.840.113549.1.9.3", buf_blob(&v), &list[0]);
	buf_reset(&v);
	sim_der_put_time(&v, clock_now());
	sim_cms_attribute("1.2.840.113549.1.9.5", buf_blob(&v), &list[1]);
	buf_reset(&v);
	rc = sim_key_digest(cms->digest, content, &md);
	sim_der_put(&v, SIM_DER_OCTETS, buf_blob(&md));
	sim_cms_attribute("1.2.840.113549.1.9.4", buf_blob(&v), &list[2]);
	for (size_t i = 0; i < cms->more_count; i++)
		sim_cms_attribute(
		    cms->more[i].oid, cms->more[i].value, &list[3 + i]);
	sim_cms_sort(list, n, out);
	for (size_t i = 0; i < n; i++)
		buf_release(&list[i]);
	buf_release(&v);
	buf_release(&md);
	return rc != OK ? rc : buf_status(out);
}

int
sim_cms_issuer_and_serial(struct blob signer, struct buf *out)
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
	mark = sim_der_open(out, SIM_DER_SEQUENCE);
	if (names > 0)
		buf_add(out, name, (size_t)names);
	if (serials > 0)
		buf_add(out, serial, (size_t)serials);
	sim_der_close(out, mark);
	OPENSSL_free(name);
	OPENSSL_free(serial);
	X509_free(crt);
	return names > 0 && serials > 0 ? buf_status(out)
					: fail(ERR_CRYPTO, "no issuer");
}

static int
sim_cms_signature(const struct sim_cms *cms, struct blob content,
    struct blob attributes, struct buf *out)
{
	struct buf set;
	int rc;

	if (!cms->attributes)
		return sim_key_sign(cms->key, cms->digest, content, out);
	buf_init(&set, SIM_DER_MAX);
	sim_der_put(&set, SIM_DER_SET, attributes);
	rc = sim_key_sign(cms->key, cms->digest, buf_blob(&set), out);
	buf_release(&set);
	return rc;
}

/* RSA is named by what was hashed as well, as Apple's clients do. */
static int
sim_cms_signer(const struct sim_cms *cms, struct blob content, struct buf *out)
{
	struct buf attributes, sig;
	size_t set = sim_der_open(out, SIM_DER_SET), seq;
	int rc = OK;

	buf_init(&attributes, SIM_DER_MAX);
	buf_init(&sig, 4096);
	seq = sim_der_open(out, SIM_DER_SEQUENCE);
	sim_der_put_int(out, 1);
	if ((rc = sim_cms_issuer_and_serial(cms->signer, out)) != OK)
		goto done;
	sim_cms_digest(cms->digest, out);
	if (cms->attributes &&
	    (rc = sim_cms_attributes(cms, content, &attributes)) != OK)
		goto done;
	if (cms->attributes)
		sim_der_put(out, SIM_DER_CONTEXT_CONS, buf_blob(&attributes));
	sim_key_algorithm(cms->key, cms->digest, out);
	rc = sim_cms_signature(cms, content, buf_blob(&attributes), &sig);
	if (rc != OK)
		goto done;
	sim_der_put(out, SIM_DER_OCTETS, buf_blob(&sig));
	sim_der_close(out, seq);
	sim_der_close(out, set);
	rc = buf_status(out);
done:
	buf_release(&attributes);
	buf_release(&sig);
	return rc;
}

int
sim_cms_sign(const struct sim_cms *cms, struct blob content, struct buf *out)
{
	size_t info = sim_cms_begin(cms, SIM_DER_SEQUENCE, out);
	size_t wrap, seq, set;
	int rc;

	sim_der_put_oid(out, SIM_CMS_SIGNED);
	wrap = sim_cms_begin(cms, SIM_DER_CONTEXT_CONS, out);
	seq = sim_cms_begin(cms, SIM_DER_SEQUENCE, out);
	sim_der_put_int(out, 1);
	set = sim_der_open(out, SIM_DER_SET);
	sim_cms_digest(cms->digest, out);
	sim_der_close(out, set);
	sim_cms_content(cms, content, out);
	sim_cms_certificates(cms, out);
	rc = sim_cms_signer(cms, content, out);
	sim_cms_end(cms, seq, out);
	sim_cms_end(cms, wrap, out);
	sim_cms_end(cms, info, out);
	return rc != OK ? rc : buf_status(out);
}

int
sim_cms_open(struct blob message, struct buf *content)
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
