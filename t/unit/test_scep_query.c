/* mdm-74: what stands in the query of a SCEP request (scep/query.h). */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "scep/query.h"

static void
assert_value(const char *query, const char *name, const char *expected)
{
	struct blob value = query_value(query, name);

	assert_true(blob_eq(value, blob_str(expected)));
}

static void
test_value(void **state)
{
	static const char query[] = "operation=PKIOperation&message=A%2B=+&&x";

	(void)state;
	assert_value(query, "operation", "PKIOperation");
	assert_value(query, "message", "A%2B=+");
	assert_value(query, "x", "");
	assert_value(query, "essage", "");
	assert_value(query, "oper", "");
	assert_value("message=first&message=second", "message", "first");
	assert_value("xmessage=1", "message", "");
	assert_value("", "message", "");
	assert_value("message=", "message", "");
}

static void
test_message(void **state)
{
	static const struct {
		const char *text, *hex;
	} messages[] = {
		{ "+/+/", "fbffbf" },
		{ "%2B%2f%2b%2F", "fbffbf" },
		{ " / /", "fbffbf" },
		{ "-_-_", "fbffbf" },
		{ "%2D%5F-_", "fbffbf" },
		{ "+/8=", "fbff" },
		{ "+/8%3D", "fbff" },
		{ "+/8", "fbff" },
		{ "", "" },
		{ "+/+", NULL },
		{ "+/8==", NULL },
		{ "A", NULL },
		{ "%zz==", NULL },
		{ "AAA%4", NULL },
		{ "AAA%", NULL },
		{ "AA\nA", NULL },
		{ "AAA%00", NULL },
	};
	struct buf out;
	char hex[16];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		buf_init(&out, 16);
		if (messages[i].hex == NULL) {
			assert_int_equal(
			    query_message(blob_str(messages[i].text), &out),
			    ERR_MALFORMED);
			buf_release(&out);
			continue;
		}
		assert_int_equal(
		    query_message(blob_str(messages[i].text), &out), OK);
		for (hex[0] = '\0', j = 0; j < out.n; j++)
			snprintf(hex + 2 * j, 3, "%02x", out.p[j]);
		assert_string_equal(hex, messages[i].hex);
		buf_release(&out);
	}
}

static void
test_too_large(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 2);
	assert_int_equal(query_message(blob_str("AAAA"), &out), ERR_TOO_LARGE);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_too_large),
	};

	return unit_run("scep_query", tests);
}
