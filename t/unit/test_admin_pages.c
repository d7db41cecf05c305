/*
 * admin-settings, each request with each of its calls failing in turn: a page
 * is whole or says that the server has a problem, and a form that fails changed
 * nothing.
 */
#include "failures.h"
#include "serverfix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sessions.h"
#include "unit/source.h"
#include "unit/unit.h"
#include "web/dispatch.h"
#include "web/session.h"

static const struct web_program *program;

struct fix {
	void **state;
	struct conf conf;
	void *app;
	struct session session;
	char cookie[256];
	char key[128], templates[512];
	struct serverfix made;
};

/* A request, and what comes back when nothing fails. */
struct asked {
	const struct fix *fix;
	const char *target;
	const char *form;
	/* lets the same form do the same again, where needed */
	const char *undo;
	int status;
	/* an attempt to sign in counts, also when it fails */
	bool counts;
	/* of a page */
	const struct buf *sound;
	/* storefix_version() before it */
	unsigned version;
};

/* The body of the form, and the beginning of the answer. */
struct exchange {
	const char *form;
	char answer[16];
};

static long
read_form(void *arg, void *p, size_t n)
{
	struct exchange *e = arg;

	memcpy(p, e->form, n);
	e->form += n;
	return (long)n;
}

static int
take_piece(void *arg, struct blob piece)
{
	struct exchange *e = arg;

	if (e->answer[0] == '\0')
		snprintf(e->answer, sizeof e->answer, "%.11s",
		    piece.n > 0 ? (const char *)piece.p : "");
	return OK;
}

/*
 * `out` gets the response, or what follows the last part of a long one. One that is
 * broken off is no better than a page that says so.
 */
static int
request(const struct fix *fix, const char *target, const char *form,
    struct buf *out)
{
	char uri[256], length[64], cookie[288];
	struct exchange e = { .form = form };
	char *envp[] = { uri, length, cookie,
		form != NULL ? (char[]){ "REQUEST_METHOD=POST" }
			     : (char[]){ "REQUEST_METHOD=GET" },
		(char[]){ "CONTENT_TYPE=application/x-www-form-urlencoded" },
		(char[]){ "REMOTE_ADDR=192.0.2.1" },
		(char[]){ "REQUEST_ID=0123456789abcdef" }, NULL };

	snprintf(uri, sizeof uri, "REQUEST_URI=%s", target);
	snprintf(length, sizeof length, "CONTENT_LENGTH=%zu",
	    form != NULL ? strlen(form) : 0);
	snprintf(cookie, sizeof cookie, "HTTP_COOKIE=%s", fix->cookie);
	if (dispatch(program, fix->app, envp, read_form, take_piece, &e, out) !=
	    OK)
		return 500;
	return atoi(e.answer + strlen("Status: "));
}

/*
 * Without memory for the answer to what is done already, nobody learns that it
 * is; a database that fails is noticed before.
 */
static int
ask(void *arg)
{
	struct asked *a = arg;
	struct db *db = storefix_db(a->fix->state);
	unsigned before = a->version;
	const char *failed;
	struct buf out;
	int status, r = ERR_INTERNAL;

	buf_init(&out, RESP_BODY_MAX);
	status = request(a->fix, a->target, a->form, &out);
	failed = failures_disarm();
	if (status == a->status)
		r = OK;
	else if (status < 500)
		unit_fail("%s: %d (%s) when %s failed", a->target, status,
		    log_reason(), failed);
	else if (log_reason()[0] != '\0' &&
	    strstr(buf_str(&out), log_reason()) != NULL)
		unit_fail("%s shows %s", a->target, log_reason());
	else if (!a->counts && storefix_version(db) != before &&
	    strstr(failed, "sqlite3") != NULL)
		unit_fail("%s: %d, and something changed, when %s failed",
		    a->target, status, failed);
	if (r == OK && a->sound != NULL &&
	    !blob_eq(buf_blob(&out), buf_blob(a->sound)))
		unit_fail("%s differs from the first one when %s failed",
		    a->target, failed != NULL ? failed : "nothing");
	buf_release(&out);
	if (failed != NULL && a->undo != NULL)
		storefix_sql(db, a->undo);
	a->version = storefix_version(db);
	return r;
}

static void
sign_in(struct fix *fix)
{
	struct db *db = storefix_db(fix->state);
	char token[SECRET_TOKEN_TEXT];

	WRITE(db,
	    sessions_create(
		db, SERVERFIX_ADMIN, SESSION_LIFE, token, &fix->session));
	/* the form to sign in takes the same token as the others */
	snprintf(fix->cookie, sizeof fix->cookie,
	    SESSION_COOKIE "=%s; " SESSION_LOGIN_COOKIE "=%s", token,
	    fix->session.csrf_token);
}

static void
begin(void **state, struct fix *fix)
{
	static char nothing[] = "";
	const struct storefix *store = *state;
	struct context *c;

	/* or a page would say that something is a second older than before */
	clock_stop();
	*fix = (struct fix){ .state = state, .conf = mdmfix_conf };
	snprintf(fix->templates, sizeof fix->templates, "%s",
	    source_path("templates"));
	fix->conf.templates = fix->templates;
	fix->conf.repository_url = fix->conf.clock_offset_file = nothing;
	snprintf(fix->key, sizeof fix->key, "%s/admin.key", store->folder);
	fix->conf.admin_key = fix->key;
	serverfix_make(state, &fix->made);
	assert_non_null(c = calloc(1, program->app_size));
	c->conf = &fix->conf;
	c->db = store->db;
	fix->app = c;
	assert_int_equal(program->load(c), OK);
	sign_in(fix);
}

static void
end(struct fix *fix)
{
	program->unload(fix->app);
	free(fix->app);
}

static void
a_page_is_whole_or_says_that_the_server_has_a_problem(void **state)
{
	static const char *const pages[] = { "/admin/", "/admin/hosts",
		"/admin/hosts.csv", "/admin/hosts.csv?state=pending",
		"/admin/hosts?attested=yes&q=C02", "/admin/enrollments",
		"/admin/links", "/admin/refusals",
		"/admin/serial?serial=" SERIAL_A,
		"/admin/serial?serial=" SERVERFIX_STRANGER, "/admin/alarms",
		"/admin/jobs", "/admin/settings", "/admin/activity",
		"/admin/apple", "/admin/tokens", "/admin/admins",
		"/admin/admins/one?name=" SERVERFIX_ADMIN,
		"/admin/settings/apple_require_hardware_attestation/hosts"
		"?value=true&group=0123456789abcdef",
		"/admin/hosts/%s", "/admin/enrollments/%s" };
	struct fix fix;
	struct buf sound;
	char target[128];

	begin(state, &fix);
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		struct asked a = { .fix = &fix,
			.target = target,
			.status = 200,
			.sound = &sound,
			.version = storefix_version(storefix_db(state)) };

		buf_init(&sound, RESP_BODY_MAX);
		snprintf(target, sizeof target, pages[i],
		    strstr(pages[i], "hosts") != NULL ? fix.made.host
						      : fix.made.enrollment);
		assert_int_equal(request(&fix, target, NULL, &sound), 200);
		assert_true(
		    failures_each_checked(storefix_db(state), ask, &a) > 30);
		buf_release(&sound);
	}
	end(&fix);
}

static void
a_form_that_fails_changed_nothing(void **state)
{
	const struct {
		const char *path, *form, *undo;
		int status;
	} forms[] = {
		{ "/admin/settings/apple_require_hardware_attestation",
		    "apple_require_hardware_attestation=true", NULL, 200 },
		{ "/admin/settings/apple_require_hardware_attestation",
		    "apple_require_hardware_attestation=true&confirmed=0", NULL,
		    303 },
		{ "/admin/settings/minimum-os", "minimum_os_version_macos=14.0",
		    NULL, 303 },
		{ "/admin/links", "note=new",
		    "DELETE FROM enrollment_links WHERE note = 'new'", 200 },
		{ "/admin/links/%s/revoke", "",
		    "UPDATE enrollment_links SET revoked_at = NULL", 303 },
		{ "/admin/hosts/%s/commands", "type=DeviceInformation", NULL,
		    303 },
		{ "/admin/hosts/%s/commands", "type=RestartDevice", NULL, 200 },
		{ "/admin/hosts/%s/block", "", NULL, 200 },
		{ "/admin/hosts/%s/block", "confirmed=yes", NULL, 303 },
		{ "/admin/hosts/%s/unblock", "",
		    "UPDATE hosts SET state = 'blocked'", 303 },
		{ "/admin/tokens", "name=new&role=observer&days=1",
		    "DELETE FROM api_tokens WHERE name = 'new'", 200 },
		{ "/admin/admins/sign-out",
		    "name=" SERVERFIX_ADMIN "&session=none", NULL, 404 },
		{ "/admin/admins",
		    "name=new&role=observer&password=a+good+long+one",
		    "DELETE FROM admins WHERE name = 'new'", 303 },
		{ "/admin/admins/role", "name=" SERVERFIX_ADMIN "&role=observer",
		    NULL, err_http_status(ERR_LAST_ADMIN) },
		{ "/admin/sign-out", "", NULL, 303 },
		{ "/admin/sign-in", "name=" SERVERFIX_ADMIN "&password=wrong",
		    "DELETE FROM login_failures", err_http_status(ERR_LOGIN) },
		{ "/admin/sign-in",
		    "name=" SERVERFIX_ADMIN "&password=" SERVERFIX_PASSWORD,
		    "DELETE FROM login_failures", 303 },
	};
	struct fix fix;
	char target[128], form[256];

	begin(state, &fix);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct asked a = { .fix = &fix,
			.target = target,
			.form = form,
			.undo = forms[i].undo,
			.status = forms[i].status,
			.counts = strcmp(forms[i].path, "/admin/sign-in") == 0,
			.version = storefix_version(storefix_db(state)) };

		snprintf(target, sizeof target, forms[i].path,
		    strstr(forms[i].path, "hosts") != NULL ? fix.made.host
							   : fix.made.link);
		snprintf(form, sizeof form, "%s&csrf=%s", forms[i].form,
		    fix.session.csrf_token);
		assert_true(
		    failures_each_checked(storefix_db(state), ask, &a) > 10);
	}
	end(&fix);
}

/* Which only says when it was used last. */
static void
a_session_that_cannot_be_noted_is_none(void **state)
{
	struct fix fix;
	struct asked a = { .fix = &fix,
		.target = "/admin/alarms",
		.status = 200,
		.counts = true };

	begin(state, &fix);
	clock_set_offset(120);
	assert_true(failures_each_checked(storefix_db(state), ask, &a) > 50);
	clock_set_offset(0);
	end(&fix);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(a_session_that_cannot_be_noted_is_none),
	STOREFIX_TEST(a_form_that_fails_changed_nothing),
	STOREFIX_TEST(a_page_is_whole_or_says_that_the_server_has_a_problem),
};

/* In place of lib/web/worker.c: what the main() of admin-settings calls. */
int
worker_main(int argc, char **argv, const struct web_program *p)
{
	(void)argc;
	(void)argv;
	program = p;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
