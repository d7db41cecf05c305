#include "unit/testpki.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sim/forge/cert.h"
#include "sim/forge/keypair.h"
#include "unit/rsakeys.h"
#include "unit/unit.h"

EVP_PKEY *
testpki_key(const char *kind)
{
	unsigned bits =
	    (unsigned)strtoul(kind + strcspn(kind, "-") + 1, NULL, 10);
	EVP_PKEY *key = NULL;
	char path[4096];

	if (strncmp(kind, "RSA-", 4) == 0 && rsakeys_next(bits, path))
		assert_int_equal(keypair_load(NULL, path, &key), OK);
	else
		assert_int_equal(keypair_make(kind, &key), OK);
	return key;
}

static void
add_subject(X509 *crt, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(crt), &der);

	assert_true(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

X509 *
testpki_issue(EVP_PKEY *key, const struct testpki_cert *what)
{
	bool any = what->not_before == 0 && what->not_after == 0;
	struct cert_rdn cn = { "2.5.4.3", DER_UTF8, what->name };
	uint8_t serial[] = { (uint8_t)(what->serial >> 8),
		(uint8_t)what->serial };
	const unsigned char *p;
	SCRATCH_BUF(subject);
	SCRATCH_BUF(issuer);
	SCRATCH_BUF(extensions);
	SCRATCH_BUF(der);
	X509 *crt;

	cert_name(&subject, &cn, 1);
	if (what->issuer != NULL)
		add_subject(what->issuer, &issuer);
	cert_basic(&extensions, what->ca, -1);
	if (what->key_id)
		assert_int_equal(cert_key_ids(&extensions, key,
				     what->issuer ? what->issuer_key : key),
		    OK);
	assert_int_equal(
	    cert_sign(
		&(struct cert){
		    .serial = blob_of(serial, sizeof serial),
		    .issuer = buf_blob(&issuer),
		    .subject = buf_blob(&subject),
		    .key = key,
		    .extensions = buf_blob(&extensions),
		    .not_before = time(NULL) + (any ? -3600 : what->not_before),
		    .not_after = time(NULL) + (any ? 3600 : what->not_after),
		    .digest = what->digest,
		},
		what->issuer ? what->issuer_key : NULL, &der),
	    OK);
	p = der.p;
	assert_non_null(crt = d2i_X509(NULL, &p, (long)der.n));
	return crt;
}

void
testpki_der(X509 *crt, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(crt, &der);

	assert_true(n > 0);
	assert_int_equal(buf_add(out, der, (size_t)n), OK);
	OPENSSL_free(der);
}

void
testpki_sign(EVP_PKEY *key, const char *digest, struct blob in, struct buf *out)
{
	assert_int_equal(
	    keypair_sign(key, digest ? digest : "sha256", in, out), OK);
}

void
testpki_enclose(struct buf *b, size_t from, uint8_t tag)
{
	SCRATCH_BUF(inner);

	buf_add(&inner, b->p + from, b->n - from);
	b->n = from;
	der_put(b, tag, buf_blob(&inner));
	assert_int_equal(buf_status(b), OK);
}
