#include <string.h>

#include "admin/admin_enrollment.h"
#include "base/err.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "store/certificates.h"
#include "store/orders.h"
#include "store/events.h"

#define EVENT_ROWS 1000
/* codes that are explained below a list */
#define CODES_MAX 50

static const struct view_column list_columns[] = {
	{ "id", "ENROLLMENT", VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "product", "PRODUCT", VIEW_TEXT },
	{ "os_version", "SYSTEM", VIEW_TEXT },
	{ "source", NULL, VIEW_TEXT },
	{ "purpose", NULL, VIEW_TEXT },
	{ "method", "METHOD", VIEW_TEXT },
	{ "state", NULL, VIEW_TEXT },
	{ "status", "STATE", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ "expires_at", NULL, VIEW_TIME },
	{ "remote_address", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column record_columns[] = {
	{ "id", "Enrollment", VIEW_TEXT },
	{ "serial", "Serial number", VIEW_TEXT },
	{ "udid", "UDID", VIEW_TEXT },
	{ "product", "Product", VIEW_TEXT },
	{ "os_version", "System version", VIEW_TEXT },
	{ "build_version", "System build", VIEW_TEXT },
	{ "source", "Source", VIEW_TEXT },
	{ "account", "Account", VIEW_TEXT },
	{ "purpose", "Purpose", VIEW_TEXT },
	{ "method", "Method", VIEW_TEXT },
	{ "state", NULL, VIEW_TEXT },
	{ "status", "State", VIEW_TEXT },
	{ "created_at", "Created", VIEW_TIME },
	{ "expires_at", "Expires", VIEW_TIME },
	{ "remote_address", "Address", VIEW_TEXT },
	{ "certificate_id", "Certificate", VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column order_columns[] = {
	{ "id", "ORDER", VIEW_TEXT },
	{ "identifier_value", "IDENTIFIER", VIEW_TEXT },
	{ "status", "ORDER IS", VIEW_TEXT },
	{ "authorization_status", "AUTHORIZATION", VIEW_TEXT },
	{ "challenge_status", "CHALLENGE", VIEW_TEXT },
	{ "error", "REASON", VIEW_TEXT },
	{ "created_at", "CREATED", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column event_columns[] = {
	{ "at", "TIME", VIEW_TIME },
	{ "enrollment_id", NULL, VIEW_TEXT },
	{ "serial", NULL, VIEW_TEXT },
	{ "step", "STEP", VIEW_TEXT },
	{ "outcome", "OUTCOME", VIEW_TEXT },
	{ "code", "CODE", VIEW_TEXT },
	{ "remote_address", NULL, VIEW_TEXT },
	{ "reason", "REASON", VIEW_TEXT },
	{ "advice", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

/* The same cells, with the serial number for people, too. */
static const struct view_column refusal_columns[] = {
	{ "at", "TIME", VIEW_TIME },
	{ "enrollment_id", NULL, VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "step", "STEP", VIEW_TEXT },
	{ "outcome", "OUTCOME", VIEW_TEXT },
	{ "code", "CODE", VIEW_TEXT },
	{ "remote_address", NULL, VIEW_TEXT },
	{ "reason", "REASON", VIEW_TEXT },
	{ "advice", NULL, VIEW_TEXT },
	{ NULL, NULL, VIEW_TEXT },
};

/* Is it the first row with this code? */
static bool
is_first(const struct event_list *list, size_t row)
{
	size_t i;

	for (i = 0; i < row; i++) {
		if (strcmp(list->rows[i].code, list->rows[row].code) == 0)
			return false;
	}
	return true;
}

/* What to do about each code of an event, for people. */
static void
advise(const struct cli *cli, const struct event_list *list)
{
	bool begun = false;
	const char *advice;
	size_t i;

	for (i = 0; i < list->n; i++) {
		advice = err_advice(err_find(list->rows[i].code));
		if (*advice == '\0' || !is_first(list, i))
			continue;
		if (!begun)
			cli_say(cli, "\nWhat to do:");
		begun = true;
		cli_say(cli, "%s: %s", list->rows[i].code, advice);
	}
}

static void
step_rows(struct view *v, const struct event_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		view_time(v, list->rows[i].at);
		view_text(v, list->rows[i].enrollment_id);
		view_text(v, list->rows[i].serial);
		view_text(v, list->rows[i].step);
		view_text(v, events_outcome_name(list->rows[i].outcome));
		view_text(v, list->rows[i].code);
		view_text(v, list->rows[i].remote_address);
		view_text(v, list->rows[i].reason);
		view_text(v, err_advice(err_find(list->rows[i].code)));
	}
}

static int
steps(struct cli *cli, const struct view_column *columns,
    const struct event_list *list, const char *key, const char *none)
{
	struct view *v = view_new(columns);
	int r;

	step_rows(v, list);
	r = view_table(cli, v, key, none);
	view_free(v);
	advise(cli, list);
	return r;
}

int
cmd_enrollment_events(struct cli *cli, const struct event_list *list)
{
	return steps(
	    cli, event_columns, list, "events", "The event log is empty.");
}

/* One event of each code, for advice at the end. */
struct codes {
	struct event_row rows[CODES_MAX];
	size_t n;
};

static void
note_codes(struct codes *codes, const struct event_list *list)
{
	size_t i, j;

	for (i = 0; i < list->n && codes->n < CODES_MAX; i++) {
		for (j = 0; j < codes->n; j++)
			if (strcmp(codes->rows[j].code, list->rows[i].code) ==
			    0)
				break;
		if (j == codes->n)
			codes->rows[codes->n++] = list->rows[i];
	}
}

static int
refusals_part(struct cli *cli, struct view *v, struct paging *p, void *codes)
{
	const char *search = cli_option(
	    cli, cli_flag(cli, "serial") ? "serial" : "search");
	struct event_list list;
	int64_t before;
	int r;

	if ((r = paging_number(p, &before)) != OK ||
	    (r = events_list_refusals(
		 cli->db, search, before, p->limit, &list)) != OK)
		return r;
	step_rows(v, &list);
	note_codes(codes, &list);
	paging_took_number(p, list.n, list.next);
	events_list_release(&list);
	return OK;
}

static int
refusals(struct cli *cli)
{
	struct codes codes = { .n = 0 };
	int r = paging_show(cli, refusal_columns, refusals_part, &codes,
	    "refusals",
	    paging_is_filtered(cli) ? "No refusal matches."
				    : "Nothing was refused yet.");

	if (r == OK)
		advise(cli,
		    &(struct event_list){ .rows = codes.rows, .n = codes.n });
	return r;
}

static int
load(struct cli *cli, const struct paging *p, struct enrollment_list *list)
{
	const char *serial = cli_option(cli, "serial");

	return serial != NULL
	    ? enrollments_list_by_serial(cli->db, serial, PAGING_ALL, list)
	    : enrollments_list(cli->db, cli_option(cli, "search"), p->after,
		  p->limit, list);
}

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *context)
{
	struct enrollment_list list;
	const struct enrollment *e;
	const char *status;
	size_t i;
	int r = load(cli, p, &list);

	(void)context;
	for (i = 0; r == OK && i < list.n; i++) {
		e = &list.rows[i];
		r = admin_enrollment_status(cli->db, e, &status);
		view_text(v, e->id);
		view_text(v, e->device.serial);
		view_text(v, e->device.product);
		view_text(v, e->device.os_version);
		view_text(v, enrollments_source_name(e->source));
		view_text(v, enrollments_purpose_name(e->purpose));
		view_text(v, enrollments_method_name(e->method));
		view_text(v, enrollments_state_name(e->state));
		view_text(v, status);
		view_time(v, e->created_at);
		view_time(v, e->expires_at);
		view_text(v, e->remote_address);
	}
	paging_took(p, list.n, list.next);
	enrollments_list_release(&list);
	return r;
}

/* What happened to this serial number, also without an enrollment. */
static int
serial_events(struct cli *cli)
{
	const char *serial = cli_option(cli, "serial");
	struct event_list list;
	int r;

	r = events_list_by_serial(cli->db, serial, EVENT_ROWS, &list);
	if (r != OK)
		return r;
	cli_say(cli, "\nEvents of %s, newest first:", serial);
	r = cmd_enrollment_events(cli, &list);
	events_list_release(&list);
	return r;
}

static int
enrollment_list(struct cli *cli)
{
	int r;

	if (cli_flag(cli, "refused"))
		return refusals(cli);
	r = paging_show(cli, list_columns, list_part, NULL, "enrollments",
	    paging_is_filtered(cli)
		? "No enrollment profile matches. What was refused before it "
		  "got one is in: attestmdm enrollment list --refused"
		: "No enrollment profiles yet. A device gets one when it is "
		  "set up and asks for it.");
	return r == OK && cli_flag(cli, "serial") ? serial_events(cli) : r;
}

static int
record(struct cli *cli, const struct enrollment *e)
{
	const char *status;
	struct certificate c;
	struct view *v;
	int r;

	if ((r = admin_enrollment_status(cli->db, e, &status)) != OK)
		return r;
	r = certificates_load_by_enrollment(cli->db, e->id, &c);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	v = view_new(record_columns);
	view_text(v, e->id);
	view_text(v, e->device.serial);
	view_text(v, e->device.udid);
	view_text(v, e->device.product);
	view_text(v, e->device.os_version);
	view_text(v, e->device.build_version);
	view_text(v, enrollments_source_name(e->source));
	view_text(v, e->account);
	view_text(v, enrollments_purpose_name(e->purpose));
	view_text(v, enrollments_method_name(e->method));
	view_text(v, enrollments_state_name(e->state));
	view_text(v, status);
	view_time(v, e->created_at);
	view_time(v, e->expires_at);
	view_text(v, e->remote_address);
	view_text(v, r == OK ? c.id : "");
	if (r == OK)
		certificates_release(&c);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

/* With SCEP there are no orders; a script still finds the empty list. */
static int
orders(struct cli *cli, const struct enrollment *e)
{
	struct order_list list;
	struct view *v;
	size_t i;
	int r;

	if (e->method != ENROLLMENT_ACME && !cli->json)
		return OK;
	if ((r = orders_list_by_enrollment(cli->db, e->id, &list)) != OK)
		return r;
	v = view_new(order_columns);
	for (i = 0; i < list.n; i++) {
		const struct order *o = &list.rows[i];

		view_text(v, o->id);
		view_text(v, o->identifier_value);
		view_text(v, orders_status_name(o->status));
		view_text(
		    v, orders_authorization_name(o->authorization_status));
		view_text(v, orders_challenge_name(o->challenge_status));
		view_text(v, o->error == OK ? "" : err_name(o->error));
		view_time(v, o->created_at);
	}
	cli_say(cli, "%s", "");
	r = view_table(cli, v, "orders", "The device ordered nothing yet.");
	view_free(v);
	orders_list_release(&list);
	return r;
}

/* A serial number stands for its newest enrollment. */
static int
find(struct cli *cli, const char *name, struct enrollment *out)
{
	struct enrollment_list list;
	int r;

	if ((r = enrollments_load(cli->db, name, out)) != ERR_NOT_FOUND)
		return r;
	if ((r = enrollments_list_by_serial(cli->db, name, 1, &list)) != OK)
		return r;
	if (list.n > 0)
		*out = list.rows[0];
	else
		r = fail(ERR_NOT_FOUND,
		    "no enrollment has this id or serial number: %s", name);
	enrollments_list_release(&list);
	return r;
}

/*
 * A sender who proves nothing appears in no enrollment's event log. Refusals of
 * such senders that named this serial number are listed separately; returns
 * `when_none` if there are none.
 */
static int
unproven(struct cli *cli, const char *serial, int when_none)
{
	struct event_list list;
	size_t i, n = 0;
	int r;

	if ((r = events_list_refusals(cli->db, serial, 0, EVENT_ROWS, &list)) !=
	    OK)
		return r;
	for (i = 0; i < list.n; i++)
		if (list.rows[i].enrollment_id[0] == '\0')
			list.rows[n++] = list.rows[i];
	list.n = n;
	if (n == 0)
		r = when_none;
	else
		cli_say(cli,
		    "\nRefused outside of any enrollment, newest first, where "
		    "%s was named:",
		    serial);
	if (n > 0)
		r = steps(cli, event_columns, &list, "unproven", "");
	events_list_release(&list);
	return r;
}

/* A serial number that was refused before it got an enrollment. */
static int
show_serial(struct cli *cli, const char *serial, int code)
{
	struct event_list events;
	int r;

	if ((r = events_list_by_serial(cli->db, serial, EVENT_ROWS, &events)) !=
	    OK)
		return r;
	if (events.n == 0) {
		events_list_release(&events);
		return unproven(cli, serial, code);
	}
	out_json_string(&cli->out, "serial", serial);
	cli_say(cli,
	    "%s got no enrollment profile. Its event log, newest first:",
	    serial);
	r = cmd_enrollment_events(cli, &events);
	events_list_release(&events);
	return r;
}

static int
show(struct cli *cli)
{
	const char *name = cli->arguments[0];
	struct event_list events;
	struct enrollment e;
	int r;

	if ((r = find(cli, name, &e)) == ERR_NOT_FOUND)
		return show_serial(cli, name, r);
	if (r != OK || (r = record(cli, &e)) != OK ||
	    (r = orders(cli, &e)) != OK ||
	    (r = events_list_by_enrollment(cli->db, e.id, &events)) != OK)
		return r;
	cli_say(cli, "\nEvents, step by step:");
	r = cmd_enrollment_events(cli, &events);
	events_list_release(&events);
	return r == OK ? unproven(cli, e.device.serial, OK) : r;
}

static const struct cli_option list_options[] = {
	{ "serial", "SERIAL", "of this device, with its event log", 0 },
	{ "search", "TEXT", "a whole id, or what a serial number begins with",
	    0 },
	{ "refused", NULL, "only refusals, each with its reason", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option new_options[] = {
	{ "serial", "SERIAL", "only this device can use the link", 0 },
	{ "note", "TEXT", "whom it is for", 0 },
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_option links_options[] = {
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "list",
	    .help = "lists enrollment profiles, newest first",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = enrollment_list },
	{ .name = "show",
	    .arguments = "ID|SERIAL",
	    .help = "shows every step of an enrollment and why it failed",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = show },
	{ .name = "new",
	    .help = "makes a one-time enrollment link",
	    .options = new_options,
	    .needs = CLI_WRITE,
	    .run = cmd_link_new },
	{ .name = "links",
	    .help = "lists one-time links, newest first",
	    .options = links_options,
	    .needs = CLI_READ,
	    .run = cmd_link_list },
	{ .name = "revoke-link",
	    .arguments = "ID...",
	    .help = "makes a link useless, unless its device has enrolled "
		    "already",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = cmd_link_revoke },
	{ .run = NULL },
};

const struct cli_noun cmd_enrollment = {
	"enrollment",
	"Look at enrollments, make links for them",
	verbs,
};
