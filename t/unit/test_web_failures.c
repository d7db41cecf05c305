/* lib/web: whatever fails is an error, and nothing is half done. */
#include "failures.h"
#include "storefix.h"

#include <crypt.h>
#include <stdio.h>
#include <string.h>

#include "store/admins.h"
#include "web/form.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/session.h"
#include "web/tmplset.h"

static int
parse_form(void *arg)
{
	struct form *form = NULL;
	int r = form_parse(blob_str("a=1&b=%20x&c="), &form);

	(void)arg;
	assert_int_equal(form != NULL, r == OK);
	form_free(form);
	return r;
}

static void
a_form_is_read_whole_or_not_at_all(void **state)
{
	(void)state;
	assert_true(failures_each(NULL, parse_form, NULL) > 1);
}

static int
render(void *arg)
{
	static const char text[] =
	    "{{name}}{{number}}{{#yes}}y{{/yes}}"
	    "{{#rows}}[{{a}}]{{/rows}}{{^none}}-{{/none}}";
	struct tmpl_row *page = tmplrow_new(), *item;
	struct tmpl *t = NULL;
	struct buf out;
	int r;

	(void)arg;
	buf_init(&out, 4096);
	tmplrow_set(page, "name", "<Mac>");
	tmplrow_setf(page, "number", "%d", 42);
	tmplrow_flag(page, "yes", true);
	item = tmplrow_add(page, "rows");
	tmplrow_set(item, "a", "1");
	item = tmplrow_add(page, "rows");
	tmplrow_set(item, "a", "2");
	if ((r = tmpl_parse("page", blob_str(text), &t)) == OK)
		r = tmpl_render(t, "page", page, &out);
	if (r == OK)
		assert_string_equal(buf_str(&out), "&lt;Mac&gt;42y[1][2]-");
	buf_release(&out);
	tmpl_free(t);
	tmplrow_free(page);
	return r;
}

static void
a_page_is_filled_whole_or_not_at_all(void **state)
{
	(void)state;
	assert_true(failures_each(NULL, render, NULL) > 10);
}

static int
load_pages(void *folder)
{
	struct tmpl *pages;
	int r = tmplset_load(folder, &pages);

	assert_int_equal(pages != NULL, r == OK);
	tmpl_free(pages);
	return r;
}

static void
pages_are_loaded_whole_or_not_at_all(void **state)
{
	struct storefix *fix = *state;
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/page.html", fix->folder);
	assert_non_null(f = fopen(path, "w"));
	fputs("{{#a}}{{b}}{{/a}}", f);
	assert_int_equal(fclose(f), 0);
	assert_true(failures_each(NULL, load_pages, fix->folder) > 3);
}

static char *const from_browser[] = { (char[]){ "REQUEST_URI=/admin/" },
	(char[]){ "REMOTE_ADDR=192.0.2.1" }, NULL };

static int
take_request(void *arg)
{
	struct req req;
	int r = req_init(&req, from_browser);

	(void)arg;
	req_release(&req);
	return r;
}

static void
a_request_is_taken_whole_or_not_at_all(void **state)
{
	(void)state;
	assert_true(failures_each(NULL, take_request, NULL) > 1);
}

#define PASSWORD "correct horse battery"

/* As short as yescrypt can be, because it is computed many times. */
static void
make_admin(struct db *db)
{
	static const char salt[] = "$y$j75$abcdefgh";
	const char *hash = crypt(PASSWORD, salt);

	assert_memory_equal(hash, salt, sizeof salt - 1);
	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, hash));
}

/* From the form to a session that ended. */
static int
visit(void *arg)
{
	char cookie[160], *envp[4];
	struct db *db = arg;
	struct session s;
	struct resp resp;
	struct req req;
	const char *line;
	struct buf out;
	int r;

	resp_init(&resp);
	if ((r = req_init(&req, from_browser)) == OK)
		r = session_start(
		    db, &req, "/proc/self/exe", "zoe", PASSWORD, &resp);
	line = resp_get(&resp, "Set-Cookie");
	if (r == OK)
		assert_non_null(line);
	snprintf(cookie, sizeof cookie, "HTTP_COOKIE=%.*s",
	    line == NULL ? 0 : (int)strcspn(line, ";"),
	    line == NULL ? "" : line);
	req_release(&req);
	memcpy(envp, from_browser, sizeof from_browser);
	envp[2] = cookie;
	envp[3] = NULL;
	memset(&req, 0, sizeof req);
	if (r == OK && (r = req_init(&req, envp)) == OK &&
	    (r = session_load(db, &req, &s)) == OK)
		r = session_end(db, &s, &resp);
	req_release(&req);
	/* what would be sent has all its headers, or is not sent */
	buf_init(&out, 65536);
	if (r == OK)
		r = resp_write(&resp, false, &out);
	buf_release(&out);
	resp_release(&resp);
	/* or the next one would have to wait */
	failures_disarm();
	storefix_sql(db, "DELETE FROM login_failures");
	return r;
}

static void
an_administrator_signs_in_and_out(void **state)
{
	struct db *db = storefix_db(state);

	make_admin(db);
	assert_true(failures_each(db, visit, db) > 30);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_form_is_read_whole_or_not_at_all),
	cmocka_unit_test(a_page_is_filled_whole_or_not_at_all),
	cmocka_unit_test(a_request_is_taken_whole_or_not_at_all),
	STOREFIX_TEST(pages_are_loaded_whole_or_not_at_all),
	STOREFIX_TEST(an_administrator_signs_in_and_out),
};

STOREFIX_MAIN(tests)
