#include "admin-host-page.h"

#include <stdio.h>

#include "admin-activities.h"
#include "admin-command-page.h"
#include "admin-host-acts.h"
#include "admin-hosts.h"
#include "admin/admin_enrollment.h"
#include "admin/admin_host.h"
#include "base/err.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/events.h"

#define COMMANDS_SHOWN    20
#define ENROLLMENTS_SHOWN 10
#define STEPS_LOOKED_AT   20
#define ALARMS_SHOWN      20

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
	tmplrow_flag(row, "revocable", c->state != CERTIFICATE_REVOKED);
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
		tmplrow_set(row, "command_text",
		    admin_command_page_state(list.rows[i].state));
		tmplrow_set(row, "note", list.rows[i].note);
		tmplrow_set(row, "by", list.rows[i].created_by);
		tmplrow_flag(row, "waiting",
		    commands_is_waiting(list.rows[i].state));
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
		tmplrow_set(row, "enrollment",
		    admin_enrollment_id(page->session.role, &list.rows[i]));
		tmplrow_set(row, "enrollment_state", status);
		admin_page_time(row, "created_at", list.rows[i].created_at);
	}
	enrollments_list_release(&list);
	return r;
}

static int
fill(struct admin_page *page, const struct host *h)
{
	int r;

	admin_hosts_fill(page->row, h);
	admin_host_acts_fill(page, h);
	if ((r = fill_details(page, h)) != OK ||
	    (r = fill_alarms(page, h)) != OK ||
	    (r = fill_refusal(page, h)) != OK ||
	    (r = fill_commands(page, h)) != OK ||
	    (r = fill_enrollments(page, h)) != OK)
		return r;
	return admin_activities_fill_host(page, h->device.serial);
}

int
admin_host_page_send(struct admin_app *app, const struct req *req, int code,
    struct resp *resp)
{
	struct admin_page page;
	struct host h;
	int r;

	if ((r = admin_page_init(&page, app, req)) == OK &&
	    (r = hosts_load(
		 app->context.db, req_path_param(req, "id"), &h)) == OK &&
	    (r = fill(&page, &h)) == OK) {
		admin_page_problem(&page, code);
		tmplrow_flag(page.row, "in_hosts", true);
		r = admin_page_send(&page, "host", admin_hosts_name(&h), resp);
	}
	admin_page_release(&page);
	return r;
}

int
admin_host_page_show(void *app, const struct req *req, struct resp *resp)
{
	return admin_host_page_send(app, req, OK, resp);
}
