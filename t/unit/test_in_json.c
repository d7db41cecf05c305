#include "unit/unit.h"

#include "base/log.h"
#include "wire/in_json.h"

#define DEPTH 4

static int
parse_blob(struct blob text)
{
	struct json *doc;
	int r;

	r = in_json_parse(text, DEPTH, &doc);
	assert_true((r == OK) == (doc != NULL));
	in_json_free(doc);
	return r;
}

static void
good(const char *text)
{
	if (parse_blob(blob_str(text)) != OK)
		unit_fail("refused: %s", text);
}

static void
bad(const char *text)
{
	if (parse_blob(blob_str(text)) != ERR_MALFORMED)
		unit_fail("not refused: %s", text);
}

static struct json *
open_object(const char *text)
{
	struct json *doc;

	assert_int_equal(in_json_parse_object(blob_str(text), DEPTH, &doc), OK);
	return doc;
}

static void
test_good(void **state)
{
	good("{}");
	good("[]");
	good(" \t\r\n{ \"a\" : [ 1 , -2 , 0 , null ] , \"b\" : true } \n");
	good("[1.5,-0.0,1e3,1E+2,2e-2,0.1e1,0e0]");
	good("[9223372036854775807,-9223372036854775808]");
	good("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\ud83d\\ude00\"]");
	good("[\"\xc2\x80 \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80\"]");
	good("[\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf \x7f\"]");
	good("{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
	good("{\"\":1}");
}

static void
test_grammar(void **state)
{
	bad("");
	bad(" ");
	bad("1");
	bad("\"x\"");
	bad("null");
	bad("{");
	bad("[");
	bad("{]");
	bad("[}");
	bad("[1,]");
	bad("[,1]");
	bad("{\"a\":1,}");
	bad("{,}");
	bad("{\"a\"}");
	bad("{\"a\" 1}");
	bad("{\"a\":}");
	bad("{a:1}");
	bad("{1:1}");
	bad("{'a':1}");
	bad("['a']");
	bad("[1 2]");
	bad("[TRUE]");
	bad("[tru]");
	bad("[truex]");
	bad("[nul]");
	bad("[fals]");
	bad("[NaN]");
	bad("[Infinity]");
	bad("[-Infinity]");
	bad("[-]");
	bad("[+1]");
	bad("[01]");
	bad("[-01]");
	bad("[1.]");
	bad("[.5]");
	bad("[1e]");
	bad("[1e+]");
	bad("[0x1]");
	bad("[1]//x");
	bad("/*x*/[1]");
	bad("[1/**/]");
	bad("\xef\xbb\xbf{}");
	bad("{\"a\":1");
	bad("{\"a\":\"");
	bad("[\"abc]");
	bad("\v{}");
}

static void
test_trailing(void **state)
{
	bad("{}{}");
	bad("{} x");
	bad("[]]");
	bad("{}\f");
	assert_int_equal(parse_blob(blob_of("{}\0", 3)), ERR_MALFORMED);
	assert_int_equal(parse_blob(blob_of("{}\0{}", 5)), ERR_MALFORMED);
	assert_int_equal(parse_blob(blob_of("\0{}", 3)), ERR_MALFORMED);
	/* The byte behind the blob is not looked at. */
	assert_int_equal(parse_blob(blob_of("[1]x", 3)), OK);
	assert_int_equal(parse_blob(blob_of("[1]", 2)), ERR_MALFORMED);
}

static void
test_numbers(void **state)
{
	bad("[9223372036854775808]");
	bad("[-9223372036854775809]");
	bad("[99999999999999999999999]");
	bad("[1e999]");
	bad("[-1e999]");
	good("[0.12345678901234567890123456789012345678]");
	bad("[0.123456789012345678901234567890123456789]");
}

static void
test_duplicates(void **state)
{
	bad("{\"a\":1,\"a\":1}");
	bad("{\"a\":1,\"b\":2,\"a\":{}}");
	bad("{\"a\":{\"x\":1,\"y\":2},\"a\":1}");
	bad("{\"alg\":1,\"\\u0061lg\":2}");
	bad("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}");
	bad("{\"/\":1,\"\\/\":2}");
	bad("[{\"x\":{\"a\":1,\"a\":1}}]");
	bad("{\"\":1,\"\":2}");
	bad("{\"a\":null,\"a\":null}");
}

static void
test_nul_and_control(void **state)
{
	bad("{\"al\\u0000g\":1}");
	bad("{\"a\":\"x\\u0000\"}");
	bad("[\"\x01\"]");
	bad("[\"\x1f\"]");
	bad("[\"a\nb\"]");
	bad("[\"a\tb\"]");
	bad("{\"a\rb\":1}");
	assert_int_equal(parse_blob(blob_of("[\"\0\"]", 5)), ERR_MALFORMED);
}

static void
test_escapes(void **state)
{
	bad("[\"\\x41\"]");
	bad("[\"\\'\"]");
	bad("[\"\\a\"]");
	bad("[\"\\u12\"]");
	bad("[\"\\u12g4\"]");
	bad("[\"\\u 123\"]");
	bad("[\"\\U0041\"]");
	bad("[\"\\\"]");
	bad("[\"\\ud800\"]");
	bad("[\"\\udc00\"]");
	bad("[\"\\ud800x\"]");
	bad("[\"\\ud800\\n\"]");
	bad("[\"\\ud800\\u0041\"]");
	bad("[\"\\ud800\\ud800\"]");
	bad("[\"\\udc00\\ud800\"]");
	bad("[\"\\udc00\\udc00\"]");
	bad("[\"\\ud800\\ue000\"]");
	assert_int_equal(parse_blob(blob_of("[\"\\\0\"]", 6)), ERR_MALFORMED);
}

static void
test_utf8(void **state)
{
	bad("[\"\x80\"]");
	bad("[\"\xc0\x80\"]");
	bad("[\"\xc1\xbf\"]");
	bad("[\"\xe0\x9f\xbf\"]");
	bad("[\"\xed\xa0\x80\"]");
	bad("[\"\xf0\x8f\xbf\xbf\"]");
	bad("[\"\xf4\x90\x80\x80\"]");
	bad("[\"\xf5\x80\x80\x80\"]");
	bad("[\"\xff\"]");
	bad("[\"\xc3\"]");
	bad("[\"\xe2\x82\"]");
	bad("[\"\xe2\x28\xa1\"]");
	bad("[\"\xf0\x9f\x98\"]");
	bad("{\"\xc3\":1}");
	/* A sequence that the end of the text cuts. */
	assert_int_equal(
	    parse_blob(blob_of("[\"\xe2\x82\xac\"]", 4)), ERR_MALFORMED);
}

static void
test_depth(void **state)
{
	static char deep[40000];
	struct json *doc;

	good("[[[[1]]]]");
	good("{\"a\":{\"a\":{\"a\":{\"a\":1}}},\"b\":[[[1]]]}");
	bad("[[[[[1]]]]]");
	bad("[[[[[]]]]]");
	bad("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}");
	assert_int_equal(
	    in_json_parse(blob_str("[[]]"), 1, &doc), ERR_MALFORMED);
	assert_int_equal(in_json_parse(blob_str("[1]"), 1, &doc), OK);
	in_json_free(doc);
	memset(deep, '[', sizeof deep);
	assert_int_equal(
	    in_json_parse(blob_of(deep, sizeof deep), IN_JSON_DEPTH_MAX, &doc),
	    ERR_MALFORMED);
}

static void
test_depth_max(void **state)
{
	char text[2 * IN_JSON_DEPTH_MAX];
	struct json *doc;

	memset(text, '[', IN_JSON_DEPTH_MAX);
	memset(text + IN_JSON_DEPTH_MAX, ']', IN_JSON_DEPTH_MAX);
	assert_int_equal(
	    in_json_parse(blob_of(text, sizeof text), IN_JSON_DEPTH_MAX, &doc),
	    OK);
	in_json_free(doc);
}

static void
test_too_large(void **state)
{
	struct json *doc;

	assert_int_equal(
	    in_json_parse(blob_of("[]", IN_JSON_MAX + 1), DEPTH, &doc),
	    ERR_TOO_LARGE);
}

static void
test_object_only(void **state)
{
	struct json *doc;

	assert_int_equal(
	    in_json_parse_object(blob_str("[]"), DEPTH, &doc), ERR_MALFORMED);
	assert_null(doc);
}

static void
test_strings(void **state)
{
	struct json *doc =
	    open_object("{\"s\":\"\\u00e4b\",\"n\":1,\"e\":\"\",\"z\":null}");
	struct blob s;

	assert_int_equal(in_json_string(doc, "s", &s), OK);
	assert_true(blob_eq_str(s,
	    "\xc3\xa4"
	    "b"));
	assert_int_equal(in_json_string(doc, "e", &s), OK);
	assert_int_equal(s.n, 0);
	assert_int_equal(in_json_string(doc, "n", &s), ERR_MALFORMED);
	assert_null(s.p);
	assert_int_equal(in_json_string(doc, "z", &s), ERR_MALFORMED);
	assert_int_equal(in_json_string(doc, "absent", &s), ERR_MALFORMED);
	assert_int_equal(in_json_opt_string(doc, "absent", &s), OK);
	assert_null(s.p);
	assert_int_equal(in_json_opt_string(doc, "s", &s), OK);
	assert_int_equal(s.n, 3);
	assert_int_equal(in_json_opt_string(doc, "z", &s), ERR_MALFORMED);
	assert_true(in_json_has(doc, "z"));
	assert_false(in_json_has(doc, "absent"));
	in_json_free(doc);
}

static void
test_scalars(void **state)
{
	struct json *doc = open_object(
	    "{\"i\":5,\"f\":5.0,\"h\":1.5,\"t\":true,\"g\":false,\"s\":\"5\"}");
	int64_t v;
	bool b;

	assert_int_equal(in_json_int(doc, "i", 5, 5, &v), OK);
	assert_int_equal(v, 5);
	assert_int_equal(in_json_int(doc, "i", 6, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_int(doc, "i", 0, 4, &v), ERR_MALFORMED);
	assert_int_equal(in_json_int(doc, "f", 0, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_int(doc, "s", 0, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_int(doc, "t", 0, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_seconds(doc, "i", 5, 5, &v), OK);
	assert_int_equal(v, 5);
	assert_int_equal(in_json_seconds(doc, "i", 6, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_seconds(doc, "h", 1, 2, &v), OK);
	assert_int_equal(v, 1);
	assert_int_equal(in_json_seconds(doc, "h", 2, 9, &v), ERR_MALFORMED);
	assert_int_equal(v, 0);
	assert_int_equal(in_json_seconds(doc, "h", 0, 1, &v), ERR_MALFORMED);
	assert_int_equal(in_json_seconds(doc, "s", 0, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_seconds(doc, "x", 0, 9, &v), ERR_MALFORMED);
	assert_int_equal(in_json_bool(doc, "t", &b), OK);
	assert_true(b);
	assert_int_equal(in_json_bool(doc, "g", &b), OK);
	assert_false(b);
	assert_int_equal(in_json_bool(doc, "i", &b), ERR_MALFORMED);
	in_json_free(doc);
}

static void
test_containers(void **state)
{
	struct json *doc = open_object("{\"o\":{\"x\":1,\"y\":2},"
				       "\"a\":[\"p\",{\"q\":1},null]}");
	struct json *o, *a, *e;
	struct blob s;

	assert_int_equal(in_json_object(doc, "o", &o), OK);
	assert_int_equal(in_json_count(o), 2);
	assert_true(in_json_is_object(o));
	assert_int_equal(in_json_array(doc, "o", &a), ERR_MALFORMED);
	assert_null(a);
	assert_int_equal(in_json_object(doc, "a", &e), ERR_MALFORMED);
	assert_int_equal(in_json_array(doc, "a", &a), OK);
	assert_int_equal(in_json_count(a), 3);
	assert_false(in_json_is_object(a));
	assert_int_equal(in_json_at_string(a, 0, &s), OK);
	assert_true(blob_eq_str(s, "p"));
	assert_int_equal(in_json_at_string(a, 1, &s), ERR_MALFORMED);
	assert_int_equal(in_json_at_object(a, 1, &e), OK);
	assert_int_equal(in_json_count(e), 1);
	assert_int_equal(in_json_at_object(a, 0, &e), ERR_MALFORMED);
	assert_int_equal(in_json_at_object(a, 2, &e), ERR_MALFORMED);
	assert_int_equal(in_json_at_string(a, 3, &s), ERR_MALFORMED);
	in_json_free(doc);
}

static void
test_members(void **state)
{
	static const enum in_json_type types[] = { IN_JSON_NULL, IN_JSON_BOOL,
		IN_JSON_NUMBER, IN_JSON_NUMBER, IN_JSON_STRING, IN_JSON_ARRAY,
		IN_JSON_OBJECT };
	struct json *doc = open_object("{\"n\":null,\"b\":true,\"i\":1,"
				       "\"d\":1.5,\"s\":\"\",\"a\":[],"
				       "\"o\":{}}");
	enum in_json_type type;
	struct json *a;
	const char *name;
	size_t i;

	for (i = 0; in_json_member(doc, i, &name, &type); i++) {
		assert_int_equal(name[0], "nbidsao"[i]);
		assert_int_equal(type, types[i]);
	}
	assert_int_equal(i, 7);
	assert_string_equal(name, "");
	assert_int_equal(in_json_array(doc, "a", &a), OK);
	assert_false(in_json_member(a, 0, &name, &type));
	in_json_free(doc);
}

static void
test_write(void **state)
{
	struct json *doc = open_object("{ \"a\" : [ 1, \"\\u000a/\" ] }");
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(in_json_write(doc, &out), OK);
	assert_string_equal(buf_str(&out), "{\"a\":[1,\"\\n/\"]}");
	buf_release(&out);
	in_json_free(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_grammar),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_nul_and_control),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_max),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_object_only),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_write),
	};

	log_open("t", LOG_ERROR);
	return unit_run("in_json", tests);
}
