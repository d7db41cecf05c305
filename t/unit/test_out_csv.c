#include "unit/unit.h"
#include "wire/out_csv.h"

static const char *
line(struct buf *out, const char *const *cells, size_t n)
{
	struct out_csv csv = { .out = out };

	buf_reset(out);
	for (size_t i = 0; i < n; i++)
		out_csv_cell(&csv, cells[i]);
	out_csv_end(&csv);
	return buf_str(out);
}

static void
test_lines(void **state)
{
	struct buf out;

	buf_init(&out, 1024);
	assert_string_equal(line(&out, (const char *[]){ "a", "b c" }, 2),
	    "\"a\",\"b c\"\r\n");
	assert_string_equal(line(&out, (const char *[]){ NULL, "", "x" }, 3),
	    "\"\",\"\",\"x\"\r\n");
	assert_string_equal(
	    line(&out, (const char *[]){ "a\"b,\r\nc", "\xc3\xa4" }, 2),
	    "\"a\"\"b,\r\nc\",\"\xc3\xa4\"\r\n");
	buf_release(&out);
}

/* fleet-152 */
static void
test_formulas(void **state)
{
	static const char *const cells[] = { "=1+1", "+1", "-1", "@SUM(A1)",
		"\t=1", "\r=1", "\n=1", "=\"x\"", "a;=1;b", "a\tb\n-1",
		"\uff1d1", "a;\uff0b1" };
	static const char *const expected[] = { "\"'=1+1\"\r\n",
		"\"'+1\"\r\n", "\"'-1\"\r\n", "\"'@SUM(A1)\"\r\n",
		"\"'\t'=1\"\r\n", "\"'\r'=1\"\r\n", "\"'\n'=1\"\r\n",
		"\"'=\"\"x\"\"\"\r\n", "\"a;'=1;b\"\r\n",
		"\"a\tb\n'-1\"\r\n", "\"'\uff1d1\"\r\n",
		"\"a;'\uff0b1\"\r\n" };
	struct buf out;

	buf_init(&out, 1024);
	for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
		assert_string_equal(line(&out, &cells[i], 1), expected[i]);
	assert_string_equal(
	    line(&out, (const char *[]){ "a=1", " =1" }, 2),
	    "\"a=1\",\" =1\"\r\n");
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_formulas),
	};

	return unit_run("out_csv", tests);
}
