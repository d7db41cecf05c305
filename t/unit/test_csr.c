/* Certificate requests (lib/wire/csr.h). */
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/csr.h"
#include "wire/in_der.h"
#include "unit/unit.h"

#define MAX 65536

#define OID_CN         "2.5.4.3"
#define OID_EXTENSIONS "1.2.840.113549.1.9.14"
#define OID_SAN        "2.5.29.17"
#define OID_PERMANENT  "1.3.6.1.5.5.7.8.3"
#define OID_HARDWARE   "1.3.6.1.5.5.7.8.4"
#define OID_UPN        "1.3.6.1.4.1.311.20.2.3"
#define OID_SHA1_EC    "1.2.840.10045.4.1"
#define OID_SHA256_EC  "1.2.840.10045.4.3.2"
#define OID_SHA384_EC  "1.2.840.10045.4.3.3"
#define OID_SHA256_RSA "1.2.840.113549.1.1.11"
#define OID_SHA1_RSA   "1.2.840.113549.1.1.5"

/* A hand-made request; all zero is a good one with an empty subject. */
struct faults {
	EVP_PKEY *key; /* P-256 otherwise */
	const struct buf *spki;
	const char *version; /* one byte; "\0" otherwise */
	const char *algorithm;
	const EVP_MD *md;
	uint8_t cn_tag; /* with a common name of this type ... */
	struct blob cn; /* ... and these bytes */
	bool two_cn;
	struct blob extensions; /* content of the SEQUENCE of extensions */
	int requests;           /* extensionRequests more than one */
	bool two_values;
	bool password; /* a challengePassword before the others */
	bool no_attributes;
	bool other_signature;
	bool more; /* an element after the attributes */
};

static EVP_PKEY *ec;

static void
add_subject(struct buf *b, const struct faults *k)
{
	size_t at = b->n;

	for (int i = 0; k->cn_tag != 0 && i < 1 + k->two_cn; i++) {
		size_t rdn = b->n;

		testpki_oid(b, OID_CN);
		testpki_wrap(b, k->cn_tag, k->cn);
		testpki_enclose(b, rdn, 0x30);
		testpki_enclose(b, rdn, 0x31);
	}
	testpki_enclose(b, at, 0x30);
}

static void
add_spki(struct buf *b, EVP_PKEY *key)
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
		testpki_oid(b, "1.2.840.113549.1.9.7");
		buf_add(b,
		    "\x31\x03\x0c\x01"
		    "x",
		    5);
		testpki_enclose(b, all, 0x30);
	}
	for (int i = 0; k->extensions.n > 0 && i < 1 + k->requests; i++) {
		size_t at = b->n, set;

		testpki_oid(b, OID_EXTENSIONS);
		set = b->n;
		for (int v = 0; v < 1 + k->two_values; v++)
			testpki_wrap(b, 0x30, k->extensions);
		testpki_enclose(b, set, 0x31);
		testpki_enclose(b, at, 0x30);
	}
	testpki_enclose(b, all, 0xa0);
}

static void
build(struct buf *b, const struct faults *k)
{
	EVP_PKEY *key = k->key ? k->key : ec;
	struct buf signature;
	size_t at;

	buf_init(b, MAX);
	testpki_wrap(b, 0x02, blob_of(k->version ? k->version : "", 1));
	add_subject(b, k);
	if (k->spki != NULL)
		buf_add_blob(b, buf_blob(k->spki));
	else
		add_spki(b, key);
	if (!k->no_attributes)
		add_attributes(b, k);
	if (k->more)
		buf_add(b, "\x05\x00", 2);
	testpki_enclose(b, 0, 0x30);
	buf_init(&signature, MAX);
	buf_add_byte(&signature, 0);
	testpki_sign(
	    key, k->md ? k->md : EVP_sha256(), buf_blob(b), &signature);
	if (k->other_signature)
		signature.p[signature.n - 1] ^= 1;
	at = b->n;
	testpki_oid(b, k->algorithm ? k->algorithm : OID_SHA256_EC);
	testpki_enclose(b, at, 0x30);
	testpki_wrap(b, 0x03, buf_blob(&signature));
	buf_release(&signature);
	testpki_enclose(b, 0, 0x30);
}

static void
expect_with(const struct faults *k, unsigned flags, const char *why)
{
	struct csr *csr;
	struct buf b;
	int r;

	build(&b, k);
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

/* NULL: good; else refused with a reason that holds these words. */
static void
expect(const struct faults *k, const char *why)
{
	expect_with(k, 0, why);
}

/* acme-246 */
static void
test_good(void **state)
{
	struct buf spki, b;
	struct csr *csr;
	uint8_t sum[SECRET_SHA256];

	(void)state;
	expect(&(struct faults){ .no_attributes = true }, NULL);
	expect(&(struct faults){ .password = true }, NULL);
	build(&b, &(struct faults){ .cn_tag = 0x0c, .cn = blob_str("x") });
	assert_int_equal(csr_parse(buf_blob(&b), 0, &csr), OK);
	buf_release(&b);
	buf_init(&spki, 1024);
	add_spki(&spki, ec);
	assert_true(blob_eq(csr->spki, buf_blob(&spki)));
	secret_sha256(buf_blob(&spki), sum);
	assert_memory_equal(csr->spki_sha256, sum, sizeof(sum));
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
	expect(&(struct faults){ .version = "\x01" }, "version");
	expect(&(struct faults){ .more = true }, "more than its parts");
	assert_int_equal(
	    csr_parse(blob_of(big, sizeof(big)), 0, &csr), ERR_BAD_CSR);
	assert_non_null(strstr(log_reason(), "8193 bytes"));
	assert_int_equal(csr_parse(blob_of(NULL, 0), 0, &csr), ERR_BAD_CSR);
	assert_int_equal(
	    csr_parse(blob_str("-----BEGIN CERTIFICATE REQUEST-----"), 0, &csr),
	    ERR_BAD_CSR);
	build(&b, &(struct faults){ .requests = 0 });
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
	    ec, &(struct testpki_cert){ .name = "x", .serial = 1 });
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
	expect(&(struct faults){ .other_signature = true }, "signature:");
	expect(&(struct faults){ .algorithm = OID_SHA1_EC, .md = EVP_sha1() },
	    "not allowed");
	expect(&(struct faults){ .algorithm = OID_SHA256_RSA }, "not allowed");
	expect(&(struct faults){ .algorithm = OID_SHA384_EC }, "signature:");
	expect(
	    &(struct faults){ .algorithm = OID_SHA384_EC, .md = EVP_sha384() },
	    NULL);
	expect(&(struct faults){ .algorithm = "1.2.840.10045.4.3.4",
		   .md = EVP_sha512() },
	    NULL);
}

static void
with_key(EVP_PKEY *key, const char *why)
{
	expect(&(struct faults){ .key = key }, why);
	EVP_PKEY_free(key);
}

static void
test_curves(void **state)
{
	(void)state;
	with_key(testpki_ec("P-384"), NULL);
	with_key(testpki_ec("P-521"), "curve is not allowed");
	with_key(testpki_ec("secp256k1"), "curve is not allowed");
	with_key(testpki_ec("P-224"), "curve is not allowed");
}

/* Another spelling of the key; the signature is sound over it. */
static void
with_point(size_t drop, int first, int flip, const char *why)
{
	struct buf spki;
	size_t at;

	buf_init(&spki, MAX);
	testpki_oid(&spki, "1.2.840.10045.2.1");
	testpki_oid(&spki, "1.2.840.10045.3.1.7");
	testpki_enclose(&spki, 0, 0x30);
	at = spki.n;
	{
		struct buf whole;

		buf_init(&whole, MAX);
		add_spki(&whole, ec);
		buf_add(&spki, whole.p + whole.n - 66, 66);
		buf_release(&whole);
	}
	spki.n -= drop;
	spki.p[at + 1] = (uint8_t)(spki.p[at + 1] + first);
	spki.p[spki.n - 1] ^= (uint8_t)flip;
	testpki_enclose(&spki, at, 0x03);
	testpki_enclose(&spki, 0, 0x30);
	expect(&(struct faults){ .spki = &spki }, why);
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
	EVP_PKEY *key = testpki_ec("P-256");

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
	add_spki(&spki, key);
	expect(&(struct faults){ .spki = &spki }, "kind of key");
	EVP_PKEY_free(key);
	buf_reset(&spki);
	buf_add(&spki,
	    "\x30\x10\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
	    "\x03\x01\x00",
	    18);
	expect_with(&(struct faults){ .spki = &spki }, CSR_ALLOW_RSA,
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
	EVP_PKEY *key = testpki_rsa(2048);
	struct faults k = { .key = key, .algorithm = OID_SHA256_RSA };

	(void)state;
	expect(&k, "kind of key");
	expect_with(&k, CSR_ALLOW_RSA, NULL);
	k.algorithm = OID_SHA1_RSA;
	k.md = EVP_sha1();
	expect_with(&k, CSR_ALLOW_RSA, "not allowed");
	EVP_PKEY_free(key);
	k = (struct faults){ .key = testpki_rsa(2040),
		.algorithm = OID_SHA256_RSA };
	expect_with(&k, CSR_ALLOW_RSA, "RSA-2040");
	EVP_PKEY_free(k.key);
	k.key = rsa_exponent(2048, 3);
	expect_with(&k, CSR_ALLOW_RSA, "exponent");
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
	testpki_wrap(&spki, 0x02, blob_of(e, e_len));
	testpki_enclose(&spki, at, 0x30);
	{
		struct buf bits;

		buf_init(&bits, MAX);
		buf_add_byte(&bits, 0);
		buf_add(&bits, spki.p + at, spki.n - at);
		spki.n = at;
		testpki_wrap(&spki, 0x03, buf_blob(&bits));
		buf_release(&bits);
	}
	testpki_enclose(&spki, 0, 0x30);
	k.spki = &spki;
	expect_with(&k, CSR_ALLOW_RSA, why);
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

static void
with_cn(uint8_t tag, const char *p, size_t n, const char *why)
{
	expect(&(struct faults){ .cn_tag = tag, .cn = blob_of(p, n) }, why);
}

/* acme-243 */
static void
test_names(void **state)
{
	static const char bad[] = "strange text";

	(void)state;
	with_cn(0x13, "device", 6, NULL);
	with_cn(0x0c, "Gr\xc3\xbc\xc3\x9f", 6, NULL);
	with_cn(0x16, "a@b", 3, NULL);
	with_cn(0x1e, "\0a\0b", 4, NULL);
	with_cn(0x13, "a\0b", 3, bad);
	with_cn(0x0c, "a\0b", 3, bad);
	with_cn(0x16, "a\nb", 3, bad);
	with_cn(0x14, "a\x7f", 2, bad);
	with_cn(0x0c, "\xc2\x85", 2, bad);
	with_cn(0x0c, "\xff", 1, bad);
	with_cn(0x1e, "\0\0", 2, bad);
	with_cn(0x1e, "\0a\0", 3, bad);
	with_cn(0x1c, "\0\0\0\x07", 4, bad);
	with_cn(0x1c, "\0\0\0a", 4, NULL);
	with_cn(0x12, "123", 3, NULL);
	with_cn(0x14, "abc", 3, NULL);
	with_cn(0x0c, "\x7f", 1, bad);
	with_cn(0x04, "abc", 3, bad);
	expect(
	    &(struct faults){
		.cn_tag = 0x0c, .cn = blob_str("x"), .two_cn = true },
	    NULL);
}

/* Appends an extension: its OID, perhaps critical, its value. */
static void
add_extension(
    struct buf *b, const char *oid, bool critical, const void *p, size_t n)
{
	size_t at = b->n;

	testpki_oid(b, oid);
	if (critical)
		buf_add(b, "\x01\x01\xff", 3);
	testpki_wrap(b, 0x04, blob_of(p, n));
	testpki_enclose(b, at, 0x30);
}

static void
with_extension(
    const char *oid, bool critical, const void *p, size_t n, const char *why)
{
	struct buf b;

	buf_init(&b, MAX);
	add_extension(&b, oid, critical, p, n);
	expect(&(struct faults){ .extensions = buf_blob(&b) }, why);
	buf_release(&b);
}

/* acme-247 */
static void
test_extensions(void **state)
{
	static const char usage[] = "request wants to sign";

	(void)state;
	/* What Apple's client sends: key usage A0, EKU clientAuth. */
	with_extension("2.5.29.15", true, "\x03\x02\x05\xa0", 4, NULL);
	with_extension("2.5.29.37", false,
	    "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02", 12, NULL);
	with_extension("2.5.29.37", true, "\x30\x00", 2, NULL);
	with_extension("2.5.29.14", false, "\x04\x01\x01", 3, NULL);
	with_extension("2.5.29.15", true, "\x03\x02\x02\x04", 4, usage);
	with_extension("2.5.29.15", true, "\x03\x02\x01\x02", 4, usage);
	with_extension("2.5.29.15", true, "\x05\x00", 2, "key usage");
	with_extension("2.5.29.15", true, "\x03\x00", 2, "key usage");
	with_extension("2.5.29.15", true, "\x03\x01\x00", 3, NULL);
	with_extension(
	    "2.5.29.15", true, "\x03\x02\x05\xa0\x05\x00", 6, "key usage");
	with_extension("2.5.29.14", true, "\x04\x01\x01", 3, NULL);
	with_extension("2.5.29.19", true, "\x30\x00", 2, NULL);
	with_extension(
	    "2.5.29.19", true, "\x30\x03\x01\x01\xff", 5, "wants to be a CA");
	with_extension(
	    "2.5.29.19", true, "\x30\x03\x02\x01\x00", 5, "wants to be a CA");
	with_extension(
	    "2.5.29.19", true, "\x30\x03\x01\x01\x05", 5, "basic constraints");
	with_extension("2.5.29.19", true, "\x05\x00", 2, "basic constraints");
	with_extension("1.2.3.4", true, "\x05\x00", 2, "unknown critical");
	with_extension("1.2.3.4", false, "\x05\x00", 2, NULL);
}

/* acme-241 */
static void
test_twice(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, MAX);
	add_extension(&b, "1.2.3.4", false, "\x05\x00", 2);
	expect(&(struct faults){ .extensions = buf_blob(&b), .requests = 1 },
	    "two extensionRequests");
	expect(
	    &(struct faults){ .extensions = buf_blob(&b), .two_values = true },
	    "not single");
	add_extension(&b, "1.2.3.5", false, "\x05\x00", 2);
	expect(&(struct faults){ .extensions = buf_blob(&b) }, NULL);
	add_extension(&b, "1.2.3.4", false, "\x05\x00", 2);
	expect(&(struct faults){ .extensions = buf_blob(&b) }, "comes twice");
	buf_release(&b);
	buf_init(&b, MAX);
	for (int i = 0; i < 33; i++) {
		char oid[32];

		snprintf(oid, sizeof(oid), "1.2.3.%d", i);
		add_extension(&b, oid, false, "\x05\x00", 2);
	}
	expect(&(struct faults){ .extensions = buf_blob(&b) }, "too many");
	buf_release(&b);
}

/* A SAN extension that holds these GeneralNames. */
static void
add_san(struct buf *b, struct blob names)
{
	struct buf san;

	buf_init(&san, MAX);
	testpki_wrap(&san, 0x30, names);
	add_extension(b, OID_SAN, false, san.p, san.n);
	buf_release(&san);
}

static void
with_name(uint8_t tag, const char *p, size_t n, const char *why)
{
	struct buf names, b;

	buf_init(&names, MAX);
	buf_init(&b, MAX);
	testpki_wrap(&names, tag, blob_of(p, n));
	add_san(&b, buf_blob(&names));
	expect(&(struct faults){ .extensions = buf_blob(&b) }, why);
	buf_release(&b);
	buf_release(&names);
}

static void
test_alternative_names(void **state)
{
	static const char bad[] = "alternative name is strange";

	(void)state;
	with_name(0x81, "a@b.c", 5, NULL);
	with_name(0x82, "a.b", 3, NULL);
	with_name(0x86, "http://a", 8, NULL);
	with_name(0x87, "\1\2\3\4", 4, NULL);
	with_name(0x81, "a\0b", 3, bad);
	with_name(0x82, "a\0.b", 4, bad);
	with_name(0x86, "\n", 1, bad);
	with_name(0x82, "\xff", 1, NULL);
	with_name(0x87, "\1\2\3", 3, bad);
	with_name(0x87, "\1\2\3\4\5\6\7\1\1\2\3\4\5\6\7\1", 16, NULL);
	with_name(0xa4, "\x30\x02\x31\x00", 4, "no RDN");
	with_name(0xa3, "", 0, bad);
	with_name(0xa4, "\x30\x00", 2, NULL);
	with_name(0xa4, "\x05\x00", 2, bad);
	with_name(0xa4,
	    "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\0", 14,
	    "strange text");
}

/* otherName: an OID and [0] with this value. */
static void
add_other_name(struct buf *b, const char *oid, const void *p, size_t n)
{
	size_t at = b->n;

	testpki_oid(b, oid);
	testpki_wrap(b, 0xa0, blob_of(p, n));
	testpki_enclose(b, at, 0xa0);
}

static int
parse_other_name(
    const char *oid, const void *p, size_t n, int times, struct csr **csr)
{
	struct buf names, extensions, b;
	int r;

	buf_init(&names, MAX);
	buf_init(&extensions, MAX);
	while (times-- > 0)
		add_other_name(&names, oid, p, n);
	add_san(&extensions, buf_blob(&names));
	build(&b, &(struct faults){ .extensions = buf_blob(&extensions) });
	r = csr_parse(buf_blob(&b), 0, csr);
	buf_release(&b);
	buf_release(&extensions);
	buf_release(&names);
	return r;
}

static void
refuse_other_name(const char *oid, const void *p, size_t n, const char *why)
{
	struct csr *csr;

	log_forget_reason();
	assert_int_equal(parse_other_name(oid, p, n, 1, &csr), ERR_BAD_CSR);
	if (strstr(log_reason(), why) == NULL)
		unit_fail("%s instead of %s", log_reason(), why);
}

/* acme-244 */
static void
test_permanent_identifier(void **state)
{
	static const char plain[] = "\x30\x05\x0c\x03"
				    "abc";
	static const char assigned[] = "\x30\x09\x0c\x03"
				       "abc\x06\x02\x2a\x03";
	static const char why[] = "PermanentIdentifier";
	struct csr *csr;

	(void)state;
	assert_int_equal(
	    parse_other_name(OID_PERMANENT, plain, 7, 1, &csr), OK);
	assert_string_equal(csr->permanent_identifier, "abc");
	assert_null(csr->permanent_assigner);
	csr_free(csr);
	assert_int_equal(
	    parse_other_name(OID_PERMANENT, assigned, 11, 1, &csr), OK);
	assert_string_equal(csr->permanent_identifier, "abc");
	assert_string_equal(csr->permanent_assigner, "1.2.3");
	csr_free(csr);
	assert_int_equal(
	    parse_other_name(OID_PERMANENT, plain, 7, 2, &csr), ERR_BAD_CSR);
	refuse_other_name(OID_PERMANENT, "\x30\x00", 2, why);
	refuse_other_name(OID_PERMANENT, "\x30\x04\x06\x02\x2a\x03", 6, why);
	refuse_other_name(OID_PERMANENT, "\x30\x02\x0c\x00", 4, why);
	refuse_other_name(OID_PERMANENT,
	    "\x30\x04\x0c\x02"
	    "a\0",
	    6, why);
	refuse_other_name(OID_PERMANENT,
	    "\x30\x05\x0c\x01"
	    "a\x05\x00",
	    7, "assigner");
	refuse_other_name(OID_PERMANENT,
	    "\x30\x09\x0c\x01"
	    "a\x06\x02\x2a\x03\x05\x00",
	    11, "assigner");
	refuse_other_name(OID_PERMANENT,
	    "\x30\x03\x0c\x01"
	    "a\x05\x00",
	    7, why);
}

/* acme-245 */
static void
test_other_names(void **state)
{
	struct csr *csr;

	(void)state;
	assert_int_equal(
	    parse_other_name(OID_HARDWARE,
		"\x30\x07\x06\x02\x2a\x03\x04\x01\x61", 9, 1, &csr),
	    OK);
	assert_true(csr->hardware_module);
	csr_free(csr);
	assert_int_equal(parse_other_name(OID_UPN,
			     "\x0c\x03"
			     "a@b",
			     5, 1, &csr),
	    OK);
	assert_false(csr->hardware_module);
	csr_free(csr);
	refuse_other_name(OID_UPN, "\x0c\x01\0", 3, "otherName is strange");
	refuse_other_name(OID_UPN, "", 0, "otherName is strange");
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

	build(&b, k);
	buf_init(out, MAX);
	buf_init(&signature, MAX);
	rest = buf_blob(&b);
	assert_true(in_der_take(&rest, IN_DER_SEQUENCE, &whole));
	assert_true(in_der_next(&whole, &info));
	assert_true(in_der_take(&whole, IN_DER_SEQUENCE, &algorithm));
	operate(out, info.whole, how, &left);
	changed = !blob_eq(info.whole, buf_blob(out));
	buf_add_byte(&signature, 0);
	testpki_sign(k->key, EVP_sha256(), buf_blob(out), &signature);
	testpki_wrap(out, 0x30, algorithm);
	testpki_wrap(out, 0x03, buf_blob(&signature));
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

	build(&b, k);
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
	struct faults k = { .key = ec, .cn_tag = 0x0c, .cn = blob_str("x") };

	(void)state;
	buf_init(&names, MAX);
	buf_init(&extensions, MAX);
	testpki_wrap(&names, 0xa4,
	    blob_of("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"
		    "ab",
		15));
	add_other_name(&names, OID_UPN,
	    "\x0c\x01"
	    "a",
	    3);
	add_other_name(&names, OID_PERMANENT,
	    "\x30\x07\x0c\x01"
	    "a\x06\x02\x2a\x03",
	    9);
	add_san(&extensions, buf_blob(&names));
	add_extension(&extensions, "2.5.29.19", true, "\x30\x00", 2);
	k.extensions = buf_blob(&extensions);
	expect(&k, NULL);
	try_all(&k);
	buf_release(&extensions);
	buf_release(&names);
	k = (struct faults){ .key = testpki_rsa(2048),
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
	build(&b, &(struct faults){ .requests = 0 });
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
	X509_REQ_set_pubkey(req, ec);
	assert_true(X509_REQ_sign(req, ec, EVP_sha256()) > 0);
	n = i2d_X509_REQ(req, &der);
	assert_int_equal(csr_parse(blob_of(der, (size_t)n), 0, &csr), OK);
	csr_free(csr);
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(req);
}

static int
start(void **state)
{
	(void)state;
	ec = testpki_ec("P-256");
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	EVP_PKEY_free(ec);
	return 0;
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
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_alternative_names),
		cmocka_unit_test(test_permanent_identifier),
		cmocka_unit_test(test_other_names),
		cmocka_unit_test(test_every_element),
		cmocka_unit_test(test_outer_parts),
		cmocka_unit_test(test_openssl),
	};

	log_open("test", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("csr", tests, start, stop);
}
