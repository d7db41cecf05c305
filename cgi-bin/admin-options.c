#include "admin-options.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/audits.h"
#include "store/settings.h"

/* Only what a browser may follow becomes a link. */
static bool
is_web_address(const char *url)
{
	return strncmp(url, "https://", strlen("https://")) == 0;
}

static int
fill_settings(struct admin_page *page)
{
	const struct conf *conf = page->app->conf;
	char version[SETTINGS_VALUE_TEXT];
	bool required, business_only;
	int r;

	if ((r = settings_get_bool(page->app->db, conf,
		 SETTINGS_REQUIRE_ATTESTATION, &required)) != OK ||
	    (r = settings_get_bool(page->app->db, conf, SETTINGS_BUSINESS_ONLY,
		 &business_only)) != OK ||
	    (r = settings_get_text(page->app->db, conf,
		 SETTINGS_MINIMUM_OS_VERSION, version)) != OK)
		return r;
	tmplrow_flag(page->row, "premium",
	    settings_find(conf, SETTINGS_REQUIRE_ATTESTATION) != NULL);
	tmplrow_flag(page->row, "required", required);
	tmplrow_flag(page->row, "business_only", business_only);
	tmplrow_set(page->row, "minimum_os_version", version);
	tmplrow_flag(page->row, "gitops", conf->gitops_mode_enabled);
	tmplrow_set(page->row, "repository_url",
	    is_web_address(conf->repository_url) ? conf->repository_url : "");
	return OK;
}

static int
send_settings(struct admin_page *page, int code, struct resp *resp)
{
	int r;

	tmplrow_set(page->row, "problem", code != OK ? err_text(code) : "");
	tmplrow_flag(page->row, "saved",
	    code == OK && form_get(page->query, "saved") != NULL);
	tmplrow_flag(page->row, "in_settings", true);
	r = admin_page_send(page, "settings", "Settings", resp);
	if (r == OK && code != OK)
		resp->status = err_http_status(code);
	return r;
}

int
admin_options_show(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill_settings(&page)) == OK)
		r = send_settings(&page, OK, resp);
	admin_page_release(&page);
	return r;
}

/* The page again, with what was typed and why it was not taken. */
static int
refuse(struct admin_app *app, const struct req *req, int code, const char *name,
    const char *value, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill_settings(&page)) == OK) {
		if (strcmp(name, SETTINGS_MINIMUM_OS_VERSION) == 0)
			tmplrow_set(page.row, name, value);
		r = send_settings(&page, code, resp);
	}
	admin_page_release(&page);
	return r;
}

static int
store(struct admin_app *app, const char *admin, const char *name,
    const char *value)
{
	int r;

	if ((r = db_begin(app->db)) != OK)
		return r;
	r = settings_set(
	    app->db, app->conf, SETTINGS_BY_ADMIN, name, value, admin);
	if (r != OK) {
		db_rollback(app->db);
		return r;
	}
	return db_commit(app->db);
}

static int
set(struct admin_app *app, const struct req *req, const char *name,
    const char *when_absent, struct resp *resp)
{
	struct session session;
	struct form *form;
	const char *value;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	if ((value = form_get(form, name)) == NULL)
		value = when_absent;
	r = store(app, session.admin, name, value);
	if (r == OK)
		r = resp_redirect(resp, "/admin/settings?saved=1");
	else if (r == ERR_NOT_FOUND || err_http_status(r) < 500)
		r = refuse(app, req, r == ERR_NOT_FOUND ? ERR_LICENSE : r, name,
		    value, resp);
	form_free(form);
	return r;
}

/* A box that is not ticked sends nothing. */
int
admin_options_set_attestation(
    void *app, const struct req *req, struct resp *resp)
{
	return set(app, req, SETTINGS_REQUIRE_ATTESTATION, "false", resp);
}

int
admin_options_set_business(void *app, const struct req *req, struct resp *resp)
{
	return set(app, req, SETTINGS_BUSINESS_ONLY, "false", resp);
}

int
admin_options_set_minimum_os(
    void *app, const struct req *req, struct resp *resp)
{
	return set(app, req, SETTINGS_MINIMUM_OS_VERSION, "", resp);
}

static int
fill_activity(struct admin_page *page)
{
	long long before = strtoll(form_text(page->query, "before"), NULL, 10);
	struct audit_list list;
	struct tmpl_row *row;
	size_t i;
	int r;

	r = audits_list(
	    page->app->db, before > 0 ? before : 0, ADMIN_PAGE_ROWS + 1, &list);
	if (r != OK)
		return r;
	tmplrow_flag(page->row, "paged", before > 0);
	tmplrow_flag(page->row, "more", list.n > ADMIN_PAGE_ROWS);
	for (i = 0; i < list.n && i < ADMIN_PAGE_ROWS; i++) {
		row = tmplrow_add(page->row, "audits");
		tmplrow_set(row, "actor", list.rows[i].actor);
		tmplrow_set(row, "action", list.rows[i].action);
		tmplrow_set(row, "detail", list.rows[i].detail);
		admin_page_time(row, "at", list.rows[i].at);
		tmplrow_setf(
		    page->row, "last_id", "%lld", (long long)list.rows[i].id);
	}
	audits_list_release(&list);
	return OK;
}

int
admin_options_activity(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill_activity(&page)) == OK) {
		tmplrow_flag(page.row, "in_activity", true);
		r = admin_page_send(&page, "activity", "Activity", resp);
	}
	admin_page_release(&page);
	return r;
}
