#include "unit/unit.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "web/form.h"

static void
test_reads(void **state)
{
	struct form *form;
	struct blob in = blob_str("a=1&b=x+y%2B%26&empty=&bare&u=%c3%A4");

	assert_int_equal(form_parse(in, &form), OK);
	assert_string_equal(form_get(form, "a"), "1");
	assert_string_equal(form_get(form, "b"), "x y+&");
	assert_string_equal(form_get(form, "empty"), "");
	assert_string_equal(form_get(form, "bare"), "");
	assert_string_equal(form_get(form, "u"), "\xc3\xa4");
	assert_null(form_get(form, "none"));
	assert_string_equal(form_text(form, "none"), "");
	form_free(form);
}

static void
test_unknown(void **state)
{
	static const char *const known[] = { "a", "b", NULL };
	static const char *const none[] = { NULL };
	struct form *form;

	assert_int_equal(form_parse(blob_str("b=1&a=2"), &form), OK);
	assert_null(form_unknown(form, known));
	assert_string_equal(form_unknown(form, none), "b");
	form_free(form);
	assert_int_equal(form_parse(blob_str("a=1&A=2"), &form), OK);
	assert_string_equal(form_unknown(form, known), "A");
	form_free(form);
	assert_int_equal(form_parse(blob_str(""), &form), OK);
	assert_null(form_unknown(form, none));
	form_free(form);
}

static void
refused(const char *text)
{
	struct form *form;

	assert_int_equal(form_parse(blob_str(text), &form), ERR_MALFORMED);
	assert_null(form);
}

static void
test_refuses(void **state)
{
	refused("a=%");
	refused("a=%4");
	refused("a=%4x");
	refused("a=%00");
	refused("a=%01");
	refused("a=%1b[31m");
	refused("a=%7f");
	refused("a=%c2%85");
	refused("a=%ff");
	refused("a=%c0%80");
	refused("a=%ed%a0%80");
	refused("a=%f4%90%80%80");
	refused("a=%c3");
	/* a sequence that is cut off, by the end or by what continues nothing */
	refused("a=%e2%82");
	refused("a=%f0%9f%98");
	refused("a=%c3a");
	refused("a=%c3%c3");
	refused("a=%e2%82a");
	refused("a=%e2a%82");
	refused("a=%f0%9f%98a");
	refused("a=%c3&b=%a4");
	/* longer than it need be, a surrogate, beyond the last character */
	refused("a=%c1%bf");
	refused("a=%e0%9f%bf");
	refused("a=%f0%8f%bf%bf");
	refused("a=%ed%bf%bf");
	refused("a=%f5%80%80%80");
	refused("a=%80");
	refused("a=x%80");
	refused("a=x%c3");
	refused("a=%bf");
	refused("%ff=a");
	refused("a=1&a=2");
	refused("csrf=1&b=2&csrf=1");
}

static void
test_takes_line_ends(void **state)
{
	struct form *form;

	assert_int_equal(form_parse(blob_str("a=1%0d%0a%092"), &form), OK);
	assert_string_equal(form_get(form, "a"), "1\r\n\t2");
	form_free(form);
	assert_int_equal(
	    form_parse(blob_str("a=%c2%a0%e2%82%ac%f0%9f%98%80%f4%8f%bf%bf"),
		&form),
	    OK);
	assert_string_equal(form_get(form, "a"),
	    "\xc2\xa0\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf");
	form_free(form);
	assert_int_equal(form_parse(blob_str("&&&"), &form), OK);
	form_free(form);
}

static void
test_too_many(void **state)
{
	struct buf b;
	struct form *form;
	int i;

	buf_init(&b, 1 << 20);
	for (i = 0; i < FORM_FIELDS_MAX; i++)
		buf_printf(&b, "f%d=1&", i);
	assert_int_equal(form_parse(buf_blob(&b), &form), OK);
	form_free(form);
	buf_add_str(&b, "last=1");
	assert_int_equal(form_parse(buf_blob(&b), &form), ERR_MALFORMED);
	while (b.n <= 64u << 10)
		buf_add_str(&b, "xxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	assert_int_equal(form_parse(buf_blob(&b), &form), ERR_TOO_LARGE);
	buf_release(&b);
}

/* What is encoded reads back as it was. */
static void
test_encodes(void **state)
{
	const char *text = "C02 &=+%/?#\xc3\xa4~";
	struct form *form;
	struct buf b;

	buf_init(&b, 256);
	buf_add_str(&b, "q=");
	assert_int_equal(form_encode(text, &b), OK);
	assert_string_equal(
	    buf_str(&b), "q=C02%20%26%3D%2B%25%2F%3F%23%C3%A4~");
	assert_int_equal(form_parse(buf_blob(&b), &form), OK);
	assert_string_equal(form_get(form, "q"), text);
	form_free(form);
	buf_release(&b);
}

static void
test_cookies(void **state)
{
	char v[8];

	assert_int_equal(form_cookie("a=1; b=22;c=3", "b", v, sizeof v), OK);
	assert_string_equal(v, "22");
	assert_int_equal(form_cookie("a=1; b=22;c=3", "c", v, sizeof v), OK);
	assert_string_equal(v, "3");
	assert_int_equal(form_cookie("bb=1; xb=2", "b", v, 8), ERR_NOT_FOUND);
	assert_int_equal(form_cookie(NULL, "b", v, 8), ERR_NOT_FOUND);
	assert_int_equal(form_cookie("", "b", v, 8), ERR_NOT_FOUND);
	/* Two of one name: somebody else set one of them. */
	assert_int_equal(form_cookie("b=1; b=2", "b", v, 8), ERR_NOT_FOUND);
	assert_int_equal(form_cookie("b=1234567", "b", v, 8), OK);
	assert_int_equal(form_cookie("b=12345678", "b", v, 8), ERR_NOT_FOUND);
	assert_string_equal(v, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_takes_line_ends),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_encodes),
		cmocka_unit_test(test_cookies),
	};

	log_open("t", LOG_ERROR);
	return unit_run("form", tests);
}
