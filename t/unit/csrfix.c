#include "unit/csrfix.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/csr.h"
#include "unit/unit.h"

EVP_PKEY *csrfix_ec;

static void
add_subject(struct buf *b, const struct faults *k)
{
	size_t at = b->n;

	for (int i = 0; k->cn_tag != 0 && i < 1 + k->two_cn; i++) {
		size_t rdn = b->n;

		der_put_oid(b, OID_CN);
		der_put(b, k->cn_tag, k->cn);
		testpki_enclose(b, rdn, 0x30);
		testpki_enclose(b, rdn, 0x31);
	}
	testpki_enclose(b, at, 0x30);
}

void
csrfix_add_spki(struct buf *b, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	assert_true(n > 0);
	buf_add(b, der, (size_t)n);
	OPENSSL_free(der);
}

static void
add_attributes(struct buf *b, const struct faults *k)
{
	size_t all = b->n;

	if (k->password) {
		der_put_oid(b, "1.2.840.113549.1.9.7");
		buf_add(b,
		    "\x31\x03\x0c\x01"
		    "x",
		    5);
		testpki_enclose(b, all, 0x30);
	}
	for (int i = 0; k->extensions.n > 0 && i < 1 + k->requests; i++) {
		size_t at = b->n, set;

		der_put_oid(b, OID_EXTENSIONS);
		set = b->n;
		for (int v = 0; v < 1 + k->two_values; v++)
			der_put(b, 0x30, k->extensions);
		testpki_enclose(b, set, 0x31);
		testpki_enclose(b, at, 0x30);
	}
	testpki_enclose(b, all, 0xa0);
}

void
csrfix_build(struct buf *b, const struct faults *k)
{
	EVP_PKEY *key = k->key ? k->key : csrfix_ec;
	struct buf signature;
	size_t at;

	buf_init(b, MAX);
	der_put(b, 0x02, blob_of(k->version ? k->version : "", 1));
	add_subject(b, k);
	if (k->spki != NULL)
		buf_add_blob(b, buf_blob(k->spki));
	else
		csrfix_add_spki(b, key);
	if (!k->no_attributes)
		add_attributes(b, k);
	if (k->more)
		buf_add(b, "\x05\x00", 2);
	testpki_enclose(b, 0, 0x30);
	buf_init(&signature, MAX);
	buf_add_byte(&signature, 0);
	testpki_sign(key, k->md, buf_blob(b), &signature);
	if (k->other_signature)
		signature.p[signature.n - 1] ^= 1;
	at = b->n;
	der_put_oid(b, k->algorithm ? k->algorithm : OID_SHA256_EC);
	testpki_enclose(b, at, 0x30);
	der_put(b, 0x03, buf_blob(&signature));
	buf_release(&signature);
	testpki_enclose(b, 0, 0x30);
}

void
csrfix_expect_with(const struct faults *k, unsigned flags, const char *why)
{
	struct csr *csr;
	struct buf b;
	int r;

	csrfix_build(&b, k);
	log_forget_reason();
	r = csr_parse(buf_blob(&b), flags, &csr);
	buf_release(&b);
	if (why == NULL && r != OK)
		unit_fail("refused: %s", log_reason());
	if (why != NULL &&
	    (r != ERR_BAD_CSR || strstr(log_reason(), why) == NULL))
		unit_fail(
		    "%s: %s instead of %s", err_name(r), log_reason(), why);
	csr_free(csr);
}

void
csrfix_expect(const struct faults *k, const char *why)
{
	csrfix_expect_with(k, 0, why);
}

void
csrfix_add_extension(
    struct buf *b, const char *oid, bool critical, const void *p, size_t n)
{
	size_t at = b->n;

	der_put_oid(b, oid);
	if (critical)
		buf_add(b, "\x01\x01\xff", 3);
	der_put(b, 0x04, blob_of(p, n));
	testpki_enclose(b, at, 0x30);
}

void
csrfix_add_san(struct buf *b, struct blob names)
{
	struct buf san;

	buf_init(&san, MAX);
	der_put(&san, 0x30, names);
	csrfix_add_extension(b, OID_SAN, false, san.p, san.n);
	buf_release(&san);
}

void
csrfix_add_other_name(struct buf *b, const char *oid, const void *p, size_t n)
{
	size_t at = b->n;

	der_put_oid(b, oid);
	der_put(b, 0xa0, blob_of(p, n));
	testpki_enclose(b, at, 0xa0);
}

int
csrfix_start(void **state)
{
	(void)state;
	csrfix_ec = testpki_key("P-256");
	return 0;
}

int
csrfix_stop(void **state)
{
	(void)state;
	EVP_PKEY_free(csrfix_ec);
	return 0;
}
