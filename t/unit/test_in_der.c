/* Bounds on BER and DER, and the readers of strict DER (lib/wire/in_der.h). */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/err.h"
#include "wire/in_der.h"
#include "unit/unit.h"

/* Bytes written in hex with blanks between them. */
static struct blob
hex(struct buf *b, const char *text)
{
	char plain[256];
	size_t n = 0;

	for (; *text != '\0' && n < sizeof plain; text++) {
		if (*text != ' ')
			plain[n++] = *text;
	}
	buf_init(b, 256);
	assert_int_equal(enc_hex_decode(blob_of(plain, n), b), OK);
	return buf_blob(b);
}

static void
check_fault(const char *text, bool strict, const char *want)
{
	struct buf b;
	const char *got = in_der_fault(hex(&b, text), strict);

	if (want == NULL && got != NULL)
		unit_fail("%s: %s", text, got);
	else if (want != NULL && (got == NULL || strcmp(got, want) != 0))
		unit_fail("%s: %s instead of %s", text, got, want);
	buf_release(&b);
}

static void
test_sound(void **state)
{
	(void)state;
	check_fault("02 01 05", true, NULL);
	check_fault("30 00", true, NULL);
	check_fault(
	    "30 06 02 01 05 30 01 00", true, "an element that is cut off");
	check_fault("30 05 02 01 05 05 00", true, NULL);
	check_fault("30 80 02 01 05 00 00", false, NULL);
	check_fault("30 80 30 80 00 00 30 00 00 00", false, NULL);
	check_fault("24 80 04 01 41 04 01 42 00 00", false, NULL);
	check_fault("a0 03 02 01 05", true, NULL);
}

static void
test_bounds(void **state)
{
	static const char outside[] = "a length that points outside";

	(void)state;
	check_fault("", true, "an element that is cut off");
	check_fault("30", true, "an element that is cut off");
	check_fault("02 02 05", true, outside);
	check_fault("30 03 02 02 05 05 00", true, outside);
	check_fault("04 84 ff ff ff ff", false, outside);
	check_fault("04 84 ff ff", false, "a length that is cut off");
	check_fault("04 85 00 00 00 00 01 41", false,
	    "a length of more than four bytes");
	check_fault("1f 01 00", false, "a tag number over 30");
	check_fault("bf 20 00", false, "a tag number over 30");
	check_fault("00 00", false, "an end-of-contents out of place");
	check_fault("30 02 00 00", false, "an end-of-contents out of place");
	check_fault("30 80 02 01 05 00", false, "an element that is cut off");
	check_fault("30 80 02 01 05", false, "an element that is cut off");
	check_fault("02 01 05 00", false, "bytes after its end");
	check_fault("30 80 00 00 00", false, "bytes after its end");
	check_fault("10 00", false, "a primitive SEQUENCE or SET");
	check_fault("11 00", false, "a primitive SEQUENCE or SET");
	check_fault("04 80 00 00", false, "an indefinite length out of place");
}

static void
test_strict(void **state)
{
	(void)state;
	check_fault("30 80 00 00", true, "an indefinite length out of place");
	check_fault("04 81 01 41", true, "a length that is not minimal");
	check_fault("04 81 01 41", false, NULL);
	check_fault("04 82 00 01 41", true, "a length that is not minimal");
	check_fault("24 03 04 01 41", true, "a string in pieces");
	check_fault("24 03 04 01 41", false, NULL);
}

static void
test_minimal_two_bytes(void **state)
{
	uint8_t in[4 + 255] = { 0x04, 0x82, 0x00, 0xff };

	(void)state;
	assert_string_equal(in_der_fault(blob_of(in, sizeof in), true),
	    "a length that is not minimal");
	assert_null(in_der_fault(blob_of(in, sizeof in), false));
}

static const char *
nested(size_t levels, bool indefinite)
{
	static uint8_t in[4 * 200];
	size_t i;

	for (i = 0; i < levels; i++) {
		in[2 * i] = 0x30;
		in[2 * i + 1] =
		    indefinite ? 0x80 : (uint8_t)(2 * (levels - i - 1));
		in[2 * levels + 2 * i] = in[2 * levels + 2 * i + 1] = 0;
	}
	return in_der_fault(
	    blob_of(in, indefinite ? 4 * levels : 2 * levels), !indefinite);
}

static void
test_depth(void **state)
{
	(void)state;
	assert_null(nested(IN_DER_DEPTH_MAX, true));
	assert_string_equal(
	    nested(IN_DER_DEPTH_MAX + 1, true), "too many levels");
	assert_null(nested(IN_DER_DEPTH_MAX - 1, false));
	assert_string_equal(nested(IN_DER_DEPTH_MAX, true) == NULL
		? nested(IN_DER_DEPTH_MAX + 1, true)
		: "",
	    "too many levels");
}

static void
test_items(void **state)
{
	size_t n = 2 * IN_DER_ITEMS_MAX;
	uint8_t *in = malloc(4 + n);

	(void)state;
	assert_non_null(in);
	memset(in, 0, 4 + n);
	for (size_t i = 4; i < 4 + n; i += 2)
		in[i] = 0x05;
	in[0] = 0x30;
	in[1] = 0x82;
	in[2] = (uint8_t)(n >> 8);
	in[3] = (uint8_t)n;
	assert_string_equal(
	    in_der_fault(blob_of(in, 4 + n), true), "too many elements");
	n -= 2;
	in[2] = (uint8_t)(n >> 8);
	in[3] = (uint8_t)n;
	assert_null(in_der_fault(blob_of(in, 4 + n), true));
	free(in);
}

static void
test_next(void **state)
{
	struct blob rest, value;
	struct in_der item;
	struct buf b;

	(void)state;
	rest = hex(&b, "02 01 05 30 80 00 00");
	assert_false(in_der_take(&rest, IN_DER_OID, &value));
	assert_int_equal(rest.n, 7);
	assert_true(in_der_next(&rest, &item));
	assert_int_equal(item.tag, IN_DER_INTEGER);
	assert_int_equal(item.value.n, 1);
	assert_int_equal(item.whole.n, 3);
	assert_true(in_der_peek(rest, IN_DER_SEQUENCE));
	assert_false(in_der_next(&rest, &item));
	assert_int_equal(rest.n, 4);
	buf_release(&b);
	rest = hex(&b, "24 03 04 01 41");
	assert_false(in_der_next(&rest, &item));
	buf_release(&b);
	rest = blob_of(NULL, 0);
	assert_false(in_der_peek(rest, 0));
	assert_false(in_der_next(&rest, &item));
}

static void
test_uint(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "00", true, 0 },
		{ "7f", true, 127 },
		{ "0080", true, 128 },
		{ "7fffffffffffffff", true, INT64_MAX },
		{ "", false, 0 },
		{ "80", false, 0 },
		{ "0001", false, 0 },
		{ "008000000000000000", false, 0 },
	};
	int64_t v;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(
		    in_der_uint(hex(&b, cases[i].text), &v), cases[i].ok);
		if (cases[i].ok)
			assert_true(v == cases[i].want);
		buf_release(&b);
	}
}

static void
test_time(void **state)
{
	static const struct {
		uint8_t tag;
		const char *text;
		int64_t seconds; /* -1: refused */
	} times[] = {
		{ IN_DER_UTC_TIME, "700101000000Z", 0 },
		{ IN_DER_UTC_TIME, "261125233000Z", 1795649400 },
		{ IN_DER_UTC_TIME, "491231235959Z", 2524607999 },
		{ IN_DER_GENERALIZED_TIME, "20261125233000Z", 1795649400 },
		{ IN_DER_GENERALIZED_TIME, "20500101000000Z", 2524608000 },
		{ IN_DER_UTC_TIME, "20261125233000Z", -1 },
		{ IN_DER_GENERALIZED_TIME, "261125233000Z", -1 },
		{ IN_DER_UTC_TIME, "2611252330Z", -1 },
		{ IN_DER_UTC_TIME, "261125233000+", -1 },
		{ IN_DER_UTC_TIME, "261125233000", -1 },
		{ IN_DER_UTC_TIME, "26112523300xZ", -1 },
		{ IN_DER_UTC_TIME, "2x1125233000Z", -1 },
		{ IN_DER_GENERALIZED_TIME, "x0261125233000Z", -1 },
		{ IN_DER_UTC_TIME, "260231000000Z", -1 },
		{ IN_DER_UTC_TIME, "261301000000Z", -1 },
		{ IN_DER_UTC_TIME, "260001000000Z", -1 },
		{ IN_DER_UTC_TIME, "261125243000Z", -1 },
		{ IN_DER_UTC_TIME, "", -1 },
		{ IN_DER_PRINTABLE, "261125233000Z", -1 },
	};
	struct in_der element;
	int64_t got;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof times / sizeof times[0]; i++) {
		element = (struct in_der){ .tag = times[i].tag,
			.value = blob_str(times[i].text) };
		assert_int_equal(
		    in_der_time(&element, &got), times[i].seconds >= 0);
		if (times[i].seconds >= 0)
			assert_int_equal(got, times[i].seconds);
	}
}

static void
test_bool_and_bits(void **state)
{
	struct blob bits;
	struct buf b;
	bool v;

	(void)state;
	assert_true(in_der_bool(hex(&b, "ff"), &v) && v);
	buf_release(&b);
	assert_true(in_der_bool(hex(&b, "00"), &v) && !v);
	buf_release(&b);
	assert_false(in_der_bool(hex(&b, "01"), &v));
	buf_release(&b);
	assert_false(in_der_bool(hex(&b, "ffff"), &v));
	buf_release(&b);
	assert_true(in_der_bit_string(hex(&b, "00 aa"), &bits));
	assert_int_equal(bits.n, 1);
	buf_release(&b);
	assert_false(in_der_bit_string(hex(&b, "01 aa"), &bits));
	buf_release(&b);
	assert_false(in_der_bit_string(blob_of("", 0), &bits));
}

static void
check_oid(const char *text, const char *want)
{
	char got[64] = "";
	struct buf b;
	bool ok = in_der_oid_text(hex(&b, text), got, sizeof got);

	assert_int_equal(ok, want != NULL);
	if (want != NULL)
		assert_string_equal(got, want);
	buf_release(&b);
}

static void
test_oid(void **state)
{
	struct buf b;
	char small[8];

	(void)state;
	check_oid("2a 86 48 86 f7 63 64 08 09 01", "1.2.840.113635.100.8.9.1");
	check_oid("2b 06 01 05 05 07 08 03", "1.3.6.1.5.5.7.8.3");
	check_oid("55 1d 11", "2.5.29.17");
	check_oid("00", "0.0");
	check_oid("88 37", "2.999");
	check_oid("", NULL);
	check_oid("2a 80 01", NULL);
	check_oid("2a 86", NULL);
	check_oid("2a ff ff ff ff ff ff ff ff ff ff 01", NULL);
	assert_false(
	    in_der_oid_text(hex(&b, "2a 86 48 86 f7"), small, sizeof small));
	buf_release(&b);
	assert_false(
	    in_der_oid_text(hex(&b, "2a 86 48 86 f7 63"), small, sizeof small));
	assert_true(in_der_oid_is(buf_blob(&b), "1.2.840.113635"));
	assert_false(in_der_oid_is(buf_blob(&b), "1.2.840.11363"));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_minimal_two_bytes),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_bool_and_bits),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_oid),
	};

	return unit_run("in_der", tests);
}
