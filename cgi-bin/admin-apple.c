#include "admin-apple.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin_business.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/jobs.h"
#include "store/push_certificate.h"

#define PATH "/admin/apple"

/* What ends within this many seconds is to be renewed. */
#define SOON (30 * 86400)

/* NAME_over, NAME_soon: has it ended, will it shortly? */
static void
fill_end(struct tmpl_row *row, const char *over, const char *soon, int64_t end)
{
	int64_t left = end - clock_now();

	tmplrow_flag(row, over, left <= 0);
	tmplrow_flag(row, soon, left > 0 && left <= SOON);
}

static int
fill_push(struct admin_page *page)
{
	struct push_certificate push;
	int r = push_certificate_load(page->app->context.db, &push);

	tmplrow_set(page->row, "conf_topic", page->app->context.conf->topic);
	tmplrow_flag(page->row, "push_missing", r == ERR_NOT_FOUND);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	tmplrow_flag(page->row, "push", true);
	tmplrow_set(page->row, "topic", push.topic);
	tmplrow_set(page->row, "imported_by", push.imported_by);
	tmplrow_flag(page->row, "stopped", push.stopped_at != 0);
	tmplrow_set(page->row, "stop_reason", push.stop_reason);
	fill_end(page->row, "push_over", "push_soon", push.not_after);
	admin_page_hex(
	    page->row, "push_sha256", blob_of(push.sha256, sizeof push.sha256));
	admin_page_time(page->row, "push_end", push.not_after);
	admin_page_time(page->row, "imported_at", push.imported_at);
	admin_page_time(page->row, "stopped_at", push.stopped_at);
	return OK;
}

/* How the last fetch of its list went, in one word for the chip. */
static const char *
sync_state(const struct ade_account *a)
{
	if (a->sync_error[0] != '\0')
		return "failed";
	return a->synced_at != 0 ? "ok" : "never";
}

/* The first thing that keeps its devices from coming here. */
static const char *
next_step(const struct ade_account *a)
{
	if (a->consumer_key[0] == '\0')
		return "token";
	if (a->token_expires_at <= clock_now())
		return "renew";
	if (a->held_at != 0)
		return "confirm";
	return a->assign_approved_at == 0 ? "assign" : "";
}

static void
fill_step(struct tmpl_row *row, const struct ade_account *a)
{
	static const char *const steps[] = { "token", "renew", "confirm",
		"assign", "" };
	const char *next = next_step(a);
	char flag[32];

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		snprintf(flag, sizeof flag, "next_%s",
		    *steps[i] != '\0' ? steps[i] : "none");
		tmplrow_flag(row, flag, strcmp(steps[i], next) == 0);
	}
}

static void
fill_account(struct tmpl_row *row, const struct ade_account *a,
    const struct ade_device_counts *counts)
{
	tmplrow_set(row, "account", a->name);
	tmplrow_set(row, "server_name", a->server_name);
	tmplrow_set(row, "organization_name", a->organization);
	tmplrow_flag(row, "has_token", a->consumer_key[0] != '\0');
	if (a->consumer_key[0] != '\0')
		fill_end(row, "token_over", "token_soon", a->token_expires_at);
	tmplrow_setf(row, "devices", "%" PRId64, counts->devices);
	tmplrow_setf(row, "assigned", "%" PRId64, counts->wanted);
	tmplrow_set(row, "sync_state", sync_state(a));
	tmplrow_set(row, "sync_error", a->sync_error);
	tmplrow_set(row, "assign_error", a->assign_error);
	admin_page_time(row, "token_end", a->token_expires_at);
	admin_page_time(row, "synced_at", a->synced_at);
	admin_page_time(row, "sync_next_at", a->sync_next_at);
	fill_step(row, a);
}

/* Those after the name in the URL, as many as a page has. */
static int
fill_rows(struct admin_page *page, const struct ade_account_list *list)
{
	const char *after = form_text(page->query, "after"), *last = "";
	const struct context *c = &page->app->context;
	struct ade_device_counts counts;
	bool defined;
	int shown = 0, r;

	if (*after != '\0')
		tmplrow_set(page->row, "first_url", PATH);
	for (size_t i = 0; i < list->n; i++) {
		const struct ade_account *a = &list->rows[i];

		if (strcmp(a->name, after) <= 0)
			continue;
		if (shown++ == ADMIN_PAGE_ROWS) {
			admin_page_link(page->row, "next", PATH, "after", last);
			break;
		}
		r = admin_business_count(c->db, c->conf, a, &defined, &counts);
		if (r != OK)
			return r;
		fill_account(tmplrow_add(page->row, "accounts"), a, &counts);
		last = a->name;
	}
	return OK;
}

static int
fill_accounts(struct admin_page *page)
{
	struct ade_account_list list;
	bool any_token = false;
	int r = ade_accounts_list(page->app->context.db, &list);

	if (r != OK)
		return r;
	for (size_t i = 0; i < list.n; i++)
		any_token = any_token || list.rows[i].consumer_key[0] != '\0';
	tmplrow_flag(page->row, "any", list.n > 0);
	tmplrow_flag(page->row, "syncs",
	    any_token &&
		admin_actor_may(page->session.role, ADMIN_CHANGE_HOSTS));
	r = fill_rows(page, &list);
	ade_accounts_list_release(&list);
	return r;
}

/* The worker's job behind the button. */
static int
fill_job(struct admin_page *page)
{
	struct job_list list;
	char silent[JOBS_TEXT];
	int r = jobs_list(page->app->context.db, &list);

	if (r != OK)
		return r;
	jobs_are_silent(&list, clock_now(), silent, sizeof silent);
	tmplrow_set(page->row, "silent", silent);
	for (size_t i = 0; i < list.n; i++)
		if (strcmp(list.rows[i].name, "sync") == 0)
			tmplrow_flag(page->row, "running",
			    jobs_is_running(&list.rows[i], clock_now()));
	jobs_list_release(&list);
	return OK;
}

/* `code` is why nothing is fetched, or OK. */
static int
show(struct admin_app *app, const struct req *req, int code, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = fill_push(&page)) == OK && (r = fill_accounts(&page)) == OK &&
	    (r = fill_job(&page)) == OK) {
		admin_page_problem(&page, code);
		tmplrow_flag(page.row, "asked",
		    code == OK && form_get(page.query, "asked") != NULL);
		tmplrow_flag(
		    page.row, "mdm_off", !app->context.conf->mdm_enabled);
		tmplrow_flag(page.row, "in_apple", true);
		r = admin_page_send(&page, "apple", "Apple", resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_apple_show(void *app, const struct req *req, struct resp *resp)
{
	return show(app, req, OK, resp);
}

int
admin_apple_sync(void *p, const struct req *req, struct resp *resp)
{
	struct admin_app *app = p;
	struct admin_actor actor;
	struct session session;
	struct form *form;
	int64_t asked_at;
	int r;

	if ((r = admin_page_form(app, req, &session, &form)) != OK)
		return r;
	form_free(form);
	actor = admin_page_actor(app, &session);
	if ((r = admin_business_sync_now(&actor, &asked_at)) == OK)
		return resp_redirect(resp, PATH "?asked=1");
	return r == ERR_NOT_FOUND ? show(app, req, r, resp) : r;
}
