/* What SCEP wants of a certificate request beyond ACME. */
#include "unit.h"

#include <gnutls/x509.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/csr.h"
#include "wire/out_der.h"
#include "wire/x509.h"

#define OID "1.2.840.113549.1.9.7"

static gnutls_x509_privkey_t key;

static int
make_key(void **state)
{
	(void)state;
	gnutls_x509_privkey_init(&key);
	return gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0);
}

static int
free_key(void **state)
{
	(void)state;
	gnutls_x509_privkey_deinit(key);
	return 0;
}

/* A request with this DER as the challenge's one value, or none. */
static int
parse_with(struct blob value, gnutls_digest_algorithm_t digest, unsigned flags,
    struct csr **out)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_crq_t crq;
	uint8_t copy[1024];
	int r;

	assert_true(value.n <= sizeof(copy));
	gnutls_x509_crq_init(&crq);
	assert_true(gnutls_x509_crq_set_version(crq, 1) >= 0);
	assert_true(gnutls_x509_crq_set_dn(crq, "CN=x", NULL) >= 0);
	assert_true(gnutls_x509_crq_set_key(crq, key) >= 0);
	if (value.n > 0) {
		memcpy(copy, value.p, value.n);
		assert_true(gnutls_x509_crq_set_attribute_by_oid(
				crq, OID, copy, value.n) >= 0);
	}
	assert_true(gnutls_x509_crq_sign2(crq, key, digest, 0) >= 0);
	assert_true(
	    gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_DER, &der) >= 0);
	r = csr_parse(blob_of(der.data, der.size), flags, out);
	gnutls_free(der.data);
	gnutls_x509_crq_deinit(crq);
	return r;
}

static int
parse_text(uint8_t tag, const char *text, size_t n, struct csr **out)
{
	struct buf value;
	int r;

	buf_init(&value, 1024);
	assert_int_equal(out_der_add(&value, tag, blob_of(text, n)), OK);
	r = parse_with(buf_blob(&value), GNUTLS_DIG_SHA256, CSR_ALLOW_RSA, out);
	buf_release(&value);
	return r;
}

static void
test_challenge(void **state)
{
	/* PrintableString, UTF8String, T61String, IA5String */
	static const uint8_t tags[] = { 0x13, 0x0c, 0x14, 0x16 };
	struct csr *csr;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tags); i++) {
		assert_int_equal(parse_text(tags[i], "secret1", 7, &csr), OK);
		assert_true(csr->has_challenge);
		assert_true(blob_eq(csr->challenge, blob_str("secret1")));
		csr_free(csr);
	}
}

static void
test_no_challenge(void **state)
{
	struct csr *csr;

	(void)state;
	assert_int_equal(parse_with(blob_of(NULL, 0), GNUTLS_DIG_SHA256,
			     CSR_ALLOW_RSA, &csr),
	    OK);
	assert_false(csr->has_challenge);
	csr_free(csr);
}

/* mdm-76: too long, no string. */
static void
test_bad_challenge(void **state)
{
	char text[CSR_CHALLENGE_MAX + 1];
	struct csr *csr;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(
	    parse_text(0x13, text, sizeof(text), &csr), ERR_BAD_CSR);
	assert_null(csr);
	assert_int_equal(parse_text(0x13, text, sizeof(text) - 1, &csr), OK);
	csr_free(csr);
	assert_int_equal(parse_text(0x04, "secret1", 7, &csr), ERR_BAD_CSR);
}

static void
test_sha1_by_flag(void **state)
{
	struct csr *csr;

	(void)state;
	assert_int_equal(
	    parse_with(blob_of(NULL, 0), GNUTLS_DIG_SHA1, CSR_ALLOW_RSA, &csr),
	    ERR_BAD_CSR);
	assert_int_equal(parse_with(blob_of(NULL, 0), GNUTLS_DIG_SHA1,
			     CSR_ALLOW_RSA | CSR_ALLOW_SHA1, &csr),
	    OK);
	csr_free(csr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_no_challenge),
		cmocka_unit_test(test_bad_challenge),
		cmocka_unit_test(test_sha1_by_flag),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_key, free_key);
}
