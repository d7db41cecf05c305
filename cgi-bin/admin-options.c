#include "admin-options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-consequences.h"
#include "admin/admin_business.h"
#include "base/err.h"
#include "policy/product.h"

/* Only what a browser may follow becomes a link. */
static bool
is_web_address(const char *url)
{
	return strncmp(url, "https://", strlen("https://")) == 0;
}

/*
 * Each system's minimum version; `typed` is a form that was refused, or NULL.
 */
static int
fill_minimums(struct admin_page *page, const struct form *typed)
{
	const struct conf *conf = page->app->context.conf;
	char stored[SETTINGS_VALUE_TEXT];
	const char *name, *value;
	struct tmpl_row *row;
	int r, s;

	for (s = SYSTEM_UNKNOWN + 1; s < PRODUCT_SYSTEMS; s++) {
		name = product_minimum_setting(s);
		r = settings_get_text(
		    page->app->context.db, conf, name, stored);
		if (r != OK)
			return r;
		value = typed != NULL ? form_get(typed, name) : NULL;
		row = tmplrow_add(page->row, "minimums");
		tmplrow_set(row, "name", name);
		tmplrow_set(row, "system", product_system_name(s));
		tmplrow_set(row, "value", value != NULL ? value : stored);
		tmplrow_flag(row, "wrong",
		    value != NULL &&
			settings_check(conf, SETTINGS_BY_GITOPS, name, value) !=
			    OK);
	}
	return OK;
}

/* Each setting that is on or off, and each word of a choice: NAME_WORD. */
static int
fill_flags(struct admin_page *page)
{
	char value[SETTINGS_VALUE_TEXT], flag[SETTINGS_VALUE_TEXT];
	const struct settings_entry *e;
	const char *const *word;
	size_t i;
	int r;

	for (i = 0; (e = settings_entry(i)) != NULL; i++) {
		if ((r = settings_get_text(page->app->context.db,
			 page->app->context.conf, e->name, value)) != OK)
			return r;
		if (e->type == SETTINGS_BOOL)
			tmplrow_flag(
			    page->row, e->name, strcmp(value, "true") == 0);
		for (word = e->words; word != NULL && *word != NULL; word++) {
			snprintf(flag, sizeof flag, "%s_%s", e->name, *word);
			tmplrow_flag(
			    page->row, flag, strcmp(value, *word) == 0);
		}
	}
	return OK;
}

/* Who still has the profile of before at Apple Business. */
static int
fill_profiles(struct admin_page *page)
{
	const struct context *c = &page->app->context;
	struct ade_device_counts counts;
	struct ade_account_list list;
	struct tmpl_row *row;
	bool defined;
	int r = ade_accounts_list(c->db, &list);

	for (size_t i = 0; i < list.n && r == OK; i++) {
		r = admin_business_count(
		    c->db, c->conf, &list.rows[i], &defined, &counts);
		if (r != OK)
			break;
		row = tmplrow_add(page->row, "accounts");
		tmplrow_set(row, "account", list.rows[i].name);
		tmplrow_setf(row, "new", "%" PRId64, counts.wanted);
		tmplrow_setf(row, "all", "%" PRId64, counts.devices);
		tmplrow_set(row, "old", "");
		if (counts.other > 0)
			tmplrow_setf(row, "old", "%" PRId64, counts.other);
	}
	ade_accounts_list_release(&list);
	return r;
}

static int
fill_settings(struct admin_page *page, const struct form *typed)
{
	const struct conf *conf = page->app->context.conf;
	int r;

	if ((r = fill_flags(page)) != OK ||
	    (r = fill_minimums(page, typed)) != OK ||
	    (r = fill_profiles(page)) != OK)
		return r;
	tmplrow_flag(page->row, "premium", conf->premium);
	tmplrow_flag(page->row, "gitops", conf->gitops_mode_enabled);
	tmplrow_flag(page->row, "locked",
	    conf->gitops_mode_enabled ||
		!admin_actor_may(page->session.role, ADMIN_CHANGE_SETTINGS));
	tmplrow_set(page->row, "repository_url",
	    is_web_address(conf->repository_url) ? conf->repository_url : "");
	return OK;
}

static int
send_settings(struct admin_page *page, int code, struct resp *resp)
{
	page->code = code;
	tmplrow_set(page->row, "problem", code != OK ? err_text(code) : "");
	tmplrow_flag(page->row, "saved",
	    code == OK && form_get(page->query, "saved") != NULL);
	tmplrow_flag(page->row, "in_settings", true);
	return admin_page_send(page, "settings", "Settings", resp);
}

int
admin_options_show(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill_settings(&page, NULL)) == OK)
		r = send_settings(&page, OK, resp);
	admin_page_release(&page);
	return r;
}

/* The page again, with what was typed and why it was not taken. */
static int
refuse(struct admin_app *app, const struct req *req, int code,
    const struct form *typed, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill_settings(&page, typed)) == OK)
		r = send_settings(&page, code, resp);
	admin_page_release(&page);
	return r;
}

/*
 * Sets the settings `names`, which end with NULL, from a form: all or none. One
 * that the form lacks is left alone.
 */
static int
store(const struct admin_actor *actor, const struct form *form,
    const char *const *names)
{
	struct admin_setting all[PRODUCT_SYSTEMS];
	const char *value;
	size_t n = 0;

	for (; *names != NULL && n < PRODUCT_SYSTEMS; names++) {
		value = form_get(form, *names);
		if (value != NULL)
			all[n++] = (struct admin_setting){ *names, value };
	}
	return admin_setting_set(actor, all, n, false);
}

/* One setting; what it means is shown first where it matters. */
static int
store_one(const struct admin_actor *actor, struct admin_app *app,
    const struct req *req, const struct form *form, struct resp *resp,
    bool *shown)
{
	const char *name = req_path_param(req, "setting");
	const char *value = form_get(form, name);
	struct admin_setting one = { name, value != NULL ? value : "false" };
	struct admin_preview preview;
	int r;

	r = admin_consequences_needed(actor, &one, form, &preview, shown);
	if (r != OK)
		return r;
	return *shown
	    ? admin_consequences_send(app, req, &one, form, &preview, resp)
	    : admin_setting_set(actor, &one, 1, false);
}

/* NULL names: the one in the path. */
static int
set(struct admin_app *app, const struct req *req, const char *const *names,
    struct resp *resp)
{
	struct admin_actor actor;
	struct session session;
	struct form *form;
	bool shown = false;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	actor = admin_page_actor(app, &session);
	r = names != NULL ? store(&actor, form, names)
			  : store_one(&actor, app, req, form, resp, &shown);
	if (r == OK && !shown)
		r = resp_redirect(resp, "/admin/settings?saved=1");
	else if (r != OK && err_http_status(r) < 500)
		r = refuse(app, req, r, form, resp);
	form_free(form);
	return r;
}

/* A box that is not ticked sends nothing. */
int
admin_options_set(void *app, const struct req *req, struct resp *resp)
{
	return set(app, req, NULL, resp);
}

int
admin_options_set_minimum_os(
    void *app, const struct req *req, struct resp *resp)
{
	const char *names[PRODUCT_SYSTEMS] = { NULL };
	int s;

	for (s = SYSTEM_UNKNOWN + 1; s < PRODUCT_SYSTEMS; s++)
		names[s - 1] = product_minimum_setting(s);
	return set(app, req, names, resp);
}
