#include "admin-overview.h"

#include "admin-chart.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/ade_accounts.h"
#include "store/alarms.h"
#include "store/counters.h"
#include "store/jobs.h"
#include "store/push_certificate.h"
#include "store/settings.h"

#define DAY          INT64_C(86400)
#define ALARMS_SHOWN 5
#define ENDING_DAYS  30
#define REFUSED_DAYS 7

static void
set_number(struct tmpl_row *row, const char *name, int64_t n)
{
	tmplrow_setf(row, name, "%lld", (long long)n);
}

static int
fill_hosts(struct admin_page *page, struct host_counts *c)
{
	struct db *db = page->app->context.db;
	struct daily_hosts_list days;
	int r;

	if ((r = hosts_count(db, c)) != OK ||
	    (r = daily_list_hosts(
		 db, clock_now() - DAILY_KEPT * DAY, &days)) != OK)
		return r;
	set_number(page->row, "enrolled", c->enrolled);
	set_number(page->row, "attested", c->attested);
	set_number(page->row, "not_attested", c->not_attested);
	set_number(page->row, "pending", c->pending);
	set_number(page->row, "unenrolled", c->unenrolled);
	set_number(page->row, "blocked", c->blocked);
	admin_chart_fill(page->row, &days, c);
	daily_list_hosts_release(&days);
	return OK;
}

/* counters_certificates_ending() stops counting at COUNTERS_MOST. */
static int
fill_ending(struct admin_page *page)
{
	int64_t n;
	int r = counters_certificates_ending(page->app->context.db,
	    clock_now() + ENDING_DAYS * DAY, &n);

	if (r != OK)
		return r;
	tmplrow_flag(page->row, "any_ending", n > 0);
	tmplrow_setf(page->row, "ending", "%s%lld",
	    n >= COUNTERS_MOST ? "at least " : "", (long long)n);
	return OK;
}

static int
fill_refusals(struct admin_page *page)
{
	struct daily_refusals_list list;
	struct tmpl_row *row;
	int code, r;

	r = daily_list_refusals(page->app->context.db,
	    clock_now() - (REFUSED_DAYS - 1) * DAY, &list);
	if (r != OK)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		row = tmplrow_add(page->row, "refusals");
		code = err_find(list.rows[i].code);
		tmplrow_set(row, "code", list.rows[i].code);
		tmplrow_set(row, "text", err_text(code));
		tmplrow_set(row, "advice", err_advice(code));
		set_number(row, "count", list.rows[i].refusals);
		admin_page_link(
		    row, "code", "/admin/refusals", "q", list.rows[i].code);
	}
	tmplrow_flag(page->row, "any_refused", list.n > 0);
	daily_list_refusals_release(&list);
	return OK;
}

static int
fill_alarms(struct admin_page *page)
{
	struct alarm_list list;
	struct tmpl_row *row;
	int r = alarms_list(
	    page->app->context.db, false, 0, ALARMS_SHOWN + 1, &list);

	if (r != OK)
		return r;
	for (size_t i = 0; i < list.n && i < ALARMS_SHOWN; i++) {
		row = tmplrow_add(page->row, "open_alarms");
		tmplrow_set(row, "text", list.rows[i].text);
		tmplrow_set(row, "serial", list.rows[i].serial);
		admin_page_link(row, "events", "/admin/serial", "serial",
		    list.rows[i].serial);
		admin_page_time(row, "raised_at", list.rows[i].raised_at);
	}
	tmplrow_flag(page->row, "more_alarms", list.n > ALARMS_SHOWN);
	alarms_list_release(&list);
	return OK;
}

static int
fill_jobs(struct admin_page *page)
{
	char silent[JOBS_TEXT];
	struct job_list list;
	struct tmpl_row *row;
	int r = jobs_list(page->app->context.db, &list);

	if (r != OK)
		return r;
	jobs_are_silent(&list, clock_now(), silent, sizeof silent);
	tmplrow_set(page->row, "silent", silent);
	for (size_t i = 0; i < list.n; i++) {
		if (list.rows[i].failures == 0)
			continue;
		row = tmplrow_add(page->row, "failing_jobs");
		tmplrow_set(row, "name", list.rows[i].name);
		tmplrow_set(row, "last_error", list.rows[i].last_error);
		set_number(row, "failures", list.rows[i].failures);
		tmplrow_flag(row, "again", list.rows[i].failures > 1);
	}
	jobs_list_release(&list);
	return OK;
}

static int
has_business(struct db *db, bool *out)
{
	struct ade_account_list list;
	int r = ade_accounts_list(db, &list);

	*out = false;
	for (size_t i = 0; r == OK && i < list.n; i++)
		*out = *out || list.rows[i].consumer_key[0] != '\0';
	ade_accounts_list_release(&list);
	return r;
}

/* What is still to be done on a new server, in this order. */
static int
fill_steps(struct admin_page *page, const struct host_counts *c)
{
	const struct context *x = &page->app->context;
	struct push_certificate certificate;
	bool business, required;
	int push = push_certificate_load(x->db, &certificate);
	int r = push == ERR_NOT_FOUND ? OK : push;

	if (r != OK || (r = has_business(x->db, &business)) != OK ||
	    (r = settings_get_bool(x->db, x->conf,
		 SETTINGS_REQUIRE_ATTESTATION, &required)) != OK)
		return r;
	/* devices may all come by links, and need not attest */
	tmplrow_flag(page->row, "guide", push != OK || c->total == 0);
	tmplrow_flag(page->row, "has_push", push == OK);
	tmplrow_flag(page->row, "has_business", business);
	tmplrow_flag(page->row, "has_hosts", c->total > 0);
	tmplrow_flag(page->row, "has_requirement", required);
	tmplrow_flag(page->row, "premium", x->conf->premium);
	return OK;
}

static int
fill(struct admin_page *page)
{
	struct host_counts c;
	int r;

	if ((r = fill_hosts(page, &c)) != OK ||
	    (r = fill_steps(page, &c)) != OK || (r = fill_ending(page)) != OK ||
	    (r = fill_refusals(page)) != OK || (r = fill_alarms(page)) != OK)
		return r;
	return fill_jobs(page);
}

int
admin_overview_show(void *app, const struct req *req, struct resp *resp)
{
	static const struct admin_page_view view = { .template = "overview",
		.title = "Overview",
		.section = "in_overview",
		.fill = fill };

	return admin_page_show(app, req, &view, resp);
}
