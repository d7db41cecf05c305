#include "admin-page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "store/alarms.h"
#include "store/rowmac.h"
#include "web/session.h"
#include "web/tmplset.h"

#define URL_MAX      (4 * REQ_TARGET_MAX)
#define HTML_TYPE    "text/html; charset=utf-8"
#define SIGN_IN_PATH "/admin/sign-in"

#define POLICY                                                                 \
	"default-src 'none'; style-src 'self'; img-src 'self'; "               \
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

int
admin_page_load(void *p)
{
	struct admin_app *app = p;
	const struct conf *conf = app->context.conf;
	int r;

	if ((r = tmplset_load(conf->templates, &app->tmpl)) != OK ||
	    (r = stylesheet_load(conf, &app->style)) != OK)
		return r;
	return rowmac_load(app->context.db, conf->admin_key);
}

void
admin_page_unload(void *p)
{
	struct admin_app *app = p;

	tmpl_free(app->tmpl);
	stylesheet_release(&app->style);
}

/* What the frame around every page shows. */
static void
set_layout(const struct admin_app *app, struct tmpl_row *row, const char *title)
{
	tmplrow_set(row, "title", title);
	tmplrow_set(row, "organization", app->context.conf->organization);
	tmplrow_set(row, "style_version", app->style.version);
	tmplrow_flag(row, "test_bench", conf_is_test_bench(app->context.conf));
	tmplrow_flag(row, "attestation_root_replaced",
	    app->context.conf->attestation_root_replaced);
	tmplrow_flag(
	    row, "device_ca_replaced", app->context.conf->device_ca_replaced);
	tmplrow_flag(
	    row, "clock_moved", app->context.conf->clock_offset_file[0]);
}

static int
set_headers(struct resp *resp)
{
	int r;

	if ((r = resp_set(resp, "Content-Security-Policy", POLICY)) != OK ||
	    (r = resp_set(resp, "Referrer-Policy", "same-origin")) != OK ||
	    (r = resp_set(resp, "Cross-Origin-Opener-Policy", "same-origin")) !=
		OK)
		return r;
	return resp_set(resp, "Content-Type", HTML_TYPE);
}

int
admin_page_send_bare(const struct admin_app *app, const char *template,
    const char *title, int status, struct tmpl_row *row, struct resp *resp)
{
	int r;

	set_layout(app, row, title);
	if ((r = set_headers(resp)) != OK)
		return r;
	resp->status = status;
	buf_reset(&resp->body);
	return tmpl_render(app->tmpl, template, row, &resp->body);
}

int
admin_page_send(const struct admin_page *page, const char *template,
    const char *title, struct resp *resp)
{
	int status = page->code != OK ? err_http_status(page->code) : 200;

	return admin_page_send_bare(
	    page->app, template, title, status, page->row, resp);
}

int
admin_page_show(struct admin_app *app, const struct req *req,
    const struct admin_page_view *view, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = view->fill(&page)) == OK) {
		tmplrow_flag(page.row, view->section, true);
		r = admin_page_send(&page, view->template, view->title, resp);
	}
	admin_page_release(&page);
	return r;
}

void
admin_page_problem(struct admin_page *page, int code)
{
	const char *reason = code != OK ? log_reason() : "";

	page->code = code;
	tmplrow_set(page->row, "problem",
	    code == OK           ? ""
		: *reason != '\0' ? reason
				 : err_text(code));
	tmplrow_set(
	    page->row, "problem_advice", code != OK ? err_advice(code) : "");
}

bool
admin_page_shows(int code)
{
	return err_http_status(code) < 500 && code != ERR_SESSION &&
	    code != ERR_CSRF && code != ERR_ROLE && code != ERR_NOT_FOUND &&
	    code != ERR_MALFORMED && code != ERR_MEDIA_TYPE;
}

/* What the frame of a page shows whoever is signed in. */
static int
set_frame(
    struct admin_app *app, const struct session *session, struct tmpl_row *row)
{
	int64_t open;
	int r = alarms_count_open(app->context.db, &open);

	tmplrow_set(row, "admin", session->admin);
	tmplrow_set(row, "csrf", session->csrf_token);
	tmplrow_flag(row, "may_change_hosts",
	    admin_actor_may(session->role, ADMIN_CHANGE_HOSTS));
	tmplrow_flag(row, "sees_admins",
	    admin_actor_may(session->role, ADMIN_CHANGE_ADMINS));
	if (r == OK && open > 0)
		tmplrow_setf(row, "alarms_open", "%lld", (long long)open);
	return r;
}

void
admin_page_on_error(void *p, const struct req *req, int code, struct resp *resp)
{
	struct session session;
	struct tmpl_row *row;
	int r;

	if (code == ERR_SESSION && resp_redirect(resp, SIGN_IN_PATH) == OK)
		return;
	row = tmplrow_new();
	tmplrow_set(row, "text", err_text(code));
	tmplrow_set(row, "request_id", req->id);
	tmplrow_flag(row, "ours", err_http_status(code) >= 500);
	if (err_http_status(code) < 500 &&
	    session_load(((struct admin_app *)p)->context.db, req, &session) ==
		OK)
		(void)set_frame(p, &session, row);
	secret_wipe(&session, sizeof session);
	r = admin_page_send_bare(p, "error", resp_phrase(err_http_status(code)),
	    err_http_status(code), row, resp);
	if (r != OK)
		resp_error_page(resp, code);
	tmplrow_free(row);
}

int
admin_page_init(
    struct admin_page *page, struct admin_app *app, const struct req *req)
{
	int r;

	memset(page, 0, sizeof *page);
	page->app = app;
	if ((r = session_load(app->context.db, req, &page->session)) != OK ||
	    (r = form_parse(blob_str(req->query), &page->query)) != OK)
		return r;
	if ((page->row = tmplrow_new()) == NULL)
		return fail(ERR_NOMEM, "no memory for a page");
	return set_frame(app, &page->session, page->row);
}

int
admin_page_init_for(struct admin_page *page, struct admin_app *app,
    const struct req *req, enum admin_permission permission)
{
	struct admin_actor actor;
	int r = admin_page_init(page, app, req);

	if (r != OK)
		return r;
	actor = admin_page_actor(app, &page->session);
	return admin_actor_check(&actor, permission);
}

void
admin_page_release(struct admin_page *page)
{
	form_free(page->query);
	tmplrow_free(page->row);
	secret_wipe(page, sizeof *page);
}

int
admin_page_form(struct admin_app *app, const struct req *req,
    struct session *session, struct form **form)
{
	int r;

	*form = NULL;
	if ((r = session_load(app->context.db, req, session)) != OK)
		return r;
	if (!req_media_type_is(req, "application/x-www-form-urlencoded"))
		return fail(ERR_MEDIA_TYPE, "a form of another kind");
	if ((r = form_parse(req->body, form)) != OK)
		return r;
	if ((r = session_check_form(session, req, *form)) != OK) {
		form_free(*form);
		*form = NULL;
	}
	return r;
}

struct admin_actor
admin_page_actor(const struct admin_app *app, const struct session *session)
{
	return (struct admin_actor){ .conf = app->context.conf,
		.db = app->context.db,
		.name = session->admin,
		.role = session->role,
		.session = session };
}

void
admin_page_roles(struct tmpl_row *row, const char *chosen)
{
	struct tmpl_row *option;

	for (int i = 0; i < ADMIN_ROLES; i++) {
		option = tmplrow_add(row, "roles");
		tmplrow_set(option, "role", admin_role_name(i));
		tmplrow_flag(
		    option, "chosen", strcmp(admin_role_name(i), chosen) == 0);
	}
}

/* "5 minutes ago", for a first look; the exact time stands beside it. */
static void
set_ago(struct tmpl_row *row, const char *name, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } };
	long long n;
	size_t i;

	for (i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (llabs(seconds) < units[i].seconds)
			continue;
		n = llabs(seconds) / units[i].seconds;
		tmplrow_setf(row, name, "%s%lld %s%s%s",
		    seconds < 0 ? "in " : "", n, units[i].unit,
		    n == 1 ? "" : "s", seconds < 0 ? "" : " ago");
		return;
	}
	tmplrow_set(row, name, seconds < 0 ? "in a moment" : "just now");
}

void
admin_page_time(struct tmpl_row *row, const char *name, int64_t t)
{
	char people[CLOCK_TEXT] = "", iso[CLOCK_TEXT] = "", key[64];

	if (t != 0) {
		clock_people(t, people);
		clock_rfc3339(t, iso);
	}
	tmplrow_set(row, name, people);
	snprintf(key, sizeof key, "%s_iso", name);
	tmplrow_set(row, key, iso);
	snprintf(key, sizeof key, "%s_ago", name);
	if (t == 0)
		tmplrow_set(row, key, "");
	else
		set_ago(row, key, clock_now() - t);
}

void
admin_page_hex(struct tmpl_row *row, const char *name, struct blob value)
{
	struct buf b;

	buf_init(&b, 256);
	enc_hex(value, &b);
	tmplrow_set_buf(row, name, &b);
}

void
admin_page_link(struct tmpl_row *row, const char *name, const char *path,
    const char *param, const char *value)
{
	char key[64];
	struct buf b;

	buf_init(&b, URL_MAX);
	buf_printf(&b, "%s%c%s=", path, strchr(path, '?') ? '&' : '?', param);
	form_encode(value, &b);
	snprintf(key, sizeof key, "%s_url", name);
	tmplrow_set_buf(row, key, &b);
}

/* `path` with those parameters that have a value, and the cursor if any. */
static void
set_cursor_url(struct admin_page *page, const char *name, const char *path,
    const char *const *filters, const char *after)
{
	char separator = '?';
	const char *value;
	struct buf b;

	buf_init(&b, URL_MAX);
	buf_add_str(&b, path);
	for (; *filters != NULL; filters++) {
		if (*(value = form_text(page->query, *filters)) == '\0')
			continue;
		buf_printf(&b, "%c%s=", separator, *filters);
		form_encode(value, &b);
		separator = '&';
	}
	if (*after != '\0')
		buf_printf(&b, "%cafter=%s", separator, after);
	tmplrow_set_buf(page->row, name, &b);
}

void
admin_page_filtered(struct admin_page *page, const char *name, const char *path,
    const char *const *filters)
{
	set_cursor_url(page, name, path, filters, "");
}

void
admin_page_cursor(struct admin_page *page, const char *path,
    const char *const *filters, const char *next)
{
	if (form_text(page->query, "after")[0] != '\0')
		set_cursor_url(page, "first_url", path, filters, "");
	if (*next != '\0')
		set_cursor_url(page, "next_url", path, filters, next);
}
