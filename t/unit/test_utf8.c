#include "unit/unit.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"

/* The length of the first sequence, read from an exact copy. */
static size_t
length(const char *s)
{
	size_t n = strlen(s), got;
	uint8_t *copy = malloc(n + 1);

	assert_non_null(copy);
	memcpy(copy, s, n);
	got = utf8_length(blob_of(copy, n), 0);
	free(copy);
	return got;
}

static void
test_edges(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {
		{ "\x01", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 },
		{ "\xee\x80\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
		/* Cut off, and continued by what is no continuation. */
		{ "\xc2", 0 },
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x98", 0 },
		{ "\xc2"
		  "A",
		    0 },
		{ "\xc2\xc0", 0 },
		{ "\xe2\x82"
		  "A",
		    0 },
		{ "\xf0\x9f\x98\x01", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(length(rows[i].text), rows[i].length);
}

static void
test_inside(void **state)
{
	struct blob text = blob_str("a\xe2\x82\xac");

	assert_int_equal(utf8_length(text, 1), 3);
	assert_int_equal(utf8_length(text, 2), 0);
	assert_int_equal(utf8_length(text, 4), 0);
	assert_int_equal(utf8_length(text, 99), 0);
	/* The bytes behind the blob do not complete it. */
	text.n = 3;
	assert_int_equal(utf8_length(text, 1), 0);
}

static void
test_valid(void **state)
{
	assert_true(utf8_valid(blob_of(NULL, 0)));
	assert_true(utf8_valid(blob_str("a\xc3\xa4\xf0\x9f\x98\x80z")));
	assert_true(utf8_valid(blob_of("a\0b", 3)));
	assert_false(utf8_valid(blob_str("a\xc3\xa4\xff")));
	assert_false(utf8_valid(blob_str("\xc3")));
}

static void
test_decodes(void **state)
{
	struct blob text = blob_str("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xff");
	static const uint32_t characters[] = { 'a', 0xe4, 0x20ac, 0x1f600 };
	size_t at = 0;
	uint32_t c;

	for (size_t i = 0; i < 4; i++) {
		at += utf8_decode(text, at, &c);
		assert_int_equal(c, characters[i]);
	}
	assert_int_equal(utf8_decode(text, at, &c), 0);
	assert_int_equal(c, 0x1f600);
}

/* The first and last of each range, and their neighbors outside. */
static void
test_visible(void **state)
{
	static const uint32_t hidden[] = { 0, '\t', '\n', 0x1f, 0x7f, 0x85, 0x9f,
		0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029,
		0x202a, 0x202e, 0x2060, 0x2066, 0x2069, 0x206f, 0xfeff, 0xfff9,
		0xfffb, 0xe0000, 0xe007f };
	static const uint32_t visible[] = { ' ', '~', 0xa0, 0xac, 0xae, 0x61b,
		0x61d, 0x180d, 0x180f, 0x200a, 0x200c, 0x200d, 0x2010, 0x2027,
		0x202f, 0x205f, 0x2070, 0xfefe, 0xff00, 0xfff8, 0xfffc, 0x1f600,
		0xdffff, 0xe0080 };

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		assert_false(utf8_is_visible(hidden[i]));
	for (size_t i = 0; i < sizeof visible / sizeof visible[0]; i++)
		assert_true(utf8_is_visible(visible[i]));
}

static void
test_shows(void **state)
{
	char out[64];

	utf8_show_all(
	    blob_str("M\xc3\xbcller\\ \xf0\x9f\x98\x80"), out, sizeof out);
	assert_string_equal(out, "M\xc3\xbcller\\ \xf0\x9f\x98\x80");
	utf8_show_all(
	    blob_str("\n\x1b\xc2\x9b\xff\xe2\x80\xae\xf3\xa0\x80\x81"), out,
	    sizeof out);
	assert_string_equal(out, "\\x0a\\x1b\\x9b\\xff\\u{202e}\\u{e0001}");
	/* neither half a character nor half an escape */
	utf8_show_all(blob_str("ab\xc3\xbc"), out, 4);
	assert_string_equal(out, "ab");
	utf8_show_all(blob_str("ab\n"), out, 6);
	assert_string_equal(out, "ab");
	utf8_show_all(blob_str("ab\n"), out, 7);
	assert_string_equal(out, "ab\\x0a");
}

static void
lowers(const char *in, const char *expected)
{
	struct buf out;

	buf_init(&out, strlen(in));
	assert_int_equal(utf8_lower(blob_str(in), &out), OK);
	assert_string_equal(buf_str(&out), expected);
	buf_release(&out);
}

static void
test_lower(void **state)
{
	struct buf out;

	(void)state;
	lowers("", "");
	lowers("Mac Of ZOE 09[", "mac of zoe 09[");
	lowers("ÀÖ×ØÞß÷", "àö×øþß÷");
	lowers("ĀāĹĺŸŹẞȘẾ", "āāĺĺÿźßșế");
	lowers("İıƠƯƏ", "iıơưə");
	lowers("ΆΈΌΏΑΣΫς", "άέόώασϋσ");
	lowers("ЀЁЏАЯѠӁԱՖ", "ѐёџаяѡӂաֆ");
	lowers("日本🙂", "日本🙂");
	lowers("A\xff\xc3" "B\xed\xa0\x80", "a\xff\xc3" "b\xed\xa0\x80");
	buf_init(&out, 1);
	assert_int_equal(utf8_lower(blob_str("AB"), &out), ERR_TOO_LARGE);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_decodes),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_shows),
	};

	return unit_run("utf8", tests);
}
