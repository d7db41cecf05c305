#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "wire/in_yaml.h"

static void
refused_blob(struct blob text, int code, const char *reason)
{
	struct in_yaml *root = (struct in_yaml *)1;
	int r = in_yaml_parse(text, &root);

	assert_null(root);
	if (r != code || strcmp(log_reason(), reason) != 0)
		unit_fail("%d, \"%s\" instead of \"%s\" for: %.60s", r,
		    log_reason(), reason, (const char *)text.p);
}

static void
refused(const char *text, const char *reason)
{
	refused_blob(blob_str(text), ERR_MALFORMED, reason);
}

static struct in_yaml *
parse(const char *text)
{
	struct in_yaml *root;

	if (in_yaml_parse(blob_str(text), &root) != OK)
		unit_fail("%s, for: %s", log_reason(), text);
	return root;
}

static void
accepted(const char *text)
{
	in_yaml_free(parse(text));
}

static void
test_tree(void **state)
{
	struct in_yaml *root = parse("---\n"
				     "# remark\n"
				     "a:\n"
				     "  b: true\n"
				     "  \"c d\": 'x'\r\n"
				     "list: [1, {k: v}]\n"
				     "\xc3\xa4\xf0\x9f\x98\x80: \xc3\xb6\n");
	const struct in_yaml *a = in_yaml_get(root, "a"), *b, *list;

	assert_int_equal(a->kind, IN_YAML_MAPPING);
	assert_int_equal(a->key_at.line, 3);
	assert_int_equal(a->key_at.column, 1);
	assert_int_equal(a->at.line, 4);
	assert_int_equal(a->at.column, 3);
	b = in_yaml_get(a, "b");
	assert_string_equal(b->text, "true");
	assert_false(b->quoted);
	assert_int_equal(b->at.line, 4);
	assert_int_equal(b->at.column, 6);
	assert_ptr_equal(b->parent, a);
	assert_string_equal(in_yaml_get(a, "c d")->text, "x");
	assert_true(in_yaml_get(a, "c d")->quoted);
	assert_null(in_yaml_get(a, "list"));
	list = in_yaml_get(root, "list");
	assert_int_equal(list->kind, IN_YAML_SEQUENCE);
	assert_null(list->first->key);
	assert_string_equal(in_yaml_get(list->last, "k")->text, "v");
	/* Columns count characters. */
	assert_int_equal(
	    in_yaml_get(root, "\xc3\xa4\xf0\x9f\x98\x80")->at.column, 5);
	in_yaml_free(root);
	in_yaml_free(NULL);
}

static void
test_accepted(void **state)
{
	accepted("a: b");
	accepted("{}");
	accepted("--- {a: b}\n...\n");
	accepted("a: \"\\u00e9\\t\"\n");
	accepted("a: b\t# a tab that does not indent\n");
	accepted("a: |\n  text\n  of two lines\n");
	accepted("? a\n: b\n");
	accepted("a:\nb:\n");
}

static void
test_meaning_from_a_distance(void **state)
{
	refused(
	    "a: &x b\n", "line 1, column 4: anchors (&name) are not supported");
	refused("a: b\nc: &x {}\n",
	    "line 2, column 4: anchors (&name) are not supported");
	refused("a:\n  - &x [1]\n",
	    "line 2, column 5: anchors (&name) are not supported");
	refused(
	    "&x a: b\n", "line 1, column 1: anchors (&name) are not supported");
	refused(
	    "a: *x\n", "line 1, column 4: aliases (*name) are not supported");
	refused(
	    "*x : a\n", "line 1, column 1: aliases (*name) are not supported");
	refused(
	    "a: !!str b\n", "line 1, column 4: tags (!name) are not supported");
	refused("a: ! b\n", "line 1, column 4: tags (!name) are not supported");
	refused(
	    "a: !x {}\n", "line 1, column 4: tags (!name) are not supported");
	refused(
	    "a: !x []\n", "line 1, column 4: tags (!name) are not supported");
	refused("%YAML 1.2\n---\na: b\n",
	    "line 1, column 1: directives (%YAML, %TAG) are not supported");
	refused("%TAG !e! tag:example.com:\n---\na: b\n",
	    "line 1, column 1: directives (%YAML, %TAG) are not supported");
}

static void
test_documents(void **state)
{
	refused("", "line 1, column 1: the document is empty");
	refused("# nothing\n", "line 1, column 1: the document is empty");
	refused("---\n",
	    "line 2, column 1: the document must consist of keys "
	    "and values");
	refused("true\n",
	    "line 1, column 1: the document must consist of keys "
	    "and values");
	refused("- a\n",
	    "line 1, column 1: the document must consist of keys "
	    "and values");
	refused("a: b\n---\nc: d\n",
	    "line 2, column 1: a second document begins; the file holds one");
	refused("a: b\n...\nc: d\n",
	    "line 3, column 1: did not find expected <document start>");
	refused("a: b\n...\n--- {}\n",
	    "line 3, column 1: a second document begins; the file holds one");
	refused("a: b\n---\n",
	    "line 2, column 1: a second document begins; the file holds one");
}

static void
test_keys(void **state)
{
	refused("a: 1\nb: 2\na: 3\n",
	    "line 3, column 1: a stands twice, first in line 1");
	refused("a: 1\n\"\\x61\": 3\n",
	    "line 2, column 1: a stands twice, first in line 1");
	refused("x: {a: 1,\n  b: {a: 2}, a: 3}\n",
	    "line 2, column 14: a stands twice, first in line 1");
	refused("?\n: b\n", "line 1, column 2: a key is missing");
	refused("\"\": b\n", "line 1, column 1: a key is missing");
	refused("? [a]\n: b\n",
	    "line 1, column 3: a key must be a word, not a structure");
	refused("{a: b}: c\n",
	    "line 1, column 1: a key must be a word, not a structure");
}

static void
test_characters(void **state)
{
	refused("a:\n\tb: true\n",
	    "line 2, column 1: a tab indents; use spaces (U+0009)");
	refused("a:\n  b:\n  \t c: true\n",
	    "line 3, column 3: a tab indents; use spaces (U+0009)");
	refused("\xef\xbb\xbf"
		"a: b\n",
	    "line 1, column 1: a byte order mark; save the file as UTF-8 "
	    "without one (U+FEFF)");
	refused("a: b\n\xef\xbb\xbf",
	    "line 2, column 1: an invisible character (U+FEFF)");
	refused(
	    "a: \xc3\xa4\xff\n", "line 1, column 5: a byte that is not UTF-8");
	refused("a: b\n# \xed\xa0\x80\n",
	    "line 2, column 3: a byte that is not UTF-8");
	refused_blob(blob_of("\xff\xfe"
			     "a\0:\0",
			 6),
	    ERR_MALFORMED, "line 1, column 1: a byte that is not UTF-8");
	refused_blob(blob_of("a: \0", 4), ERR_MALFORMED,
	    "line 1, column 4: an invisible character (U+0000)");
	refused(
	    "a: \x1b[31m", "line 1, column 4: an invisible character (U+001B)");
	refused("a: \xe2\x80\xae"
		"b",
	    "line 1, column 4: an invisible character (U+202E)");
	refused("a: b\xe2\x80\xa8"
		"c: d",
	    "line 1, column 5: an invisible character (U+2028)");
	refused("a: b\xc2\x85"
		"c: d",
	    "line 1, column 5: an invisible character (U+0085)");
	refused("a: b\rc: d\n",
	    "line 1, column 5: a carriage return without a line feed (U+000D)");
	refused("a: \"\\0\"\n", "line 1, column 4: a text with U+0000");
	refused("a: b\n\"\\x00\": c\n", "line 2, column 1: a text with U+0000");
	refused("a: b\n# \xef\xbf\xbf\n",
	    "line 2, column 3: control characters are not allowed");
}

static void
test_syntax(void **state)
{
	refused("a: [1\n",
	    "line 2, column 1: while parsing a flow sequence: did not find "
	    "expected ',' or ']'");
	refused("a: b\n  c: d\n",
	    "line 2, column 4: mapping values are not allowed in this context");
	refused("a: \"b\n",
	    "line 2, column 1: while scanning a quoted scalar: found "
	    "unexpected end of stream");
	refused("%FOO\n---\na: b\n",
	    "line 1, column 5: while scanning a directive: found unknown "
	    "directive name");
}

static void
test_limits(void **state)
{
	struct buf text;

	buf_init(&text, IN_YAML_MAX + 1);
	buf_add_str(&text, "a: b\n#");
	while (text.n < IN_YAML_MAX)
		buf_add_byte(&text, '#');
	accepted(buf_str(&text));
	buf_add_byte(&text, '#');
	refused_blob(
	    buf_blob(&text), ERR_TOO_LARGE, "YAML of more than 65536 bytes");

	buf_reset(&text);
	buf_add_str(&text, "a: ");
	for (int i = 0; i < IN_YAML_DEPTH_MAX; i++)
		buf_add_byte(&text, '[');
	refused_blob(buf_blob(&text), ERR_TOO_LARGE,
	    "line 1, column 19: nested too deep");
	for (int i = 0; i < 3000; i++)
		buf_add_byte(&text, '[');
	refused_blob(buf_blob(&text), ERR_TOO_LARGE,
	    "line 1, column 19: nested too deep");

	buf_reset(&text);
	for (int i = 0; i < IN_YAML_NODES_MAX; i++)
		buf_printf(&text, "k%d: v\n", i);
	refused_blob(buf_blob(&text), ERR_TOO_LARGE,
	    "line 1000, column 7: too many values");
	buf_release(&text);
}

static void
bool_refused(const char *value, const char *reason)
{
	char text[80];
	struct in_yaml *root;
	bool is = true;

	snprintf(text, sizeof text, "x:\n  flag: %s\n", value);
	root = parse(text);
	assert_int_equal(
	    in_yaml_bool(in_yaml_get(root->first, "flag"), &is), ERR_FIELD);
	assert_string_equal(log_reason(), reason);
	assert_false(is);
	in_yaml_free(root);
}

static void
test_booleans(void **state)
{
	struct in_yaml *root = parse("yes: true\nno: false\n");
	bool is = false;

	assert_int_equal(in_yaml_bool(root->first, &is), OK);
	assert_true(is);
	assert_int_equal(in_yaml_bool(root->last, &is), OK);
	assert_false(is);
	in_yaml_free(root);

#define NOT(word)                                                              \
	bool_refused(word,                                                     \
	    "line 2, column 9: flag must be true or false, in lower case and " \
	    "without quotes; it is " word)
	NOT("yes");
	NOT("no");
	NOT("on");
	NOT("Off");
	NOT("y");
	NOT("True");
	NOT("FALSE");
	NOT("1");
	NOT("0777");
	NOT("null");
	bool_refused("\"true\"",
	    "line 2, column 9: flag must be true or false, in lower case and "
	    "without quotes; it is \"true\"");
	bool_refused("'false'",
	    "line 2, column 9: flag must be true or false, in lower case and "
	    "without quotes; it is \"false\"");
	bool_refused("|\n    true",
	    "line 2, column 9: flag must be true or false, in lower case and "
	    "without quotes; it is \"true\\x0a\"");
	bool_refused(
	    "", "line 2, column 8: flag has no value; write true or false");
	bool_refused("[true]", "line 2, column 9: flag must be true or false");
	bool_refused(
	    "{a: true}", "line 2, column 9: flag must be true or false");
}

static void
text_refused(const char *value, const char *reason)
{
	char text[80];
	struct in_yaml *root;
	const char *is = "";

	snprintf(text, sizeof text, "v: %s\n", value);
	root = parse(text);
	assert_int_equal(in_yaml_text(root->first, &is), ERR_FIELD);
	assert_string_equal(log_reason(), reason);
	assert_null(is);
	in_yaml_free(root);
}

static void
text_is(const char *value, const char *expected)
{
	char text[80];
	struct in_yaml *root;
	const char *is;

	snprintf(text, sizeof text, "v: %s\n", value);
	root = parse(text);
	if (in_yaml_text(root->first, &is) != OK)
		unit_fail("%s", log_reason());
	assert_string_equal(is, expected);
	in_yaml_free(root);
}

static void
test_texts(void **state)
{
	static const char *const special[] = { "14", "14.0", "14.", ".5", "0",
		"0777", "0o17", "0x1F", "0b11", "1_000", "-7", "+1.5e3", "1e-3",
		"190:20:30", ".inf", "-.Inf", ".NaN", "~", "null", "true", "no",
		"Yes", "OFF", "N" };
	char reason[80];

	for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
		snprintf(reason, sizeof reason,
		    "line 1, column 4: v must be a text; write it in quotes: "
		    "\"%s\"",
		    special[i]);
		text_refused(special[i], reason);
	}
	text_refused("",
	    "line 1, column 3: v has no value; write \"\" for none, or leave "
	    "the key out");
	text_refused("[a]", "line 1, column 4: v must be a text");
	text_refused("{a: b}", "line 1, column 4: v must be a text");
	text_is("\"14\"", "14");
	text_is("'true'", "true");
	text_is("\"\"", "");
	text_is("14.0.1", "14.0.1");
	text_is("macs", "macs");
	text_is("0xyz", "0xyz");
	text_is("1e", "1e");
	text_is("_", "_");
	text_is("nothing", "nothing");
}

static void
test_mappings(void **state)
{
	struct in_yaml *root = parse("a: {}\nb: []\n");

	assert_int_equal(in_yaml_mapping(root->first), OK);
	assert_int_equal(in_yaml_mapping(root->last), ERR_FIELD);
	assert_string_equal(log_reason(),
	    "line 2, column 4: b must hold further keys, or "
	    "{} for none");
	in_yaml_free(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_meaning_from_a_distance),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_mappings),
	};

	return unit_run("in_yaml", tests);
}
