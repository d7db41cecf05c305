/* Property lists that we write (lib/wire/out_plist.h). */
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_plist.h"
#include "wire/out_plist.h"
#include "unit/unit.h"

static void
test_round(void **state)
{
	struct out_plist *out = out_plist_new();
	struct out_plist_node *root = out_plist_root(out), *inner;
	const struct in_plist_node *in, *array;
	struct in_plist *doc;
	const char *text;
	struct blob data;
	struct buf b;
	int64_t n;
	bool yes;

	(void)state;
	out_plist_string(root, "S", "<a> & \"b\" \xe2\x82\xac\n");
	out_plist_data(root, "D", blob_of("\0\1\2", 3));
	out_plist_data(root, "N", blob_of(NULL, 0));
	out_plist_int(root, "I", 8191);
	out_plist_bool(root, "B", true);
	inner = out_plist_array(root, "A");
	out_plist_string(inner, NULL, "one");
	out_plist_bool(out_plist_dict(inner, NULL), "x", false);
	buf_init(&b, 4096);
	assert_int_equal(out_plist_write(out, &b), OK);
	out_plist_free(out);
	assert_int_equal(in_plist_parse(buf_blob(&b), 4096, &doc), OK);
	assert_non_null(strstr(buf_str(&b), "<!DOCTYPE plist"));
	buf_release(&b);
	in = in_plist_root(doc);
	assert_int_equal(in_plist_string(in, "S", &text), OK);
	assert_string_equal(text, "<a> & \"b\" \xe2\x82\xac\n");
	assert_int_equal(in_plist_data(in, "D", &data), OK);
	assert_true(blob_eq(data, blob_of("\0\1\2", 3)));
	assert_int_equal(in_plist_data(in, "N", &data), OK);
	assert_int_equal(data.n, 0);
	assert_int_equal(in_plist_int(in, "I", &n), OK);
	assert_int_equal(n, 8191);
	assert_int_equal(in_plist_bool(in, "B", &yes), OK);
	assert_true(yes);
	assert_int_equal(in_plist_array(in, "A", &array), OK);
	assert_int_equal(in_plist_count(array), 2);
	assert_int_equal(in_plist_bool(in_plist_item(array, 1), "x", &yes), OK);
	assert_false(yes);
	in_plist_free(doc);
}

static int
write_and_free(struct out_plist *doc)
{
	struct buf b;
	int r;

	buf_init(&b, 4096);
	r = out_plist_write(doc, &b);
	buf_release(&b);
	out_plist_free(doc);
	return r;
}

static void
refuse_text(const char *key, const char *text)
{
	struct out_plist *doc = out_plist_new();

	out_plist_string(out_plist_root(doc), key, text);
	assert_int_equal(write_and_free(doc), ERR_INTERNAL);
}

static void
test_sticky(void **state)
{
	struct out_plist *doc;

	(void)state;
	refuse_text("a", NULL);
	refuse_text("a", "\x01");
	refuse_text("a", "\x7f");
	refuse_text("a", "\xff");
	refuse_text("a\x01", "b");
	refuse_text("", "b");
	refuse_text(NULL, "b");
	doc = out_plist_new();
	out_plist_int(out_plist_root(doc), "a", -1);
	assert_int_equal(write_and_free(doc), ERR_INTERNAL);
	doc = out_plist_new();
	out_plist_bool(out_plist_root(doc), "a", true);
	out_plist_bool(out_plist_root(doc), "a", true);
	assert_int_equal(write_and_free(doc), ERR_INTERNAL);
	doc = out_plist_new();
	out_plist_bool(out_plist_array(out_plist_root(doc), "a"), "key", true);
	assert_int_equal(write_and_free(doc), ERR_INTERNAL);
	doc = out_plist_new();
	assert_null(out_plist_dict(out_plist_root(doc), NULL));
	assert_int_equal(write_and_free(doc), ERR_INTERNAL);
}

static void
test_nothing(void **state)
{
	struct buf b;

	(void)state;
	assert_null(out_plist_root(NULL));
	out_plist_string(NULL, "a", "b");
	out_plist_data(NULL, "a", blob_str("b"));
	assert_null(out_plist_array(NULL, "a"));
	buf_init(&b, 16);
	assert_int_equal(out_plist_write(NULL, &b), ERR_NOMEM);
	buf_release(&b);
	out_plist_free(NULL);
}

static void
test_too_large(void **state)
{
	struct out_plist *doc = out_plist_new();
	struct buf b;

	(void)state;
	buf_init(&b, 16);
	assert_int_equal(out_plist_write(doc, &b), ERR_TOO_LARGE);
	buf_release(&b);
	out_plist_free(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_sticky),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_too_large),
	};

	return unit_run("out_plist", tests);
}
