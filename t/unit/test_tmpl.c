#include "unit/unit.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "web/tmpl.h"

/* Fills one template with a row; the text, or NULL when it is refused. */
static const char *
fill(const char *text, const struct tmpl_row *row)
{
	static char text_out[4096];
	struct buf out;
	struct tmpl *t;
	int r;

	buf_init(&out, sizeof text_out - 1);
	assert_int_equal(tmpl_parse("page", blob_str(text), &t), OK);
	r = tmpl_render(t, "page", row, &out);
	memcpy(text_out, buf_str(&out), out.n + 1);
	buf_release(&out);
	tmpl_free(t);
	return r == OK ? text_out : NULL;
}

static struct tmpl_row *
sample(void)
{
	struct tmpl_row *page = tmplrow_new();
	struct tmpl_row *item;

	tmplrow_set(page, "name", "Mac");
	tmplrow_set(page, "nothing", "");
	tmplrow_setf(page, "number", "%d", 42);
	tmplrow_flag(page, "yes", true);
	tmplrow_flag(page, "no", false);
	item = tmplrow_add(page, "rows");
	tmplrow_set(item, "a", "1");
	item = tmplrow_add(page, "rows");
	tmplrow_set(item, "a", "2");
	tmplrow_set(item, "name", "inner");
	return page;
}

static void
test_fills(void **state)
{
	struct tmpl_row *row = sample();

	assert_string_equal(fill("a {{name}} {{number}}", row), "a Mac 42");
	assert_string_equal(fill("", row), "");
	assert_string_equal(fill("{{! remark }}x", row), "x");
	assert_string_equal(fill("{{#rows}}[{{a}} {{name}}]{{/rows}}", row),
	    "[1 Mac][2 inner]");
	assert_string_equal(fill("{{^rows}}none{{/rows}}", row), "");
	assert_string_equal(fill("{{^absent}}none{{/absent}}", row), "none");
	assert_string_equal(fill("{{#absent}}some{{/absent}}", row), "");
	assert_string_equal(fill("{{#yes}}y{{/yes}}{{#no}}n{{/no}}", row), "y");
	assert_string_equal(
	    fill("{{^yes}}y{{/yes}}{{^nothing}}n{{/nothing}}", row), "n");
	assert_string_equal(
	    fill("{{#rows}}{{#rows}}{{a}}{{/rows}}{{/rows}}", row), "1212");
	assert_string_equal(fill("{ {} }} {", row), "{ {} }} {");
	tmplrow_free(row);
}

/* Whatever a device calls itself stays text. */
static void
test_escapes(void **state)
{
	struct tmpl_row *row = tmplrow_new();

	tmplrow_set(row, "name", "<script>alert('x')</script>&\"");
	assert_string_equal(fill("<b title=\"{{name}}\">", row),
	    "<b title=\"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
	    "&amp;&quot;\">");
	tmplrow_set(row, "name", "{{#name}}{{name}}{{/name}}");
	assert_string_equal(
	    fill("{{name}}", row), "{{#name}}{{name}}{{/name}}");
	tmplrow_set(row, "name", "a\x01\x1b[31m\x7f\r");
	assert_string_equal(fill("{{name}}", row),
	    "a\xef\xbf\xbd\xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd");
	tmplrow_set(row, "name", "\xc2\x9b.\xe2\x80\xae.\xff.\xc3\xa4\n\t");
	assert_string_equal(fill("{{name}}", row),
	    "\xef\xbf\xbd.\xef\xbf\xbd.\xef\xbf\xbd.\xc3\xa4\n\t");
	tmplrow_free(row);
}

static void
refused(const char *text)
{
	struct tmpl *t;

	assert_int_equal(tmpl_parse("page", blob_str(text), &t), ERR_CONFIG);
	assert_null(t);
}

static void
test_refuses_broken_templates(void **state)
{
	refused("{{name");
	refused("{{}}");
	refused("{{ name }}");
	refused("{{Name}}");
	refused("{{{name}}}");
	refused("{{&name}}");
	refused("{{#a}}");
	refused("{{/a}}");
	refused("{{#a}}{{/b}}");
	refused("{{#a}}{{#b}}{{/a}}{{/b}}");
	refused("{{>absent}}");
	refused("{{>page}}");
	refused("{{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}");
	refused("{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}"
		"{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}{{#a}}");
}

static void
test_missing_value(void **state)
{
	struct tmpl_row *row = sample();
	struct buf out;
	struct tmpl *t;

	assert_null(fill("{{absent}}", row));
	assert_null(fill("{{rows}}", row));
	buf_init(&out, 100);
	assert_int_equal(tmpl_parse("page", blob_str("x"), &t), OK);
	assert_int_equal(tmpl_render(t, "other", row, &out), ERR_INTERNAL);
	assert_int_equal(tmpl_render(t, "page", NULL, &out), ERR_NOMEM);
	tmpl_free(t);
	buf_release(&out);
	tmplrow_free(row);
}

static void
test_partials(void **state)
{
	struct tmpl *t = tmpl_new();
	struct tmpl_row *row = sample();
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(
	    tmpl_add(t, blob_str("page"), blob_str("<{{>part}}>")), OK);
	assert_int_equal(
	    tmpl_add(t, blob_str("part"), blob_str("{{name}}")), OK);
	assert_int_equal(tmpl_check(t), OK);
	assert_int_equal(tmpl_render(t, "page", row, &out), OK);
	assert_string_equal(buf_str(&out), "<Mac>");
	assert_int_equal(
	    tmpl_add(t, blob_str("one"), blob_str("{{>two}}")), OK);
	assert_int_equal(
	    tmpl_add(t, blob_str("two"), blob_str("{{>one}}")), OK);
	assert_int_equal(tmpl_check(t), ERR_CONFIG);
	tmpl_free(t);
	tmplrow_free(row);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_refuses_broken_templates),
		cmocka_unit_test(test_missing_value),
		cmocka_unit_test(test_partials),
	};

	log_open("t", LOG_ERROR);
	return unit_run("tmpl", tests);
}
