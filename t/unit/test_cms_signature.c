/* SignedData made by others, and its signatures. */
#include <openssl/cms.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "unit/fixture.h"
#include "unit/source.h"
#include "unit/testpki.h"
#include "wire/cms.h"
#include "wire/x509.h"
#include "unit/unit.h"
#include "unit/cmsfix.h"

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

	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		openssl_sign(who, with, &made[i], cmsfix_text, &b);
		if (cmsfix_judge(buf_blob(&b), cmsfix_text, 0) != OK)
			unit_fail("message %zu: %s", i, log_reason());
		assert_int_equal(
		    cmsfix_judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
		buf_release(&b);
	}
}

static void
test_openssl_ec(void **state)
{
	EVP_PKEY *p384 = testpki_key("P-384");
	X509 *who = testpki_issue(p384,
	    &(struct testpki_cert){
		.name = "device", .serial = 9, .key_id = true });

	(void)state;
	try_openssl(cmsfix_crt, cmsfix_key);
	try_openssl(who, p384);
	X509_free(who);
	EVP_PKEY_free(p384);
}

static void
test_openssl_rsa(void **state)
{
	EVP_PKEY *rsa = testpki_key("RSA-2048");
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
	openssl_sign(who, rsa, &m, cmsfix_text, &b);
	r = cmsfix_judge(buf_blob(&b), cmsfix_text, 0);
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
	EVP_PKEY *rsa = testpki_key("RSA-1024");
	X509 *who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	struct buf b;

	(void)state;
	openssl_sign(who, rsa, &m, cmsfix_text, &b);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), cmsfix_text, 0), ERR_BAD_ALGORITHM);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), cmsfix_text, CMS_ALLOW_RSA1024), OK);
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
	rsa = testpki_key("RSA-1016");
	who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	openssl_sign(who, rsa, &m, cmsfix_text, &b);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), cmsfix_text, CMS_ALLOW_RSA1024),
	    ERR_BAD_ALGORITHM);
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
}

static void
test_key_kinds(void **state)
{
	const struct made m = { 0, EVP_sha256(), false };
	EVP_PKEY *rsa = testpki_key("RSA-4104");
	X509 *who = testpki_issue(
	    rsa, &(struct testpki_cert){ .name = "device", .serial = 9 });
	EVP_PKEY *was = cmsfix_key;
	X509 *had = cmsfix_crt;
	struct buf b;

	(void)state;
	openssl_sign(who, rsa, &m, cmsfix_text, &b);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), cmsfix_text, 0), ERR_BAD_ALGORITHM);
	assert_non_null(strstr(log_reason(), "RSA-4104"));
	buf_release(&b);
	X509_free(who);
	EVP_PKEY_free(rsa);
	/* A message of our own whose certificate holds another kind of key. */
	cmsfix_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(cmsfix_key);
	cmsfix_crt = testpki_issue(cmsfix_key,
	    &(struct testpki_cert){ .name = "device",
		.serial = 7,
		.issuer = had,
		.issuer_key = was });
	EVP_PKEY_free(cmsfix_key);
	cmsfix_key = was;
	cmsfix_expect(
	    &(struct faults){ .signers = 0 }, ERR_BAD_ALGORITHM, "key of kind");
	X509_free(cmsfix_crt);
	cmsfix_crt = had;
	cmsfix_expect(
	    &(struct faults){ .no_attributes = true, .content = "1 text" }, OK,
	    "");
}

/* Only the caller decides about dates; a certificate of 2007 must do. */
static void
test_expired_signer(void **state)
{
	const struct made m = { 0, EVP_sha256(), false };
	EVP_PKEY *ec = testpki_key("P-256");
	X509 *who = testpki_issue(ec,
	    &(struct testpki_cert){ .name = "old",
		.serial = 9,
		.not_before = -7200,
		.not_after = -3600 });
	struct buf b;

	(void)state;
	openssl_sign(who, ec, &m, cmsfix_text, &b);
	assert_int_equal(cmsfix_judge(buf_blob(&b), cmsfix_text, 0), OK);
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
	testpki_der(cmsfix_crt, &der);
	assert_int_equal(x509_parse(buf_blob(&der), &chain[0]), OK);
	buf_release(&der);
	{
		EVP_PKEY *ca = testpki_key("P-256");
		X509 *other = testpki_issue(ca,
		    &(struct testpki_cert){
			.name = "ca", .serial = 3, .ca = true });

		testpki_der(other, &der);
		assert_int_equal(x509_parse(buf_blob(&der), &chain[1]), OK);
		X509_free(other);
		EVP_PKEY_free(ca);
	}
	n = i2d_PrivateKey(cmsfix_key, &d.data);
	assert_true(n > 0);
	d.size = (unsigned)n;
	gnutls_x509_privkey_init(&raw);
	assert_int_equal(
	    gnutls_x509_privkey_import(raw, &d, GNUTLS_X509_FMT_DER), 0);
	gnutls_privkey_init(&priv);
	assert_int_equal(gnutls_privkey_import_x509(priv, raw, 0), 0);
	assert_int_equal(
	    cms_sign(blob_str(cmsfix_text), priv, chain, 2, &out), OK);
	assert_int_equal(cmsfix_judge(buf_blob(&out), NULL, 0), OK);
	assert_int_equal(
	    cms_sign(blob_str(cmsfix_text), priv, chain, 0, &out), ERR_CRYPTO);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_kinds),
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
	return cmocka_run_group_tests_name(
	    "cms_signature", tests, cmsfix_start, cmsfix_stop);
}
