/* Certificate requests: what their names and extensions may be. */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/testpki.h"
#include "wire/csr.h"
#include "unit/unit.h"
#include "unit/csrfix.h"

static void
with_cn(uint8_t tag, const char *p, size_t n, const char *why)
{
	csrfix_expect(
	    &(struct faults){ .cn_tag = tag, .cn = blob_of(p, n) }, why);
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
	csrfix_expect(
	    &(struct faults){
		.cn_tag = 0x0c, .cn = blob_str("x"), .two_cn = true },
	    NULL);
}

static void
with_extension(
    const char *oid, bool critical, const void *p, size_t n, const char *why)
{
	struct buf b;

	buf_init(&b, MAX);
	csrfix_add_extension(&b, oid, critical, p, n);
	csrfix_expect(&(struct faults){ .extensions = buf_blob(&b) }, why);
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
	csrfix_add_extension(&b, "1.2.3.4", false, "\x05\x00", 2);
	csrfix_expect(
	    &(struct faults){ .extensions = buf_blob(&b), .requests = 1 },
	    "two extensionRequests");
	csrfix_expect(
	    &(struct faults){ .extensions = buf_blob(&b), .two_values = true },
	    "not single");
	csrfix_add_extension(&b, "1.2.3.5", false, "\x05\x00", 2);
	csrfix_expect(&(struct faults){ .extensions = buf_blob(&b) }, NULL);
	csrfix_add_extension(&b, "1.2.3.4", false, "\x05\x00", 2);
	csrfix_expect(
	    &(struct faults){ .extensions = buf_blob(&b) }, "comes twice");
	buf_release(&b);
	buf_init(&b, MAX);
	for (int i = 0; i < 33; i++) {
		char oid[32];

		snprintf(oid, sizeof oid, "1.2.3.%d", i);
		csrfix_add_extension(&b, oid, false, "\x05\x00", 2);
	}
	csrfix_expect(
	    &(struct faults){ .extensions = buf_blob(&b) }, "too many");
	buf_release(&b);
}

static void
with_name(uint8_t tag, const char *p, size_t n, const char *why)
{
	struct buf names, b;

	buf_init(&names, MAX);
	buf_init(&b, MAX);
	der_put(&names, tag, blob_of(p, n));
	csrfix_add_san(&b, buf_blob(&names));
	csrfix_expect(&(struct faults){ .extensions = buf_blob(&b) }, why);
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

static int
parse_other_name(
    const char *oid, const void *p, size_t n, int times, struct csr **csr)
{
	struct buf names, extensions, b;
	int r;

	buf_init(&names, MAX);
	buf_init(&extensions, MAX);
	while (times-- > 0)
		csrfix_add_other_name(&names, oid, p, n);
	csrfix_add_san(&extensions, buf_blob(&names));
	csrfix_build(
	    &b, &(struct faults){ .extensions = buf_blob(&extensions) });
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_alternative_names),
		cmocka_unit_test(test_permanent_identifier),
		cmocka_unit_test(test_other_names),
	};

	log_open("test", LOG_ERROR);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "csr_names", tests, csrfix_start, csrfix_stop);
}
