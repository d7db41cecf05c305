#include "unit/unit.h"

#include "base/log.h"
#include "wire/in_json.h"
#include "wire/out_json.h"

static void
test_shapes(void **state)
{
	struct out_json w;
	struct buf out;

	buf_init(&out, 1000);
	out_json_init(&w, &out);
	out_json_open_object(&w, NULL);
	out_json_string(&w, "s", "x");
	out_json_string(&w, "n", NULL);
	out_json_int(&w, "i", INT64_MIN);
	out_json_bool(&w, "t", true);
	out_json_bool(&w, "f", false);
	out_json_open_array(&w, "a");
	out_json_int(&w, NULL, 1);
	out_json_open_object(&w, NULL);
	out_json_close_object(&w);
	out_json_open_array(&w, NULL);
	out_json_close_array(&w);
	out_json_null(&w, NULL);
	out_json_close_array(&w);
	out_json_raw(&w, "r", blob_str("{\"k\":1}"));
	out_json_close_object(&w);
	assert_int_equal(out_json_end(&w), OK);
	assert_string_equal(buf_str(&out),
	    "{\"s\":\"x\",\"n\":null,\"i\":-9223372036854775808,\"t\":true,"
	    "\"f\":false,\"a\":[1,{},[],null],\"r\":{\"k\":1}}");
	buf_release(&out);
}

static void
one(struct blob in, const char *expected)
{
	struct out_json w;
	struct buf out;

	buf_init(&out, 1000);
	out_json_init(&w, &out);
	out_json_blob(&w, NULL, in);
	assert_int_equal(out_json_end(&w), OK);
	assert_string_equal(buf_str(&out), expected);
	buf_release(&out);
}

static void
test_escapes(void **state)
{
	one(blob_str("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	one(blob_str("\n\r\t\x01\x1f\x7f"),
	    "\"\\n\\r\\t\\u0001\\u001f\\u007f\"");
	/* also what would hide or reorder text on a terminal */
	one(blob_str("\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c"),
	    "\"\\u009b\\u202e\\u2028\\u2066\\u061c\"");
	one(blob_str("\xf3\xa0\x80\x81"), "\"\\udb40\\udc01\"");
	one(blob_of("a\0b", 3), "\"a\\u0000b\"");
	one(blob_str("\xc3\xa4\xf0\x9f\x98\x80"),
	    "\"\xc3\xa4\xf0\x9f\x98\x80\"");
	one(blob_str("a\xff"
		     "b\xc0\x80"),
	    "\"a\\ufffdb\\ufffd\\ufffd\"");
	one(blob_str("\xe2\x82"), "\"\\ufffd\\ufffd\"");
	one(blob_of(NULL, 0), "\"\"");
}

/* Whatever the text, even as a name, the reader gets it back. */
static void
test_read_back(void **state)
{
	char text[128] = { 0 };
	struct out_json w;
	struct json *doc;
	struct buf out;
	struct blob s;
	int i;

	for (i = 1; i < 128; i++)
		text[i - 1] = (char)i;
	buf_init(&out, 10000);
	out_json_init(&w, &out);
	out_json_open_object(&w, NULL);
	out_json_string(&w, text, text);
	out_json_close_object(&w);
	assert_int_equal(in_json_parse(buf_blob(&out), 1, &doc), OK);
	assert_int_equal(in_json_string(doc, text, &s), OK);
	assert_true(blob_eq_str(s, text));
	in_json_free(doc);
	buf_release(&out);
}

static void
test_full(void **state)
{
	struct out_json w;
	struct buf out;

	buf_init(&out, 4);
	out_json_init(&w, &out);
	out_json_string(&w, NULL, "long enough");
	assert_int_equal(out_json_end(&w), ERR_TOO_LARGE);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_full),
	};

	log_open("t", LOG_ERROR);
	return unit_run("out_json", tests);
}
