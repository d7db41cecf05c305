#include "admin-enrollments.h"

#include <stdlib.h>
#include <string.h>

#include "admin/admin_enrollment.h"
#include "base/err.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "store/hosts.h"
#include "store/events.h"

#define SERIAL_STEPS 100

static const char *const filters[] = { "q", NULL };

/* The text beside `name`; `name` itself when there is none. */
static const char *
text_of(const char *const texts[][2], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(texts[i][0], name) == 0)
			return texts[i][1];
	return name;
}

/* What a step of the event log is called on a page; others by their own name.
 */
static const char *
step_text(const char *step)
{
	static const char *const texts[][2] = {
		{ "profile", "Enrollment profile" },
		{ "account", "ACME account" },
		{ "order", "Certificate order" },
		{ "challenge", "Hardware attestation" },
		{ "finalize", "Certificate request" },
		{ "scep", "Certificate by SCEP" },
		{ "scep-again", "Certificate by SCEP, asked again" },
		{ "renewal", "Renewal" },
		{ "key-change", "ACME key change" },
		{ "revocation", "Revocation" },
		{ "certificate", "Certificate" },
		{ "authenticate", "First check-in" },
		{ "token-update", "Enrollment completed" },
		{ "check-out", "Left management" },
		{ "check-in", "Check-in" },
		{ "command", "Command" },
		{ "request", "ACME request" },
	};

	return text_of(texts, sizeof texts / sizeof texts[0], step);
}

static void
fill_step(const struct admin_page *page, struct tmpl_row *row,
    const struct event_row *t)
{
	tmplrow_set(row, "step", t->step);
	tmplrow_set(row, "step_text", step_text(t->step));
	tmplrow_set(row, "outcome", events_outcome_name(t->outcome));
	tmplrow_flag(row, "bad", t->outcome != EVENT_OK);
	tmplrow_set(row, "code", t->code);
	tmplrow_set(row, "reason", t->reason);
	tmplrow_set(row, "advice", err_advice(err_find(t->code)));
	tmplrow_set(row, "address", t->remote_address);
	tmplrow_set(row, "serial", t->serial);
	/* it may be open, see admin_enrollment_id() */
	if (admin_actor_may(page->session.role, ADMIN_CHANGE_HOSTS))
		tmplrow_set(row, "enrollment", t->enrollment_id);
	admin_page_time(row, "at", t->at);
	admin_page_link(row, "events", "/admin/serial", "serial", t->serial);
}

/* What admin_enrollment_status() says, in words for people. */
static const char *
status_text(const char *status)
{
	static const char *const texts[][2] = {
		{ "open", "Open" },
		{ "refused", "Refused" },
		{ "expired", "Expired" },
		{ "issued", "Certificate issued" },
		{ "enrolled", "Enrolled" },
		{ "revoked", "Revoked" },
	};

	return text_of(texts, sizeof texts / sizeof texts[0], status);
}

static const char *
source_text(enum enrollment_source source)
{
	switch (source) {
	case ENROLLMENT_ADE:
		return "Automated Device Enrollment";
	case ENROLLMENT_LINK:
		return "Link enrollment";
	case ENROLLMENT_COMMAND:
		return "sent by command";
	}
	return "";
}

static int
fill_enrollment(const struct admin_page *page, struct tmpl_row *row,
    const struct enrollment *e)
{
	const char *status;
	int r = admin_enrollment_status(page->app->context.db, e, &status);

	tmplrow_set(row, "enrollment",
	    admin_enrollment_id(page->session.role, e));
	tmplrow_set(row, "serial", e->device.serial);
	tmplrow_set(row, "udid", e->device.udid);
	tmplrow_set(row, "product", e->device.product);
	tmplrow_set(row, "os_version", e->device.os_version);
	tmplrow_set(row, "build_version", e->device.build_version);
	tmplrow_set(row, "source_text", source_text(e->source));
	tmplrow_flag(row, "manual", e->source == ENROLLMENT_LINK);
	tmplrow_flag(row, "renewal", e->purpose == ENROLLMENT_RENEW);
	tmplrow_set(
	    row, "method", e->method == ENROLLMENT_ACME ? "ACME" : "SCEP");
	tmplrow_set(row, "account", e->account);
	tmplrow_set(row, "address", e->remote_address);
	admin_page_time(row, "created_at", e->created_at);
	admin_page_time(row, "expires_at", e->expires_at);
	admin_page_link(
	    row, "events", "/admin/serial", "serial", e->device.serial);
	tmplrow_set(row, "state", status);
	tmplrow_set(row, "state_text", status_text(status));
	return r;
}

/* The last step of an attempt says how far it got. */
static int
fill_last_step(
    const struct admin_page *page, struct tmpl_row *row, const char *id)
{
	struct event_list list;
	int r;

	if ((r = events_list_by_enrollment(page->app->context.db, id, &list)) != OK)
		return r;
	if (list.n > 0)
		fill_step(page, tmplrow_add(row, "last"), &list.rows[list.n - 1]);
	events_list_release(&list);
	return OK;
}

static int
fill_list(struct admin_page *page)
{
	const char *q = form_text(page->query, "q");
	struct enrollment_list list;
	struct tmpl_row *row;
	size_t i;
	int r;

	r = enrollments_list(page->app->context.db, q,
	    form_text(page->query, "after"), ADMIN_PAGE_ROWS, &list);
	if (r != OK)
		return r;
	tmplrow_set(page->row, "q", q);
	admin_page_link(page->row, "refusals", "/admin/refusals", "q", q);
	for (i = 0; i < list.n && r == OK; i++) {
		row = tmplrow_add(page->row, "enrollments");
		r = fill_enrollment(page, row, &list.rows[i]);
		if (r == OK)
			r = fill_last_step(page, row, list.rows[i].id);
	}
	tmplrow_flag(page->row, "shown", list.n > 0);
	admin_page_cursor(page, "/admin/enrollments", filters, list.next);
	enrollments_list_release(&list);
	return r;
}

int
admin_enrollments_list(void *app, const struct req *req, struct resp *resp)
{
	static const struct admin_page_view view = { .template = "enrollments",
		.title = "Enrollments",
		.section = "in_enrollments",
		.fill = fill_list };

	return admin_page_show(app, req, &view, resp);
}

static int
fill_refusals(struct admin_page *page)
{
	const char *q = form_text(page->query, "q");
	long long before = strtoll(form_text(page->query, "before"), NULL, 10);
	struct event_list list;
	struct tmpl_row *row;
	size_t i;
	int r;

	r = events_list_refusals(page->app->context.db, q,
	    before > 0 ? before : 0, ADMIN_PAGE_ROWS, &list);
	if (r != OK)
		return r;
	tmplrow_set(page->row, "q", q);
	admin_page_link(page->row, "all", "/admin/enrollments", "q", q);
	admin_page_link(page->row, "newest", "/admin/refusals", "q", q);
	tmplrow_flag(page->row, "paged", before > 0);
	tmplrow_flag(page->row, "shown", list.n > 0);
	tmplrow_flag(page->row, "more", list.next != 0);
	tmplrow_flag(
	    page->row, "partial", list.next != 0 && list.n < ADMIN_PAGE_ROWS);
	tmplrow_setf(page->row, "last_id", "%lld", (long long)list.next);
	for (i = 0; i < list.n; i++) {
		row = tmplrow_add(page->row, "refusals");
		fill_step(page, row, &list.rows[i]);
	}
	events_list_release(&list);
	return OK;
}

int
admin_enrollments_refusals(void *app, const struct req *req, struct resp *resp)
{
	static const struct admin_page_view view = { .template = "refusals",
		.title = "Refusals",
		.section = "in_enrollments",
		.fill = fill_refusals };

	return admin_page_show(app, req, &view, resp);
}

static int
fill_steps(struct admin_page *page, const char *id)
{
	struct event_list list;
	size_t i;
	int r;

	if ((r = events_list_by_enrollment(page->app->context.db, id, &list)) !=
	    OK)
		return r;
	for (i = 0; i < list.n; i++)
		fill_step(page, tmplrow_add(page->row, "steps"), &list.rows[i]);
	events_list_release(&list);
	return OK;
}

/* A link to the host that a serial number became, if any. */
static int
fill_host_link(struct admin_page *page, const char *serial)
{
	struct host h;
	int r = hosts_load_by_serial(page->app->context.db, serial, &h);

	tmplrow_set(page->row, "host_id", r == OK ? h.id : "");
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
fill_certificate(struct admin_page *page, const char *enrollment)
{
	struct certificate c;
	struct tmpl_row *row;
	int r;

	r = certificates_load_by_enrollment(
	    page->app->context.db, enrollment, &c);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	row = tmplrow_add(page->row, "certificate");
	admin_page_hex(row, "sha256", blob_of(c.sha256, sizeof c.sha256));
	tmplrow_set(row, "certificate_state", certificates_state_name(c.state));
	tmplrow_flag(row, "attested", c.hardware_attested);
	admin_page_time(row, "not_after", c.not_after);
	certificates_release(&c);
	return OK;
}

int
admin_enrollments_show(void *app, const struct req *req, struct resp *resp)
{
	struct admin_page page;
	struct enrollment e;
	int r;

	if ((r = admin_page_init(&page, app, req)) != OK ||
	    (r = enrollments_load(
		 page.app->context.db, req_path_param(req, "id"), &e)) != OK)
		goto done;
	if ((r = fill_enrollment(&page, page.row, &e)) != OK ||
	    (r = fill_steps(&page, e.id)) != OK ||
	    (r = fill_host_link(&page, e.device.serial)) != OK ||
	    (r = fill_certificate(&page, e.id)) != OK)
		goto done;
	tmplrow_flag(page.row, "in_enrollments", true);
	r = admin_page_send(&page, "enrollment", "Enrollment", resp);
done:
	admin_page_release(&page);
	return r;
}

static int
fill_assignment(struct admin_page *page, const char *serial)
{
	struct ade_device d;
	int r = ade_devices_load(page->app->context.db, serial, &d);

	tmplrow_flag(page->row, "assigned", r == OK && d.removed_at == 0);
	tmplrow_flag(page->row, "removed", r == OK && d.removed_at != 0);
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
fill_serial(struct admin_page *page)
{
	const char *serial = form_text(page->query, "serial");
	struct event_list list;
	size_t i;
	int r;

	tmplrow_set(page->row, "serial", serial);
	if ((r = fill_assignment(page, serial)) != OK ||
	    (r = fill_host_link(page, serial)) != OK ||
	    (r = events_list_by_serial(
		 page->app->context.db, serial, SERIAL_STEPS, &list)) != OK)
		return r;
	for (i = 0; i < list.n; i++)
		fill_step(page, tmplrow_add(page->row, "steps"), &list.rows[i]);
	events_list_release(&list);
	return OK;
}

int
admin_enrollments_serial(void *app, const struct req *req, struct resp *resp)
{
	static const struct admin_page_view view = { .template = "serial",
		.title = "Serial number",
		.section = "in_enrollments",
		.fill = fill_serial };

	return admin_page_show(app, req, &view, resp);
}
