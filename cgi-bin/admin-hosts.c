#include "admin-hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin-activities.h"
#include "admin/admin_enrollment.h"
#include "admin/admin_host.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/events.h"
#include "store/host_list.h"

#define COMMANDS_SHOWN    20
#define ENROLLMENTS_SHOWN 10
#define STEPS_LOOKED_AT   20
#define ALARMS_SHOWN      20
#define DAYS_MAX          36500

static const char *const filters[] = { "q", "attested", "state", "product", "os",
	"certificate_days", "sort", "order", NULL };

/* What the words of the table look like on a page. */
static const char *
state_text(enum host_state state)
{
	switch (state) {
	case HOST_PENDING:
		return "Enrolling";
	case HOST_ENROLLED:
		return "Enrolled";
	case HOST_UNENROLLED:
		return "Unenrolled";
	case HOST_BLOCKED:
		return "Blocked";
	}
	return "";
}

/* True only of what is enrolled now, with an attested identity. */
static bool
is_attested(const struct host *h)
{
	return h->state == HOST_ENROLLED && h->hardware_attested;
}

static const char *
name_of(const struct host *h)
{
	if (h->device_name[0] != '\0')
		return h->device_name;
	return h->device.serial;
}

static const char *
model_of(const struct host *h)
{
	if (h->model_name[0] != '\0')
		return h->model_name;
	return h->device.product[0] != '\0' ? h->device.product : h->model;
}

static void
fill_host(struct tmpl_row *row, const struct host *h)
{
	tmplrow_set(row, "id", h->id);
	tmplrow_set(row, "name", name_of(h));
	tmplrow_set(row, "serial", h->device.serial);
	tmplrow_set(row, "udid", h->device.udid);
	tmplrow_set(row, "model", model_of(h));
	tmplrow_set(row, "product", h->device.product);
	tmplrow_set(row, "os_version", h->device.os_version);
	tmplrow_set(row, "build_version", h->device.build_version);
	tmplrow_set(row, "account", h->account);
	tmplrow_set(row, "state", hosts_state_name(h->state));
	tmplrow_set(row, "state_text", state_text(h->state));
	tmplrow_flag(row, "attested", is_attested(h));
	tmplrow_flag(row, "pushable", h->push_token_len > 0);
	tmplrow_flag(row, "bootstrap_token", h->has_bootstrap_token);
	admin_page_time(row, "enrolled_at", h->enrolled_at);
	admin_page_time(row, "seen_at", h->last_seen_at);
	admin_page_link(
	    row, "events", "/admin/serial", "serial", h->device.serial);
}

static enum host_attested
asked_attested(const struct admin_page *page)
{
	const char *text = form_text(page->query, "attested");

	if (strcmp(text, "yes") == 0)
		return HOST_ATTESTED;
	return strcmp(text, "no") == 0 ? HOST_NOT_ATTESTED : HOST_ANY;
}

static int
fill_counts(struct admin_page *page)
{
	struct host_counts c;
	int r = hosts_count(page->app->context.db, &c);

	if (r != OK)
		return r;
	tmplrow_setf(page->row, "enrolled", "%lld", (long long)c.enrolled);
	tmplrow_setf(
	    page->row, "attested_count", "%lld", (long long)c.attested);
	tmplrow_setf(
	    page->row, "unattested_count", "%lld", (long long)c.not_attested);
	tmplrow_setf(page->row, "known", "%lld", (long long)c.total);
	return OK;
}

/* The links that choose by attestation keep the search. */
static void
fill_filter(struct admin_page *page, enum host_attested attested)
{
	const char *q = form_text(page->query, "q");

	tmplrow_set(page->row, "q", q);
	tmplrow_set(page->row, "attested_asked",
	    attested == HOST_ATTESTED           ? "yes"
		: attested == HOST_NOT_ATTESTED ? "no"
						: "");
	tmplrow_flag(page->row, "filter_any", attested == HOST_ANY);
	tmplrow_flag(page->row, "filter_yes", attested == HOST_ATTESTED);
	tmplrow_flag(page->row, "filter_no", attested == HOST_NOT_ATTESTED);
	tmplrow_flag(
	    page->row, "filtered", attested != HOST_ANY || q[0] != '\0');
	admin_page_link(page->row, "any", "/admin/hosts", "q", q);
	admin_page_link(page->row, "yes", "/admin/hosts?attested=yes", "q", q);
	admin_page_link(page->row, "no", "/admin/hosts?attested=no", "q", q);
}

/* What the URL asks for; products[0] is set, products[1] ends the list. */
static struct host_filter
asked_filter(const struct admin_page *page, const char *products[2])
{
	long days =
	    strtol(form_text(page->query, "certificate_days"), NULL, 10);
	struct host_filter filter = {
		.search = form_text(page->query, "q"),
		.attested = asked_attested(page),
		.state = form_text(page->query, "state"),
		.os_version = form_text(page->query, "os"),
		.products = products,
		.certificate_ends_before =
		    days > 0 && days <= DAYS_MAX
		    ? clock_now() + (int64_t)days * 86400
		    : 0,
		.descending =
		    strcmp(form_text(page->query, "order"), "desc") == 0,
		.cursor = form_text(page->query, "after"),
		.limit = ADMIN_PAGE_ROWS,
	};

	products[0] = form_text(page->query, "product");
	products[1] = NULL;
	(void)host_list_find_sort(form_text(page->query, "sort"), &filter.sort);
	return filter;
}

static int
fill_list(struct admin_page *page)
{
	const char *products[2];
	struct host_filter filter = asked_filter(page, products);
	struct host_list list;
	size_t i;
	int r;

	if ((r = host_list_load(page->app->context.db, &filter, &list)) != OK)
		return r;
	for (i = 0; i < list.n; i++)
		fill_host(tmplrow_add(page->row, "hosts"), &list.rows[i]);
	fill_filter(page, filter.attested);
	tmplrow_flag(page->row, "shown", list.n > 0);
	tmplrow_flag(page->row, "partial", list.partial);
	tmplrow_flag(page->row, "unsorted", list.unsorted);
	tmplrow_setf(page->row, "looked_at", "%d", HOST_LIST_LOOKED_AT);
	tmplrow_setf(page->row, "sorted_at_most", "%d", HOST_LIST_SORTED);
	admin_page_cursor(page, "/admin/hosts", filters, list.next);
	host_list_release(&list);
	return OK;
}

int
admin_hosts_list(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	int r;

	if ((r = admin_page_init(&page, app, req)) != OK ||
	    (r = fill_counts(&page)) != OK || (r = fill_list(&page)) != OK)
		goto done;
	tmplrow_flag(page.row, "in_hosts", true);
	r = admin_page_send(&page, "hosts", "Hosts", resp);
done:
	admin_page_release(&page);
	return r;
}

static void
fill_evidence(struct tmpl_row *row, const struct attestation_row *a)
{
	admin_page_time(row, "verified_at", a->verified_at);
	admin_page_time(row, "leaf_not_before", a->leaf_not_before);
	admin_page_time(row, "leaf_not_after", a->leaf_not_after);
	tmplrow_set(row, "os_version", a->os_version);
	tmplrow_set(row, "sepos_version", a->sepos_version);
	tmplrow_set(row, "llb_version", a->llb_version);
	tmplrow_set(row, "sip", a->sip);
	tmplrow_set(row, "secure_boot", a->secure_boot);
	tmplrow_set(row, "kernel_extensions", a->kernel_extensions);
	admin_page_hex(
	    row, "key", blob_of(a->spki_sha256, sizeof a->spki_sha256));
}

/* What became of the last push. */
static void
fill_push(struct tmpl_row *row, const struct push *push)
{
	char answer[PUSHES_REASON_TEXT + 16];

	snprintf(answer, sizeof answer, "%d %s", push->last_status,
	    push->last_reason);
	admin_page_time(row, "push_at", push->last_push_at);
	tmplrow_set(row, "push_answer", push->last_status == 0 ? "" : answer);
	tmplrow_flag(row, "push_dead", push->dead_at != 0);
}

/* When its renewal is due, or how far it is. */
static void
fill_renewal(struct tmpl_row *row, const struct admin_host_details *d)
{
	bool open = d->renewal.enrollment_id[0] != '\0';

	tmplrow_flag(row, "renewable", true);
	tmplrow_flag(row, "renewal_open", open);
	admin_page_time(
	    row, "renewal_at", open ? d->renewal.opened_at : d->renewal_due_at);
	tmplrow_set(row, "renewal_error", d->renewal.last_error);
	admin_page_time(row, "next_try_at", d->renewal.next_try_at);
}

static void
fill_certificate(struct tmpl_row *row, const struct certificate *c)
{
	admin_page_hex(row, "sha256", blob_of(c->sha256, sizeof c->sha256));
	admin_page_hex(
	    row, "number", blob_of(c->serial_number, c->serial_number_len));
	tmplrow_set(
	    row, "certificate_state", certificates_state_name(c->state));
	admin_page_time(row, "not_before", c->not_before);
	admin_page_time(row, "not_after", c->not_after);
	tmplrow_set(row, "method", c->order_id[0] != '\0' ? "ACME" : "SCEP");
	tmplrow_set(row, "enrollment", c->enrollment_id);
}

/* The identity in use, and what Apple said when it was made. */
static int
fill_details(struct admin_page *page, const struct host *h)
{
	struct admin_host_details d;
	struct tmpl_row *row;
	int r;

	r = admin_host_load(
	    page->app->context.conf, page->app->context.db, h, &d);
	if (r == OK && d.has_certificate) {
		row = tmplrow_add(page->row, "certificate");
		fill_certificate(row, &d.certificate);
		if (h->state == HOST_ENROLLED) {
			fill_renewal(row, &d);
			fill_push(row, &d.push);
		}
	}
	if (r == OK && d.has_evidence)
		fill_evidence(tmplrow_add(page->row, "evidence"), &d.evidence);
	admin_host_release(&d);
	return r;
}

static int
fill_alarms(struct admin_page *page, const struct host *h)
{
	struct alarm_list list;
	struct tmpl_row *row;
	size_t i;
	int r;

	r = alarms_list_by_serial(
	    page->app->context.db, h->device.serial, ALARMS_SHOWN, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n; i++) {
		row = tmplrow_add(page->row, "host_alarms");
		tmplrow_set(row, "text", list.rows[i].text);
		admin_page_time(row, "raised_at", list.rows[i].raised_at);
	}
	alarms_list_release(&list);
	return OK;
}

/* The newest refusal of this serial number, and what to do about it. */
static int
fill_refusal(struct admin_page *page, const struct host *h)
{
	struct event_list list;
	struct tmpl_row *row;
	size_t i;
	int r;

	r = events_list_by_serial(
	    page->app->context.db, h->device.serial, STEPS_LOOKED_AT, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n && list.rows[i].outcome == EVENT_OK; i++)
		;
	if (i < list.n) {
		row = tmplrow_add(page->row, "refusal");
		admin_page_time(row, "at", list.rows[i].at);
		tmplrow_set(row, "reason", list.rows[i].reason);
		tmplrow_set(row, "code", list.rows[i].code);
		tmplrow_set(
		    row, "advice", err_advice(err_find(list.rows[i].code)));
	}
	events_list_release(&list);
	return OK;
}

static const char *
command_text(enum command_state state)
{
	switch (state) {
	case COMMAND_NOT_NOW:
		return "not now";
	case COMMAND_FORMAT_ERROR:
		return "format error";
	default:
		return commands_state_name(state);
	}
}

static int
fill_commands(struct admin_page *page, const struct host *h)
{
	struct command_list list;
	struct tmpl_row *row;
	size_t i;
	int r;

	r = commands_list(
	    page->app->context.db, h->id, NULL, COMMANDS_SHOWN, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n; i++) {
		row = tmplrow_add(page->row, "commands");
		tmplrow_set(row, "uuid", list.rows[i].uuid);
		tmplrow_set(row, "type", list.rows[i].request_type);
		tmplrow_set(row, "command_state",
		    commands_state_name(list.rows[i].state));
		tmplrow_set(
		    row, "command_text", command_text(list.rows[i].state));
		tmplrow_set(row, "note", list.rows[i].note);
		tmplrow_set(row, "by", list.rows[i].created_by);
		admin_page_time(row, "created_at", list.rows[i].created_at);
		admin_page_time(row, "completed_at", list.rows[i].completed_at);
	}
	tmplrow_flag(page->row, "has_commands", list.n > 0);
	commands_list_release(&list);
	return OK;
}

static int
fill_enrollments(struct admin_page *page, const struct host *h)
{
	struct enrollment_list list;
	struct tmpl_row *row;
	const char *status;
	size_t i;
	int r;

	r = enrollments_list_by_serial(
	    page->app->context.db, h->device.serial, ENROLLMENTS_SHOWN, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n && r == OK; i++) {
		r = admin_enrollment_status(
		    page->app->context.db, &list.rows[i], &status);
		row = tmplrow_add(page->row, "enrollments");
		tmplrow_set(row, "enrollment", list.rows[i].id);
		tmplrow_set(row, "enrollment_state", status);
		admin_page_time(row, "created_at", list.rows[i].created_at);
	}
	enrollments_list_release(&list);
	return r;
}

int
admin_hosts_show(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	struct host h;
	int r;

	if ((r = admin_page_init(&page, app, req)) != OK ||
	    (r = hosts_load(
		 page.app->context.db, req_path_param(req, "id"), &h)) != OK)
		goto done;
	fill_host(page.row, &h);
	if ((r = fill_details(&page, &h)) != OK ||
	    (r = fill_alarms(&page, &h)) != OK ||
	    (r = fill_refusal(&page, &h)) != OK ||
	    (r = fill_commands(&page, &h)) != OK ||
	    (r = fill_enrollments(&page, &h)) != OK ||
	    (r = admin_activities_fill_host(&page, h.device.serial)) != OK)
		goto done;
	tmplrow_flag(page.row, "in_hosts", true);
	r = admin_page_send(&page, "host", name_of(&h), resp);
done:
	admin_page_release(&page);
	return r;
}
