/* SignedData from devices and for profiles (lib/wire/cms.h). */
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "unit/fixture.h"
#include "unit/source.h"
#include "unit/testpki.h"
#include "wire/cms.h"
#include "wire/x509.h"
#include "unit/unit.h"

#define MAX 262144

#define OID_DATA           "1.2.840.113549.1.7.1"
#define OID_SIGNED         "1.2.840.113549.1.7.2"
#define OID_CONTENT_TYPE   "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST "1.2.840.113549.1.9.4"
#define OID_SHA1           "1.3.14.3.2.26"
#define OID_SHA256         "2.16.840.1.101.3.4.2.1"
#define OID_MD5            "1.2.840.113549.2.5"
#define OID_RSA            "1.2.840.113549.1.1.1"
#define OID_SHA256_RSA     "1.2.840.113549.1.1.11"
#define OID_EC             "1.2.840.10045.2.1"
#define OID_SHA256_EC      "1.2.840.10045.4.3.2"
#define OID_SHA384_EC      "1.2.840.10045.4.3.3"

static const char text[] = "<plist><dict/></plist>";

/* What a hand-made message has; all zero is a good one with attributes. */
struct faults {
	const char *outer_type;
	const char *inner_type;
	const char *digest;
	const char *algorithm;
	const EVP_MD *md;
	const char *content; /* signed; text[] otherwise */
	bool detached;
	bool no_attributes;
	bool empty_attributes;
	bool no_certificate;
	bool certificate_twice;
	bool other_serial;
	bool other_issuer;
	bool with_namesake; /* whose certificate stands first */
	int signers;        /* one more than this */
	int types;          /* contentType attributes more than one */
	int digests;        /* messageDigest attributes more than one */
	const char *type;   /* value of contentType */
	bool two_values;    /* in messageDigest */
	bool other_digest;
	bool loose_attribute; /* a length in a longer form */
	bool junk_attribute;
	bool long_attribute; /* a part after the values */
	bool empty_signer;
	int more_certificates;
	int more_attributes;
	const char *raw_content; /* in place of the string */
	size_t raw_length;
};

static EVP_PKEY *key;
static X509 *crt;
/* of another issuer, with the same serial number */
static X509 *namesake;

static void
add_attribute(
    struct buf *b, const char *oid, uint8_t tag, struct blob value, int times)
{
	size_t at = b->n, set;

	testpki_oid(b, oid);
	set = b->n;
	while (times-- > 0)
		testpki_wrap(b, tag, value);
	testpki_enclose(b, set, 0x31);
	testpki_enclose(b, at, 0x30);
}

static void
add_attributes(struct buf *b, const struct faults *k)
{
	const char *content = k->content ? k->content : text;
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf oid;
	int i;

	if (k->empty_attributes)
		return;
	buf_init(&oid, 64);
	testpki_oid(&oid, k->type ? k->type : OID_DATA);
	for (i = 0; i < 1 + k->types; i++)
		add_attribute(b, OID_CONTENT_TYPE, 0x06,
		    blob_of(oid.p + 2, oid.n - 2), 1);
	buf_release(&oid);
	EVP_Digest(content, strlen(content), sum, &n,
	    k->md ? k->md : EVP_sha256(), NULL);
	if (k->other_digest)
		sum[0] ^= 1;
	for (i = 0; i < 1 + k->digests; i++)
		add_attribute(b, OID_MESSAGE_DIGEST, 0x04, blob_of(sum, n),
		    1 + k->two_values);
	if (k->loose_attribute)
		buf_add(b, "\x30\x81\x07\x06\x01\x2a\x31\x02\x05\x00", 10);
	if (k->long_attribute)
		buf_add(b, "\x30\x09\x06\x01\x2a\x31\x02\x05\x00\x05\x00", 11);
	for (i = 0; i < k->more_attributes; i++)
		buf_add(b, "\x30\x07\x06\x01\x2a\x31\x02\x05\x00", 9);
	if (k->junk_attribute)
		buf_add(b, "\x30\x05\x06\x01\x2a\x05\x00", 7);
}

static void
add_algorithm(struct buf *b, const char *oid)
{
	size_t at = b->n;

	testpki_oid(b, oid);
	testpki_enclose(b, at, 0x30);
}

static void
add_signer_name(struct buf *b, const struct faults *k)
{
	unsigned char *der = NULL;
	size_t at = b->n;
	int n = i2d_X509_NAME(
	    X509_get_issuer_name(k->other_issuer ? namesake : crt), &der);

	assert_true(n > 0);
	buf_add(b, der, (size_t)n);
	OPENSSL_free(der);
	testpki_wrap(b, 0x02, blob_str(k->other_serial ? "\x08" : "\x07"));
	testpki_enclose(b, at, 0x30);
}

static void
add_signature(struct buf *b, const struct faults *k, struct blob attributes)
{
	const char *content = k->content ? k->content : text;
	struct buf set, signature;

	buf_init(&set, MAX);
	buf_init(&signature, MAX);
	if (k->no_attributes)
		buf_add_str(&set, content);
	else
		testpki_wrap(&set, 0x31, attributes);
	testpki_sign(
	    key, k->md ? k->md : EVP_sha256(), buf_blob(&set), &signature);
	testpki_wrap(b, 0x04, buf_blob(&signature));
	buf_release(&signature);
	buf_release(&set);
}

static void
add_signer(struct buf *b, const struct faults *k)
{
	size_t at = b->n;
	struct buf attributes;

	buf_init(&attributes, MAX);
	add_attributes(&attributes, k);
	buf_add(b, "\x02\x01\x01", 3);
	add_signer_name(b, k);
	add_algorithm(b, k->digest ? k->digest : OID_SHA256);
	if (!k->no_attributes)
		testpki_wrap(b, 0xa0, buf_blob(&attributes));
	add_algorithm(b, k->algorithm ? k->algorithm : OID_EC);
	add_signature(b, k, buf_blob(&attributes));
	testpki_enclose(b, at, 0x30);
	buf_release(&attributes);
}

static void
add_content(struct buf *b, const struct faults *k)
{
	size_t at = b->n, inner;

	testpki_oid(b, k->inner_type ? k->inner_type : OID_DATA);
	inner = b->n;
	if (k->raw_content != NULL) {
		buf_add(b, k->raw_content, k->raw_length);
		testpki_enclose(b, inner, 0xa0);
	} else if (!k->detached) {
		testpki_wrap(b, 0x04, blob_str(k->content ? k->content : text));
		testpki_enclose(b, inner, 0xa0);
	}
	testpki_enclose(b, at, 0x30);
}

static void
build(struct buf *b, const struct faults *k)
{
	size_t at, i;

	buf_init(b, MAX);
	testpki_oid(b, k->outer_type ? k->outer_type : OID_SIGNED);
	at = b->n;
	buf_add(b, "\x02\x01\x01\x31\x00", 5);
	add_content(b, k);
	i = b->n;
	if (k->with_namesake)
		testpki_der(namesake, b);
	if (!k->no_certificate)
		testpki_der(crt, b);
	if (k->certificate_twice)
		testpki_der(crt, b);
	for (int n = 0; n < k->more_certificates; n++)
		buf_add(b, "\x30\x00", 2);
	testpki_enclose(b, i, 0xa0);
	i = b->n;
	if (k->empty_signer)
		buf_add(b, "\x30\x00", 2);
	for (int n = 0; n < 1 + k->signers; n++)
		add_signer(b, k);
	testpki_enclose(b, i, 0x31);
	testpki_enclose(b, at, 0x30);
	testpki_enclose(b, at, 0xa0);
	testpki_enclose(b, 0, 0x30);
}

/* Reads and verifies; the code of the first step that fails. */
static int
judge(struct blob in, const char *content, unsigned flags)
{
	struct cms_signed *cms;
	struct blob body;
	int r;

	log_forget_reason();
	if ((r = cms_signed_parse(in, &cms)) != OK) {
		assert_null(cms);
		return r;
	}
	body = content != NULL ? blob_str(content) : cms->content;
	r = cms_signed_verify(cms, body, flags);
	cms_signed_free(cms);
	return r;
}

static void
expect(const struct faults *k, int want, const char *why)
{
	struct buf b;
	int r;

	build(&b, k);
	r = judge(buf_blob(&b), k->content ? k->content : text, 0);
	buf_release(&b);
	if (r != want)
		unit_fail("%s instead of %s: %s", err_name(r), err_name(want),
		    log_reason());
	if (strstr(log_reason(), why) == NULL)
		unit_fail("%s instead of %s", log_reason(), why);
}

static void
test_by_hand(void **state)
{
	(void)state;
	expect(&(struct faults){ .signers = 0 }, OK, "");
	expect(&(struct faults){ .detached = true }, OK, "");
	expect(&(struct faults){ .no_attributes = true }, OK, "");
	expect(&(struct faults){ .algorithm = OID_SHA256_EC }, OK, "");
}

/* mdm-30 */
static void
test_shape(void **state)
{
	(void)state;
	expect(&(struct faults){ .outer_type = OID_DATA }, ERR_MALFORMED,
	    "not SignedData");
	expect(&(struct faults){ .inner_type = OID_SIGNED }, ERR_MALFORMED,
	    "not of type data");
	expect(&(struct faults){ .signers = 1 }, ERR_MALFORMED, "2 signers");
	expect(&(struct faults){ .signers = -1 }, ERR_MALFORMED, "0 signers");
	expect(&(struct faults){ .no_certificate = true }, ERR_MALFORMED,
	    "0 of 0 certificates");
	expect(&(struct faults){ .certificate_twice = true }, ERR_MALFORMED,
	    "2 of 2 certificates");
	expect(&(struct faults){ .other_serial = true }, ERR_MALFORMED,
	    "0 of 1 certificates");
	expect(&(struct faults){ .other_issuer = true }, ERR_MALFORMED,
	    "0 of 1 certificates");
	/* serial numbers are of an issuer, and another may have the same */
	expect(&(struct faults){ .with_namesake = true }, OK, "");
	expect(&(struct faults){ .with_namesake = true, .other_issuer = true },
	    ERR_BAD_SIGNATURE, "");
	expect(&(struct faults){ .signers = -1, .empty_signer = true },
	    ERR_MALFORMED, "without a name");
	expect(&(struct faults){ .more_certificates = 15 }, OK, "");
	expect(&(struct faults){ .more_certificates = 16 }, ERR_MALFORMED,
	    "17 certificates");
}

/* mdm-31 */
static void
test_attributes(void **state)
{
	(void)state;
	expect(&(struct faults){ .empty_attributes = true }, ERR_MALFORMED,
	    "0 attributes");
	expect(&(struct faults){ .types = -1 }, ERR_MALFORMED, "missing");
	expect(&(struct faults){ .digests = -1 }, ERR_MALFORMED, "missing");
	expect(&(struct faults){ .types = 1 }, ERR_MALFORMED, "not single");
	expect(&(struct faults){ .digests = 1 }, ERR_MALFORMED, "not single");
	expect(&(struct faults){ .two_values = true }, ERR_MALFORMED,
	    "not single");
	expect(&(struct faults){ .type = OID_SIGNED }, ERR_MALFORMED,
	    "contentType");
	expect(&(struct faults){ .other_digest = true }, ERR_BAD_SIGNATURE,
	    "digest differs");
	expect(&(struct faults){ .loose_attribute = true }, ERR_MALFORMED,
	    "not minimal");
	expect(&(struct faults){ .junk_attribute = true }, ERR_MALFORMED,
	    "attribute's shape");
	expect(&(struct faults){ .long_attribute = true }, ERR_MALFORMED,
	    "attribute's shape");
	expect(&(struct faults){ .more_attributes = 30 }, OK, "");
	expect(&(struct faults){ .more_attributes = 31 }, ERR_MALFORMED,
	    "33 attributes");
}

/* mdm-32 */
static void
test_algorithms(void **state)
{
	(void)state;
	expect(&(struct faults){ .digest = OID_MD5 }, ERR_BAD_ALGORITHM,
	    "digest 1.2");
	expect(&(struct faults){ .digest = OID_SHA1, .md = EVP_sha1() },
	    ERR_BAD_ALGORITHM, "SHA-1");
	expect(&(struct faults){ .algorithm = OID_SHA384_EC },
	    ERR_BAD_ALGORITHM, "signature algorithm");
	expect(&(struct faults){ .algorithm = OID_RSA }, ERR_BAD_ALGORITHM,
	    "signature algorithm");
	expect(&(struct faults){ .algorithm = OID_SHA256_RSA },
	    ERR_BAD_ALGORITHM, "signature algorithm");
}

static void
test_sha1_by_flag(void **state)
{
	struct faults k = { .digest = OID_SHA1, .md = EVP_sha1() };
	struct buf b;

	(void)state;
	build(&b, &k);
	assert_int_equal(judge(buf_blob(&b), text, CMS_ALLOW_SHA1), OK);
	buf_release(&b);
}

/*
 * The signature over the attributes of a good message, presented as one
 * without attributes over a content that is those attributes.
 */
static void
test_attributes_as_content(void **state)
{
	struct faults k = { .no_attributes = true, .detached = true };
	struct buf attributes, set, b;
	char *content;

	(void)state;
	buf_init(&attributes, MAX);
	buf_init(&set, MAX);
	add_attributes(&attributes, &(struct faults){ .signers = 0 });
	testpki_wrap(&set, 0x31, buf_blob(&attributes));
	content = strdup(buf_str(&set));
	assert_non_null(content);
	assert_int_equal(strlen(content), set.n);
	k.content = content;
	build(&b, &k);
	assert_int_equal(judge(buf_blob(&b), content, 0), ERR_BAD_SIGNATURE);
	assert_non_null(strstr(log_reason(), "looks like"));
	buf_release(&b);
	free(content);
	buf_release(&set);
	buf_release(&attributes);
}

static void
test_content(void **state)
{
	struct cms_signed *cms;
	struct buf b;

	(void)state;
	build(&b, &(struct faults){ .signers = 0 });
	assert_int_equal(judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
	assert_non_null(strstr(log_reason(), "another content"));
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_true(cms->has_content);
	assert_true(blob_eq_str(cms->content, text));
	assert_int_equal(cms->n_certs, 1);
	cms_signed_free(cms);
	buf_release(&b);
	build(&b, &(struct faults){ .detached = true });
	assert_int_equal(judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_false(cms->has_content);
	cms_signed_free(cms);
	buf_release(&b);
	build(&b, &(struct faults){ .detached = true, .no_attributes = true });
	assert_int_equal(judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
	buf_release(&b);
	build(&b, &(struct faults){ .content = "" });
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_true(cms->has_content);
	assert_int_equal(cms->content.n, 0);
	cms_signed_free(cms);
	buf_release(&b);
}

static void
test_content_shape(void **state)
{
	struct cms_signed *cms;
	struct buf b;

	(void)state;
	expect(&(struct faults){ .raw_content = "\x05\x00", .raw_length = 2 },
	    ERR_MALFORMED, "not a string");
	expect(&(struct faults){ .raw_content = "\x24\x04\x05\x00\x05\x00",
		   .raw_length = 6 },
	    ERR_MALFORMED, "not a string");
	expect(&(struct faults){ .raw_content = "\x04\x01"
						"a\x04\x01"
						"b",
		   .raw_length = 6 },
	    ERR_MALFORMED, "not a CMS SignedData");
	build(&b,
	    &(struct faults){ .raw_content = "\x24\x06\x04\x01"
					     "a\x04\x01"
					     "b",
		.raw_length = 8 });
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_true(blob_eq_str(cms->content, "ab"));
	cms_signed_free(cms);
	buf_release(&b);
	assert_int_equal(
	    cms_signed_parse(blob_of("\x30\x11\x06\x09\x2a\x86\x48\x86\xf7"
				     "\x0d\x01\x07\x02\xa0\x04\x30\x02\x05\x00",
				 19),
		&cms),
	    ERR_MALFORMED);
	assert_non_null(strstr(log_reason(), "not a CMS SignedData"));
	assert_int_equal(
	    cms_signed_parse(blob_of("\x05\x00", 2), &cms), ERR_MALFORMED);
	assert_non_null(strstr(log_reason(), "not a CMS message"));
}

static void
test_attribute(void **state)
{
	struct cms_signed *cms;
	struct blob der;
	struct buf b;

	(void)state;
	build(&b, &(struct faults){ .signers = 0 });
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_int_equal(
	    cms_signed_attribute(cms, OID_MESSAGE_DIGEST, &der), OK);
	assert_int_equal(der.n, 34);
	assert_int_equal(der.p[0], 0x04);
	assert_int_equal(
	    cms_signed_attribute(cms, "1.2.3", &der), ERR_NOT_FOUND);
	assert_int_equal(der.n, 0);
	cms_signed_free(cms);
	buf_release(&b);
}

/* Every byte of a good message matters, or changes nothing that is read. */
static void
test_flipped_bytes(void **state)
{
	struct faults k = { .signers = 0 };
	struct buf b;
	size_t i, n;

	(void)state;
	build(&b, &k);
	for (i = 0; i < b.n; i++) {
		b.p[i] ^= 0x15;
		(void)judge(buf_blob(&b), text, 0);
		b.p[i] ^= 0x15;
	}
	n = b.n;
	for (b.n = 0; b.n < n; b.n++)
		assert_int_equal(judge(buf_blob(&b), text, 0), ERR_MALFORMED);
	buf_add_byte(&b, 0);
	assert_int_equal(judge(buf_blob(&b), text, 0), ERR_MALFORMED);
	buf_release(&b);
}

/* mdm-34 */
static void
test_bounds(void **state)
{
	static uint8_t big[CMS_BYTES_MAX + 1];
	struct cms_signed *cms;
	struct buf b;
	size_t i;

	(void)state;
	assert_int_equal(
	    cms_signed_parse(blob_of(big, sizeof(big)), &cms), ERR_TOO_LARGE);
	assert_int_equal(
	    cms_signed_parse(blob_of(big, 0), &cms), ERR_MALFORMED);
	buf_init(&b, MAX);
	for (i = 0; i < 100; i++)
		buf_add(&b, "\x30\x80", 2);
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), ERR_MALFORMED);
	assert_non_null(strstr(log_reason(), "too many levels"));
	buf_release(&b);
	cms_signed_free(NULL);
}

/* OpenSSL's own messages: what it writes we read. */
struct made {
	unsigned flags;
	const EVP_MD *md;
	bool stream; /* BER with indefinite lengths and a string in pieces */
};

static void
openssl_sign(X509 *who, EVP_PKEY *with, const struct made *m,
    const char *content, struct buf *out)
{
	unsigned flags =
	    m->flags | CMS_BINARY | CMS_PARTIAL | (m->stream ? CMS_STREAM : 0);
	BIO *in = BIO_new_mem_buf(content, -1), *bio = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, flags);
	char *p = NULL;
	long n;

	assert_non_null(cms);
	assert_non_null(CMS_add1_signer(
	    cms, who, with, m->md, flags & ~(unsigned)CMS_PARTIAL));
	if (!m->stream)
		assert_int_equal(CMS_final(cms, in, NULL, flags), 1);
	if (m->stream)
		assert_int_equal(
		    i2d_CMS_bio_stream(bio, cms, in, (int)flags), 1);
	else
		assert_int_equal(i2d_CMS_bio(bio, cms), 1);
	n = BIO_get_mem_data(bio, &p);
	buf_init(out, MAX);
	buf_add(out, p, (size_t)n);
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	BIO_free(in);
}

static void
try_openssl(X509 *who, EVP_PKEY *with)
{
	const struct made made[] = {
		{ 0, EVP_sha256(), false },
		{ 0, EVP_sha256(), true },
		{ CMS_NOATTR, EVP_sha256(), false },
		{ CMS_NOATTR, EVP_sha256(), true },
		{ CMS_DETACHED, EVP_sha384(), false },
		{ CMS_DETACHED | CMS_NOATTR, EVP_sha512(), false },
		{ CMS_USE_KEYID, EVP_sha384(), false },
		{ CMS_NOSMIMECAP, EVP_sha512(), false },
	};
	struct buf b;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		openssl_sign(who, with, &made[i], text, &b);
		if (judge(buf_blob(&b), text, 0) != OK)
			unit_fail("message %zu: %s", i, log_reason());
		assert_int_equal(
		    judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
		buf_release(&b);
	}
}

static void
test_openssl_ec(void **state)
{
	EVP_PKEY *p384 = testpki_ec("P-384");
	X509 *who = testpki_issue(p384,
	    &(struct testpki_cert){
		.name = "device", .serial = 9, .key_id = true });

	(void)state;
	try_openssl(crt, key);
	try_openssl(who, p384);
	X509_free(who);
	EVP_PKEY_free(p384);
}

static void
test_openssl_rsa(void **state)
{
	EVP_PKEY *rsa = testpki_rsa(2048);
	X509 *who = testpki_issue(rsa,
	    &(struct testpki_cert){
		.name = "device", .serial = 9, .key_id = true });

	(void)state;
	try_openssl(who, rsa);
	X509_free(who);
	EVP_PKEY_free(rsa);
}

/* Judges a message that an RSA key with this exponent signed. */
static int
judge_exponent(const char *decimal)
{
	const struct made m = { CMS_NOATTR, EVP_sha256(), true };
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *rsa = NULL;
	BIGNUM *e = NULL;
	struct buf b;
	X509 *who;
	int r;

	assert_true(BN_dec2bn(&e, decimal) > 0);
	assert_int_equal(EVP_PKEY_keygen_init(context), 1);
	EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e), 1);
	assert_int_equal(EVP_PKEY_keygen(context, &rsa), 1);
	who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	openssl_sign(who, rsa, &m, text, &b);
	r = judge(buf_blob(&b), text, 0);
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
	EVP_PKEY_CTX_free(context);
	BN_free(e);
	return r;
}

/* A key that takes long to verify with is not tried. */
static void
test_rsa_exponent(void **state)
{
	(void)state;
	assert_int_equal(judge_exponent("65537"), OK);
	assert_int_equal(judge_exponent("4294967291"), OK);
	assert_int_equal(judge_exponent("4294967311"), ERR_BAD_ALGORITHM);
}

/* mdm-32 */
static void
test_rsa1024_by_flag(void **state)
{
	const struct made m = { CMS_NOATTR, EVP_sha256(), true };
	EVP_PKEY *rsa = testpki_rsa(1024);
	X509 *who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	struct buf b;

	(void)state;
	openssl_sign(who, rsa, &m, text, &b);
	assert_int_equal(judge(buf_blob(&b), text, 0), ERR_BAD_ALGORITHM);
	assert_int_equal(judge(buf_blob(&b), text, CMS_ALLOW_RSA1024), OK);
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
	rsa = testpki_rsa(1016);
	who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	openssl_sign(who, rsa, &m, text, &b);
	assert_int_equal(
	    judge(buf_blob(&b), text, CMS_ALLOW_RSA1024), ERR_BAD_ALGORITHM);
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
}

static void
test_key_kinds(void **state)
{
	const struct made m = { 0, EVP_sha256(), false };
	EVP_PKEY *rsa = testpki_rsa(4104);
	X509 *who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	EVP_PKEY *was = key;
	X509 *had = crt;
	struct buf b;

	(void)state;
	openssl_sign(who, rsa, &m, text, &b);
	assert_int_equal(judge(buf_blob(&b), text, 0), ERR_BAD_ALGORITHM);
	assert_non_null(strstr(log_reason(), "RSA-4104"));
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
	/* A message of our own whose certificate holds another kind of key. */
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(key);
	crt = testpki_issue(key,
	    &(struct testpki_cert){ .name = "device",
		.serial = 7,
		.issuer = had,
		.issuer_key = was });
	EVP_PKEY_free(key);
	key = was;
	expect(
	    &(struct faults){ .signers = 0 }, ERR_BAD_ALGORITHM, "key of kind");
	X509_free(crt);
	crt = had;
	expect(&(struct faults){ .no_attributes = true, .content = "1 text" },
	    OK, "");
}

/* Only the caller decides about dates; a certificate of 2007 must do. */
static void
test_expired_signer(void **state)
{
	const struct made m = { 0, EVP_sha256(), false };
	EVP_PKEY *ec = testpki_ec("P-256");
	X509 *who = testpki_issue(ec,
	    &(struct testpki_cert){ .name = "old",
		.serial = 9,
		.not_before = -7200,
		.not_after = -3600 });
	struct buf b;

	(void)state;
	openssl_sign(who, ec, &m, text, &b);
	assert_int_equal(judge(buf_blob(&b), text, 0), OK);
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(ec);
}

/* What we sign, OpenSSL verifies, with the certificates that we included. */
static void
test_sign(void **state)
{
	gnutls_x509_crt_t chain[2];
	gnutls_x509_privkey_t raw;
	gnutls_privkey_t priv;
	gnutls_datum_t d = { NULL, 0 };
	struct buf der, out;
	CMS_ContentInfo *cms;
	const uint8_t *p;
	int n;

	(void)state;
	buf_init(&der, MAX);
	buf_init(&out, MAX);
	testpki_der(crt, &der);
	assert_int_equal(x509_parse(buf_blob(&der), &chain[0]), OK);
	buf_release(&der);
	{
		EVP_PKEY *ca = testpki_ec("P-256");
		X509 *other = testpki_issue(ca,
		    &(struct testpki_cert){
			.name = "ca", .serial = 3, .ca = true });

		testpki_der(other, &der);
		assert_int_equal(x509_parse(buf_blob(&der), &chain[1]), OK);
		X509_free(other);
		EVP_PKEY_free(ca);
	}
	n = i2d_PrivateKey(key, &d.data);
	assert_true(n > 0);
	d.size = (unsigned)n;
	gnutls_x509_privkey_init(&raw);
	assert_int_equal(
	    gnutls_x509_privkey_import(raw, &d, GNUTLS_X509_FMT_DER), 0);
	gnutls_privkey_init(&priv);
	assert_int_equal(gnutls_privkey_import_x509(priv, raw, 0), 0);
	assert_int_equal(cms_sign(blob_str(text), priv, chain, 2, &out), OK);
	assert_int_equal(judge(buf_blob(&out), NULL, 0), OK);
	assert_int_equal(
	    cms_sign(blob_str(text), priv, chain, 0, &out), ERR_CRYPTO);
	p = out.p;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)out.n);
	assert_non_null(cms);
	assert_int_equal(CMS_verify(cms, NULL, NULL, NULL, NULL,
			     CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY),
	    1);
	{
		STACK_OF(X509) *all = CMS_get1_certs(cms);

		assert_int_equal(sk_X509_num(all), 2);
		sk_X509_pop_free(all, X509_free);
	}
	CMS_ContentInfo_free(cms);
	OPENSSL_free(d.data);
	gnutls_privkey_deinit(priv);
	gnutls_x509_privkey_deinit(raw);
	x509_free(chain[0]);
	x509_free(chain[1]);
	buf_release(&out);
	buf_release(&der);
}

/* The form of MachineInfo: BER, SHA-1, RSA-1024, no attributes. */
static void
test_real_machineinfo(void **state)
{
	unsigned flags = CMS_ALLOW_SHA1 | CMS_ALLOW_RSA1024;
	gnutls_x509_crt_t apple, leaf;
	struct cms_signed *cms;
	struct blob der;
	struct buf b;
	size_t n;

	(void)state;
	if (!fixture_read("machineinfo-apple-vm-macos13.cms.der", &b)) {
		buf_release(&b);
		return;
	}
	assert_int_equal(
	    x509_load(
		source_path("data/apple-iphone-device-ca.pem"), 1, &apple, &n),
	    OK);
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_int_equal(cms->n_certs, 4);
	assert_true(cms->has_content);
	assert_int_equal(cms_signed_verify(cms, cms->content, flags), OK);
	assert_int_equal(
	    cms_signed_verify(cms, cms->content, CMS_ALLOW_RSA1024),
	    ERR_BAD_ALGORITHM);
	assert_int_equal(cms_signed_verify(cms, cms->content, CMS_ALLOW_SHA1),
	    ERR_BAD_ALGORITHM);
	assert_int_equal(cms_signed_signer(cms, &der), OK);
	assert_int_equal(x509_parse(der, &leaf), OK);
	assert_false(x509_is_ca(leaf));
	assert_int_equal(x509_signed_by(leaf, apple, X509_ALLOW_SHA1), OK);
	assert_int_equal(x509_signed_by(leaf, apple, 0), ERR_BAD_SIGNATURE);
	x509_free(leaf);
	cms_signed_free(cms);
	x509_free(apple);
	buf_release(&b);
}

/* mdm-33 */
static void
test_real_mdm_signature(void **state)
{
	struct buf text64, der, body;
	struct cms_signed *cms;
	bool have;
	size_t i;

	(void)state;
	have = fixture_read("mdm-signature-macos.header.b64", &text64);
	have = fixture_read("mdm-signature-macos.body.plist", &body) && have;
	buf_init(&der, MAX);
	while (have && text64.n > 0 && text64.p[text64.n - 1] <= ' ')
		text64.n--;
	if (have) {
		assert_int_equal(
		    enc_base64_decode(buf_blob(&text64), &der), OK);
		assert_int_equal(cms_signed_parse(buf_blob(&der), &cms), OK);
		assert_false(cms->has_content);
		assert_int_equal(
		    cms_signed_verify(cms, buf_blob(&body), CMS_ALLOW_SHA1),
		    OK);
		assert_int_equal(cms_signed_verify(cms, buf_blob(&body), 0),
		    ERR_BAD_ALGORITHM);
		for (i = 0; i < body.n; i += 37) {
			body.p[i] ^= 1;
			assert_int_equal(cms_signed_verify(cms, buf_blob(&body),
					     CMS_ALLOW_SHA1),
			    ERR_BAD_SIGNATURE);
			body.p[i] ^= 1;
		}
		cms_signed_free(cms);
	}
	buf_release(&der);
	buf_release(&body);
	buf_release(&text64);
}

static void
test_real_scep(void **state)
{
	static const char *const names[] = { "scep-PKCSReq.der",
		"scep-CertRep.der" };
	struct cms_signed *cms;
	struct blob der;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		if (fixture_read(names[i], &b)) {
			assert_int_equal(
			    cms_signed_parse(buf_blob(&b), &cms), OK);
			assert_int_equal(cms_signed_attribute(cms,
					     "2.16.840.1.113733.1.9.2", &der),
			    OK);
			assert_int_equal(der.p[0], 0x13);
			cms_signed_free(cms);
		}
		buf_release(&b);
	}
}

static int
start(void **state)
{
	EVP_PKEY *another = testpki_ec("P-256");

	(void)state;
	key = testpki_ec("P-256");
	crt = testpki_issue(key,
	    &(struct testpki_cert){
		.name = "device", .serial = 7, .key_id = true });
	namesake = testpki_issue(
	    another, &(struct testpki_cert){ .name = "another", .serial = 7 });
	EVP_PKEY_free(another);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	X509_free(namesake);
	X509_free(crt);
	EVP_PKEY_free(key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_sha1_by_flag),
		cmocka_unit_test(test_attributes_as_content),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_content_shape),
		cmocka_unit_test(test_key_kinds),
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_flipped_bytes),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_openssl_ec),
		cmocka_unit_test(test_openssl_rsa),
		cmocka_unit_test(test_rsa_exponent),
		cmocka_unit_test(test_rsa1024_by_flag),
		cmocka_unit_test(test_expired_signer),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_real_machineinfo),
		cmocka_unit_test(test_real_mdm_signature),
		cmocka_unit_test(test_real_scep),
	};

	log_open("test", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cms", tests, start, stop);
}
