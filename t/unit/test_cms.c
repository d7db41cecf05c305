/* SignedData from devices and for profiles (lib/wire/cms.h). */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/cms.h"
#include "unit/unit.h"
#include "unit/cmsfix.h"

static void
test_by_hand(void **state)
{
	(void)state;
	cmsfix_expect(&(struct faults){ .signers = 0 }, OK, "");
	cmsfix_expect(&(struct faults){ .detached = true }, OK, "");
	cmsfix_expect(&(struct faults){ .no_attributes = true }, OK, "");
	cmsfix_expect(&(struct faults){ .algorithm = OID_SHA256_EC }, OK, "");
}

/* mdm-30 */
static void
test_shape(void **state)
{
	(void)state;
	cmsfix_expect(&(struct faults){ .outer_type = OID_DATA }, ERR_MALFORMED,
	    "not SignedData");
	cmsfix_expect(&(struct faults){ .inner_type = OID_SIGNED },
	    ERR_MALFORMED, "not of type data");
	cmsfix_expect(
	    &(struct faults){ .signers = 1 }, ERR_MALFORMED, "2 signers");
	cmsfix_expect(
	    &(struct faults){ .signers = -1 }, ERR_MALFORMED, "0 signers");
	cmsfix_expect(&(struct faults){ .no_certificate = true }, ERR_MALFORMED,
	    "0 of 0 certificates");
	cmsfix_expect(&(struct faults){ .certificate_twice = true },
	    ERR_MALFORMED, "2 of 2 certificates");
	cmsfix_expect(&(struct faults){ .other_serial = true }, ERR_MALFORMED,
	    "0 of 1 certificates");
	cmsfix_expect(&(struct faults){ .other_issuer = true }, ERR_MALFORMED,
	    "0 of 1 certificates");
	/* serial numbers are of an issuer, and another may have the same */
	cmsfix_expect(&(struct faults){ .with_namesake = true }, OK, "");
	cmsfix_expect(
	    &(struct faults){ .with_namesake = true, .other_issuer = true },
	    ERR_BAD_SIGNATURE, "");
	cmsfix_expect(&(struct faults){ .signers = -1, .empty_signer = true },
	    ERR_MALFORMED, "without a name");
	cmsfix_expect(&(struct faults){ .more_certificates = 15 }, OK, "");
	cmsfix_expect(&(struct faults){ .more_certificates = 16 },
	    ERR_MALFORMED, "17 certificates");
}

/* mdm-31 */
static void
test_attributes(void **state)
{
	(void)state;
	cmsfix_expect(&(struct faults){ .empty_attributes = true },
	    ERR_MALFORMED, "0 attributes");
	cmsfix_expect(
	    &(struct faults){ .types = -1 }, ERR_MALFORMED, "missing");
	cmsfix_expect(
	    &(struct faults){ .digests = -1 }, ERR_MALFORMED, "missing");
	cmsfix_expect(
	    &(struct faults){ .types = 1 }, ERR_MALFORMED, "not single");
	cmsfix_expect(
	    &(struct faults){ .digests = 1 }, ERR_MALFORMED, "not single");
	cmsfix_expect(&(struct faults){ .two_values = true }, ERR_MALFORMED,
	    "not single");
	cmsfix_expect(&(struct faults){ .type = OID_SIGNED }, ERR_MALFORMED,
	    "contentType");
	cmsfix_expect(&(struct faults){ .other_digest = true },
	    ERR_BAD_SIGNATURE, "digest differs");
	cmsfix_expect(&(struct faults){ .loose_attribute = true },
	    ERR_MALFORMED, "not minimal");
	cmsfix_expect(&(struct faults){ .junk_attribute = true }, ERR_MALFORMED,
	    "attribute's shape");
	cmsfix_expect(&(struct faults){ .long_attribute = true }, ERR_MALFORMED,
	    "attribute's shape");
	cmsfix_expect(&(struct faults){ .more_attributes = 30 }, OK, "");
	cmsfix_expect(&(struct faults){ .more_attributes = 31 }, ERR_MALFORMED,
	    "33 attributes");
}

/* mdm-32 */
static void
test_algorithms(void **state)
{
	(void)state;
	cmsfix_expect(&(struct faults){ .digest = OID_MD5 }, ERR_BAD_ALGORITHM,
	    "digest 1.2");
	cmsfix_expect(&(struct faults){ .digest = OID_SHA1, .md = "sha1" },
	    ERR_BAD_ALGORITHM, "SHA-1");
	cmsfix_expect(&(struct faults){ .algorithm = OID_SHA384_EC },
	    ERR_BAD_ALGORITHM, "signature algorithm");
	cmsfix_expect(&(struct faults){ .algorithm = OID_RSA },
	    ERR_BAD_ALGORITHM, "signature algorithm");
	cmsfix_expect(&(struct faults){ .algorithm = OID_SHA256_RSA },
	    ERR_BAD_ALGORITHM, "signature algorithm");
}

static void
test_sha1_by_flag(void **state)
{
	struct faults k = { .digest = OID_SHA1, .md = "sha1" };
	struct buf b;

	(void)state;
	cmsfix_build(&b, &k);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), cmsfix_text, CMS_ALLOW_SHA1), OK);
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
	cmsfix_add_attributes(&attributes, &(struct faults){ .signers = 0 });
	der_put(&set, 0x31, buf_blob(&attributes));
	content = strdup(buf_str(&set));
	assert_non_null(content);
	assert_int_equal(strlen(content), set.n);
	k.content = content;
	cmsfix_build(&b, &k);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), content, 0), ERR_BAD_SIGNATURE);
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
	cmsfix_build(&b, &(struct faults){ .signers = 0 });
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
	assert_non_null(strstr(log_reason(), "another content"));
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_true(cms->has_content);
	assert_true(blob_eq_str(cms->content, cmsfix_text));
	assert_int_equal(cms->n_certs, 1);
	cms_signed_free(cms);
	buf_release(&b);
	cmsfix_build(&b, &(struct faults){ .detached = true });
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
	assert_int_equal(cms_signed_parse(buf_blob(&b), &cms), OK);
	assert_false(cms->has_content);
	cms_signed_free(cms);
	buf_release(&b);
	cmsfix_build(
	    &b, &(struct faults){ .detached = true, .no_attributes = true });
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), "other", 0), ERR_BAD_SIGNATURE);
	buf_release(&b);
	cmsfix_build(&b, &(struct faults){ .content = "" });
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
	cmsfix_expect(
	    &(struct faults){ .raw_content = "\x05\x00", .raw_length = 2 },
	    ERR_MALFORMED, "not a string");
	cmsfix_expect(
	    &(struct faults){
		.raw_content = "\x24\x04\x05\x00\x05\x00", .raw_length = 6 },
	    ERR_MALFORMED, "not a string");
	cmsfix_expect(&(struct faults){ .raw_content = "\x04\x01"
						       "a\x04\x01"
						       "b",
			  .raw_length = 6 },
	    ERR_MALFORMED, "not a CMS SignedData");
	cmsfix_build(&b,
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
	cmsfix_build(&b, &(struct faults){ .signers = 0 });
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
	cmsfix_build(&b, &k);
	for (i = 0; i < b.n; i++) {
		b.p[i] ^= 0x15;
		(void)cmsfix_judge(buf_blob(&b), cmsfix_text, 0);
		b.p[i] ^= 0x15;
	}
	n = b.n;
	for (b.n = 0; b.n < n; b.n++)
		assert_int_equal(
		    cmsfix_judge(buf_blob(&b), cmsfix_text, 0), ERR_MALFORMED);
	buf_add_byte(&b, 0);
	assert_int_equal(
	    cmsfix_judge(buf_blob(&b), cmsfix_text, 0), ERR_MALFORMED);
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
	    cms_signed_parse(blob_of(big, sizeof big), &cms), ERR_TOO_LARGE);
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
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_flipped_bytes),
		cmocka_unit_test(test_bounds),
	};

	log_open("test", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "cms", tests, cmsfix_start, cmsfix_stop);
}
