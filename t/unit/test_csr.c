/* Certificate requests (lib/wire/csr.h). */
#include <openssl/x509v3.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/csr.h"
#include "wire/in_der.h"
#include "unit/unit.h"
#include "unit/csrfix.h"

/* acme-246 */
static void
test_good(void **state)
{
	struct buf spki, b;
	struct csr *csr;
	uint8_t sum[SECRET_SHA256];

	(void)state;
	csrfix_expect(&(struct faults){ .no_attributes = true }, NULL);
	csrfix_expect(&(struct faults){ .password = true }, NULL);
	csrfix_build(
	    &b, &(struct faults){ .cn_tag = 0x0c, .cn = blob_str("x") });
	assert_int_equal(csr_parse(buf_blob(&b), 0, &csr), OK);
	buf_release(&b);
	buf_init(&spki, 1024);
	csrfix_add_spki(&spki, csrfix_ec);
	assert_true(blob_eq(csr->spki, buf_blob(&spki)));
	secret_sha256(buf_blob(&spki), sum);
	assert_memory_equal(csr->spki_sha256, sum, sizeof sum);
	assert_null(csr->permanent_identifier);
	assert_null(csr->permanent_assigner);
	assert_false(csr->hardware_module);
	buf_release(&spki);
	csr_free(csr);
	csr_free(NULL);
}

/* acme-239, acme-240, acme-249 */
static void
test_shape(void **state)
{
	static uint8_t big[CSR_BYTES_MAX + 1];
	struct csr *csr;
	struct buf b;

	(void)state;
	csrfix_expect(&(struct faults){ .version = "\x01" }, "version");
	csrfix_expect(&(struct faults){ .more = true }, "more than its parts");
	assert_int_equal(
	    csr_parse(blob_of(big, sizeof big), 0, &csr), ERR_BAD_CSR);
	assert_non_null(strstr(log_reason(), "8193 bytes"));
	assert_int_equal(csr_parse(blob_of(NULL, 0), 0, &csr), ERR_BAD_CSR);
	assert_int_equal(
	    csr_parse(blob_str("-----BEGIN CERTIFICATE REQUEST-----"), 0, &csr),
	    ERR_BAD_CSR);
	csrfix_build(&b, &(struct faults){ .requests = 0 });
	buf_add_byte(&b, 0);
	assert_int_equal(csr_parse(buf_blob(&b), 0, &csr), ERR_BAD_CSR);
	assert_non_null(strstr(log_reason(), "bytes after"));
	for (b.n -= 2; b.n > 0; b.n--)
		assert_int_equal(csr_parse(buf_blob(&b), 0, &csr), ERR_BAD_CSR);
	buf_release(&b);
}

/* acme-239 */
static void
test_certificate_instead(void **state)
{
	X509 *crt = testpki_issue(
	    csrfix_ec, &(struct testpki_cert){ .name = "x", .serial = 1 });
	struct csr *csr;
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	testpki_der(crt, &b);
	assert_int_equal(csr_parse(buf_blob(&b), 0, &csr), ERR_BAD_CSR);
	assert_null(csr);
	buf_release(&b);
	X509_free(crt);
}

/* acme-234, acme-235 */
static void
test_signature(void **state)
{
	(void)state;
	csrfix_expect(
	    &(struct faults){ .other_signature = true }, "signature:");
	csrfix_expect(
	    &(struct faults){ .algorithm = OID_SHA1_EC, .md = "sha1" },
	    "not allowed");
	csrfix_expect(
	    &(struct faults){ .algorithm = OID_SHA256_RSA }, "not allowed");
	csrfix_expect(
	    &(struct faults){ .algorithm = OID_SHA384_EC }, "signature:");
	csrfix_expect(
	    &(struct faults){ .algorithm = OID_SHA384_EC, .md = "sha384" },
	    NULL);
	csrfix_expect(&(struct faults){ .algorithm = "1.2.840.10045.4.3.4",
			  .md = "sha512" },
	    NULL);
}

static void
with_key(EVP_PKEY *key, const char *why)
{
	csrfix_expect(&(struct faults){ .key = key }, why);
	EVP_PKEY_free(key);
}

static void
test_curves(void **state)
{
	(void)state;
	with_key(testpki_key("P-384"), NULL);
	with_key(testpki_key("P-521"), "curve is not allowed");
	with_key(testpki_key("secp256k1"), "curve is not allowed");
	with_key(testpki_key("P-224"), "curve is not allowed");
}

/* Another spelling of the key; the signature is sound over it. */
static void
with_point(size_t drop, int first, int flip, const char *why)
{
	struct buf spki;
	size_t at;

	buf_init(&spki, MAX);
	der_put_oid(&spki, "1.2.840.10045.2.1");
	der_put_oid(&spki, "1.2.840.10045.3.1.7");
	testpki_enclose(&spki, 0, 0x30);
	at = spki.n;
	{
		struct buf whole;

		buf_init(&whole, MAX);
		csrfix_add_spki(&whole, csrfix_ec);
		buf_add(&spki, whole.p + whole.n - 66, 66);
		buf_release(&whole);
	}
	spki.n -= drop;
	spki.p[at + 1] = (uint8_t)(spki.p[at + 1] + first);
	spki.p[spki.n - 1] ^= (uint8_t)flip;
	testpki_enclose(&spki, at, 0x03);
	testpki_enclose(&spki, 0, 0x30);
	csrfix_expect(&(struct faults){ .spki = &spki }, why);
	buf_release(&spki);
}

/* acme-233 */
static void
test_points(void **state)
{
	(void)state;
	with_point(0, 0, 0, NULL);
	with_point(32, -2, 0, "point is not plain"); /* compressed */
	with_point(0, 2, 0, "point is not plain");   /* hybrid */
	with_point(1, 0, 0, "point is not plain");
	with_point(0, 0, 1, "public key:"); /* not on the curve */
}

/* acme-218 */
static void
test_explicit_curve(void **state)
{
	EVP_PKEY *key = testpki_key("P-256");

	(void)state;
	EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit");
	with_key(key, "curve has no name");
}

/* Kinds of key that are neither, and a second spelling of RSA's kind. */
static void
test_kinds(void **state)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct buf spki;

	(void)state;
	buf_init(&spki, MAX);
	csrfix_add_spki(&spki, key);
	csrfix_expect(&(struct faults){ .spki = &spki }, "kind of key");
	EVP_PKEY_free(key);
	buf_reset(&spki);
	buf_add(&spki,
	    "\x30\x10\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
	    "\x03\x01\x00",
	    18);
	csrfix_expect_with(&(struct faults){ .spki = &spki }, CSR_ALLOW_RSA,
	    "has parameters or no NULL");
	buf_release(&spki);
}

static EVP_PKEY *
rsa_exponent(int bits, unsigned long e)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	BIGNUM *number = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(number, e);
	EVP_PKEY_keygen_init(context);
	EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits);
	EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, number);
	assert_int_equal(EVP_PKEY_generate(context, &key), 1);
	BN_free(number);
	EVP_PKEY_CTX_free(context);
	return key;
}

/* acme-236 */
static void
test_rsa(void **state)
{
	EVP_PKEY *key = testpki_key("RSA-2048");
	struct faults k = { .key = key, .algorithm = OID_SHA256_RSA };

	(void)state;
	csrfix_expect(&k, "kind of key");
	csrfix_expect_with(&k, CSR_ALLOW_RSA, NULL);
	k.algorithm = OID_SHA1_RSA;
	k.md = "sha1";
	csrfix_expect_with(&k, CSR_ALLOW_RSA, "not allowed");
	EVP_PKEY_free(key);
	k = (struct faults){ .key = testpki_key("RSA-2040"),
		.algorithm = OID_SHA256_RSA };
	csrfix_expect_with(&k, CSR_ALLOW_RSA, "RSA-2040");
	EVP_PKEY_free(k.key);
	k.key = rsa_exponent(2048, 3);
	csrfix_expect_with(&k, CSR_ALLOW_RSA, "exponent");
	EVP_PKEY_free(k.key);
}

/* The key of a request is made of numbers that nobody could sign with. */
static void
rsa_numbers(size_t bytes, const char *e, size_t e_len, const char *why)
{
	struct faults k = { .algorithm = OID_SHA256_RSA };
	struct buf spki;
	size_t at, i;

	buf_init(&spki, MAX);
	buf_add(&spki,
	    "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
	    "\x05\x00",
	    15);
	at = spki.n;
	buf_add_byte(&spki, 0);
	for (i = 0; i < bytes; i++)
		buf_add_byte(&spki, i == 0 ? 0x7f : 0xff);
	testpki_enclose(&spki, at, 0x02);
	der_put(&spki, 0x02, blob_of(e, e_len));
	testpki_enclose(&spki, at, 0x30);
	{
		struct buf bits;

		buf_init(&bits, MAX);
		buf_add_byte(&bits, 0);
		buf_add(&bits, spki.p + at, spki.n - at);
		spki.n = at;
		der_put(&spki, 0x03, buf_blob(&bits));
		buf_release(&bits);
	}
	testpki_enclose(&spki, 0, 0x30);
	k.spki = &spki;
	csrfix_expect_with(&k, CSR_ALLOW_RSA, why);
	buf_release(&spki);
}

static void
test_rsa_numbers(void **state)
{
	(void)state;
	rsa_numbers(513, "\x01\x00\x01", 3, "RSA-4103");
	rsa_numbers(257, "\x01\x00\x02", 3, "exponent");
	rsa_numbers(257, "\x01", 1, "exponent");
	rsa_numbers(257, "\xff\x00\x01", 3, "exponent");
}

/* Another shape for one element, found by counting from the front. */
enum surgery {
	NOTHING,
	LONGER,   /* a NULL after its last part */
	REPLACED, /* a NULL in its place */
};

/* Elements with parts; an extension's OCTET STRING holds one, too. */
static bool
has_parts(const struct in_der *item)
{
	return (item->tag & 0x20) != 0 ||
	    (item->tag == IN_DER_OCTET_STRING && item->value.n > 0 &&
		in_der_fault(item->value, true) == NULL);
}

/* Copies elements; the one numbered *left gets the surgery. */
static void
operate(struct buf *out, struct blob in, enum surgery how, int *left)
{
	struct in_der item;

	while (in_der_next(&in, &item)) {
		bool here = (*left)-- == 0;
		size_t at = out->n;

		if (here && how == REPLACED) {
			buf_add(out, "\x05\x00", 2);
			continue;
		}
		if (has_parts(&item))
			operate(out, item.value, how, left);
		else
			buf_add_blob(out, item.value);
		if (here && how == LONGER && has_parts(&item))
			buf_add(out, "\x05\x00", 2);
		testpki_enclose(out, at, item.tag);
	}
	assert_int_equal(in.n, 0);
}

/* The request with the surgery, signed again; false when it changed nothing. */
static bool
operated(struct buf *out, const struct faults *k, enum surgery how, int left)
{
	struct blob rest, whole, algorithm;
	struct in_der info = { .tag = 0 };
	struct buf b, signature;
	bool changed;

	csrfix_build(&b, k);
	buf_init(out, MAX);
	buf_init(&signature, MAX);
	rest = buf_blob(&b);
	assert_true(in_der_take(&rest, IN_DER_SEQUENCE, &whole));
	assert_true(in_der_next(&whole, &info));
	assert_true(in_der_take(&whole, IN_DER_SEQUENCE, &algorithm));
	operate(out, info.whole, how, &left);
	changed = !blob_eq(info.whole, buf_blob(out));
	buf_add_byte(&signature, 0);
	testpki_sign(k->key, NULL, buf_blob(out), &signature);
	der_put(out, 0x30, algorithm);
	der_put(out, 0x03, buf_blob(&signature));
	testpki_enclose(out, 0, 0x30);
	buf_release(&signature);
	buf_release(&b);
	return changed;
}

static void
refuse_operated(const struct faults *k, enum surgery how, int at)
{
	struct csr *csr;
	struct buf b;
	bool changed = operated(&b, k, how, at);
	int r = csr_parse(buf_blob(&b), CSR_ALLOW_RSA, &csr);

	if (r != (changed ? ERR_BAD_CSR : OK))
		unit_fail("element %d, surgery %d: %d, %s", at, (int)how, r,
		    log_reason());
	csr_free(csr);
	buf_release(&b);
}

/* Counts the elements and tries each. */
static void
try_all(const struct faults *k)
{
	struct blob rest, whole;
	struct in_der info = { .tag = 0 };
	struct buf b, copy;
	int left = 1000;

	csrfix_build(&b, k);
	buf_init(&copy, MAX);
	rest = buf_blob(&b);
	assert_true(in_der_take(&rest, IN_DER_SEQUENCE, &whole));
	assert_true(in_der_next(&whole, &info));
	operate(&copy, info.whole, NOTHING, &left);
	assert_true(blob_eq(info.whole, buf_blob(&copy)));
	for (int i = 0; i < 1000 - left; i++) {
		refuse_operated(k, REPLACED, i);
		refuse_operated(k, LONGER, i);
	}
	buf_release(&copy);
	buf_release(&b);
}

/* Nothing more than what belongs there, and nothing else, anywhere. */
static void
test_every_element(void **state)
{
	struct buf names, extensions;
	struct faults k = {
		.key = csrfix_ec, .cn_tag = 0x0c, .cn = blob_str("x")
	};

	(void)state;
	buf_init(&names, MAX);
	buf_init(&extensions, MAX);
	der_put(&names, 0xa4,
	    blob_of("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
		    "ab",
		15));
	csrfix_add_other_name(&names, OID_UPN,
	    "\x0c\x01"
	    "a",
	    3);
	csrfix_add_other_name(&names, OID_PERMANENT,
	    "\x30\x07\x0c\x01"
	    "a\x06\x02\x2a\x03",
	    9);
	csrfix_add_san(&extensions, buf_blob(&names));
	csrfix_add_extension(&extensions, "2.5.29.19", true, "\x30\x00", 2);
	k.extensions = buf_blob(&extensions);
	csrfix_expect(&k, NULL);
	try_all(&k);
	buf_release(&extensions);
	buf_release(&names);
	k = (struct faults){ .key = testpki_key("RSA-2048"),
		.algorithm = OID_SHA256_RSA };
	try_all(&k);
	EVP_PKEY_free(k.key);
}

/* The parts outside of what is signed. */
static void
test_outer_parts(void **state)
{
	struct blob rest, whole;
	struct in_der info = { .tag = 0 };
	struct csr *csr;
	struct buf b, out;

	(void)state;
	csrfix_build(&b, &(struct faults){ .requests = 0 });
	buf_init(&out, MAX);
	rest = buf_blob(&b);
	assert_true(in_der_take(&rest, IN_DER_SEQUENCE, &whole));
	buf_add_blob(&out, whole);
	buf_add(&out, "\x05\x00", 2);
	testpki_enclose(&out, 0, 0x30);
	assert_int_equal(csr_parse(buf_blob(&out), 0, &csr), ERR_BAD_CSR);
	buf_reset(&out);
	assert_true(in_der_next(&whole, &info));
	assert_true(in_der_next(&whole, &info));
	for (int nulls = 0; nulls < 3; nulls++) {
		struct blob first = buf_blob(&b), inner;
		struct in_der signed_part = { .tag = 0 };
		size_t at;

		buf_reset(&out);
		assert_true(in_der_take(&first, IN_DER_SEQUENCE, &inner));
		assert_true(in_der_next(&inner, &signed_part));
		buf_add_blob(&out, signed_part.whole);
		at = out.n;
		buf_add_blob(&out, info.value);
		buf_add(&out, "\x05\x00\x05\x00", (size_t)nulls * 2);
		testpki_enclose(&out, at, 0x30);
		buf_add_blob(&out, whole);
		testpki_enclose(&out, 0, 0x30);
		assert_int_equal(csr_parse(buf_blob(&out), 0, &csr),
		    nulls < 2 ? OK : ERR_BAD_CSR);
		csr_free(csr);
	}
	buf_release(&out);
	buf_release(&b);
}

/* What OpenSSL writes is a good request. */
static void
test_openssl(void **state)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	unsigned char *der = NULL;
	struct csr *csr;
	int n;

	(void)state;
	sk_X509_EXTENSION_push(list,
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
		"DNS:a.example,email:a@example,IP:192.0.2.1,RID:1.2.3"));
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
	    MBSTRING_UTF8, (const unsigned char *)"device", -1, -1, 0);
	X509_REQ_add_extensions(req, list);
	X509_REQ_set_pubkey(req, csrfix_ec);
	assert_true(X509_REQ_sign(req, csrfix_ec, EVP_sha256()) > 0);
	n = i2d_X509_REQ(req, &der);
	assert_int_equal(csr_parse(blob_of(der, (size_t)n), 0, &csr), OK);
	csr_free(csr);
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_certificate_instead),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_explicit_curve),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_rsa_numbers),
		cmocka_unit_test(test_every_element),
		cmocka_unit_test(test_outer_parts),
		cmocka_unit_test(test_openssl),
	};

	log_open("test", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "csr", tests, csrfix_start, csrfix_stop);
}
