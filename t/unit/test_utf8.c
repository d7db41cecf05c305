#include "unit/unit.h"

#include <stdlib.h>

#include "wire/utf8.h"

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

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_valid),
	};

	return unit_run("utf8", tests);
}
