/* What SCEP wants of a certificate request beyond ACME. */
#include "unit.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/csr.h"
#include "wire/in_der.h"
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

/*
 * A request with this DER as what the challenge's SET holds, or without one;
 * the caller frees.
 */
static gnutls_datum_t
request_with(struct blob value, gnutls_digest_algorithm_t digest)
{
	gnutls_datum_t der = { NULL, 0 };
	gnutls_x509_crq_t crq;
	uint8_t copy[1024];

	assert_true(value.n <= sizeof copy);
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
	gnutls_x509_crq_deinit(crq);
	return der;
}

static int
parse_with(struct blob value, gnutls_digest_algorithm_t digest, unsigned flags,
    struct csr **out)
{
	gnutls_datum_t der = request_with(value, digest);
	int r = csr_parse(blob_of(der.data, der.size), flags, out);

	gnutls_free(der.data);
	return r;
}

/* Signs CertificationRequestInfo and appends the request. */
static void
sign_info(struct buf *info, struct buf *out)
{
	gnutls_datum_t data = { info->p, (unsigned)info->n }, signature;
	gnutls_privkey_t signer;
	struct buf request, bits;

	buf_init(&request, 4096);
	buf_init(&bits, 1024);
	assert_true(gnutls_privkey_init(&signer) >= 0);
	assert_true(gnutls_privkey_import_x509(signer, key, 0) >= 0);
	assert_true(gnutls_privkey_sign_data2(signer, GNUTLS_SIGN_RSA_SHA256, 0,
			&data, &signature) >= 0);
	buf_add_byte(&bits, 0);
	buf_add(&bits, signature.data, signature.size);
	buf_add_blob(&request, buf_blob(info));
	out_der_algorithm(&request, "1.2.840.113549.1.1.11");
	out_der_wrap(&request, IN_DER_BIT_STRING, &bits);
	assert_int_equal(out_der_wrap(out, IN_DER_SEQUENCE, &request), OK);
	gnutls_free(signature.data);
	gnutls_privkey_deinit(signer);
	buf_release(&bits);
	buf_release(&request);
}

/* The request with its one attribute `n` times. */
static int
parse_times(struct blob value, int n, struct csr **out)
{
	gnutls_datum_t der = request_with(value, GNUTLS_DIG_SHA256);
	struct blob rest = blob_of(der.data, der.size), outer, info, attribute;
	struct buf attributes, parts, signed_info, request;
	struct in_der part;
	int i, r;

	buf_init(&attributes, 4096);
	buf_init(&parts, 4096);
	buf_init(&signed_info, 4096);
	buf_init(&request, 4096);
	assert_true(in_der_take(&rest, IN_DER_SEQUENCE, &outer));
	assert_true(in_der_take(&outer, IN_DER_SEQUENCE, &info));
	for (i = 0; i < 3; i++) {
		assert_true(in_der_next(&info, &part));
		buf_add_blob(&parts, part.whole);
	}
	assert_true(
	    in_der_take(&info, IN_DER_CONTEXT_CONSTRUCTED(0), &attribute));
	for (i = 0; i < n; i++)
		buf_add_blob(&attributes, attribute);
	out_der_wrap(&parts, IN_DER_CONTEXT_CONSTRUCTED(0), &attributes);
	out_der_wrap(&signed_info, IN_DER_SEQUENCE, &parts);
	sign_info(&signed_info, &request);
	r = csr_parse(buf_blob(&request), CSR_ALLOW_RSA, out);
	gnutls_free(der.data);
	buf_release(&request);
	buf_release(&signed_info);
	buf_release(&parts);
	buf_release(&attributes);
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
	for (i = 0; i < sizeof tags; i++) {
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
	memset(text, 'a', sizeof text);
	assert_int_equal(
	    parse_text(0x13, text, sizeof text, &csr), ERR_BAD_CSR);
	assert_null(csr);
	assert_int_equal(parse_text(0x13, text, sizeof text - 1, &csr), OK);
	csr_free(csr);
	assert_int_equal(parse_text(0x04, "secret1", 7, &csr), ERR_BAD_CSR);
}

/* mdm-76: one attribute with two values, and two attributes. */
static void
test_two_challenges(void **state)
{
	struct buf value, twice;
	struct csr *csr;

	(void)state;
	buf_init(&value, 64);
	buf_init(&twice, 64);
	out_der_add(&value, 0x13, blob_str("secret1"));
	buf_add_blob(&twice, buf_blob(&value));
	buf_add_blob(&twice, buf_blob(&value));
	assert_int_equal(parse_with(buf_blob(&twice), GNUTLS_DIG_SHA256,
			     CSR_ALLOW_RSA, &csr),
	    ERR_BAD_CSR);
	assert_null(csr);
	assert_int_equal(parse_times(buf_blob(&value), 1, &csr), OK);
	csr_free(csr);
	assert_int_equal(parse_times(buf_blob(&value), 2, &csr), ERR_BAD_CSR);
	assert_null(csr);
	buf_release(&twice);
	buf_release(&value);
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
		cmocka_unit_test(test_two_challenges),
		cmocka_unit_test(test_sha1_by_flag),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_key, free_key);
}
