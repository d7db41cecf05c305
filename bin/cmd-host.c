#include <stdlib.h>
#include <string.h>

#include "admin/admin_host.h"
#include "base/clock.h"
#include "base/log.h"
#include "bin/cmd.h"
#include "bin/paging.h"
#include "bin/view.h"
#include "store/events.h"
#include "store/host_list.h"

#define EVENT_ROWS 20

static const struct view_column list_columns[] = {
	{ "id", NULL, VIEW_TEXT },
	{ "serial", "SERIAL", VIEW_TEXT },
	{ "udid", NULL, VIEW_TEXT },
	{ "device_name", "NAME", VIEW_TEXT },
	{ "product_name", "MODEL", VIEW_TEXT },
	{ "os_version", "SYSTEM", VIEW_TEXT },
	{ "state", "STATE", VIEW_TEXT },
	{ "mdm_enrollment_hardware_attested", "ATTESTED", VIEW_BOOL },
	{ "certificate_ends_at", NULL, VIEW_TIME },
	{ "last_seen_at", "LAST CONTACT", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

/* "MDM attestation" is shown to people only when it is true. */
static const struct view_column columns[] = {
	{ "id", "Host", VIEW_TEXT },
	{ "serial", "Serial number", VIEW_TEXT },
	{ "udid", "UDID", VIEW_TEXT },
	{ "state", "State", VIEW_TEXT },
	{ "mdm_enrollment_hardware_attested", NULL, VIEW_BOOL },
	{ "mdm_attestation", "MDM attestation", VIEW_TEXT },
	{ "ever_attested_at", "First attested", VIEW_TIME },
	{ "device_name", "Name", VIEW_TEXT },
	{ "model_name", "Model", VIEW_TEXT },
	{ "product_name", "Product", VIEW_TEXT },
	{ "os_version", "System version", VIEW_TEXT },
	{ "build_version", "System build", VIEW_TEXT },
	{ "topic", "Topic", VIEW_TEXT },
	{ "enrollment_id", "Enrollment", VIEW_TEXT },
	{ "account", "Account", VIEW_TEXT },
	{ "certificate_sha256", "Certificate", VIEW_TEXT },
	{ "bootstrap_token", "Bootstrap token", VIEW_BOOL },
	{ "generation", "Enrolled how often", VIEW_INT },
	{ "enrolled_at", "Enrolled", VIEW_TIME },
	{ "last_seen_at", "Last contact", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column certificate_columns[] = {
	{ "certificate_method", "Obtained by", VIEW_TEXT },
	{ "certificate_state", "State", VIEW_TEXT },
	{ "certificate_not_after", "Valid until", VIEW_TIME },
	{ "renewal_due_at", "Renewal due", VIEW_TIME },
	{ "renewal_opened_at", "Renewal sent", VIEW_TIME },
	{ "renewal_failures", "Renewals failed", VIEW_INT },
	{ "renewal_error", "Why not renewed", VIEW_TEXT },
	{ "renewal_next_try_at", "Next try from", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column push_columns[] = {
	{ "push_last_at", "Last push", VIEW_TIME },
	{ "push_status", "Apple's answer", VIEW_INT },
	{ "push_reason", "Reason", VIEW_TEXT },
	{ "push_dead_at", "Token dead", VIEW_TIME },
	{ "push_due_at", "Next push", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

static const struct view_column evidence_columns[] = {
	{ "attested_serial", "Attested serial number", VIEW_TEXT },
	{ "attested_udid", "Attested UDID", VIEW_TEXT },
	{ "attested_os_version", "Attested system version", VIEW_TEXT },
	{ "attested_sepos_version", "Secure Enclave version", VIEW_TEXT },
	{ "attested_sip", "System integrity", VIEW_TEXT },
	{ "attested_secure_boot", "Secure boot", VIEW_TEXT },
	{ "attested_kernel_extensions", "Kernel extensions", VIEW_TEXT },
	{ "attested_at", "Attestation verified", VIEW_TIME },
	{ NULL, NULL, VIEW_TEXT },
};

/* The certificates that end within this many days. */
static int
read_days(const struct cli *cli, int64_t *before)
{
	int days, r = cli_number(cli, "certificate-days", 0, 36500, 0, &days);

	*before = cli_flag(cli, "certificate-days") && r == OK
	    ? clock_now() + (int64_t)days * 86400
	    : 0;
	return r;
}

/* products[0] is set, products[1] ends the list. */
static int
read_filter(
    const struct cli *cli, struct host_filter *f, const char *products[2])
{
	const char *sort = cli_option(cli, "sort");
	int r;

	memset(f, 0, sizeof *f);
	f->search = cli_option(cli, "search");
	if (cli_flag(cli, "attested"))
		f->attested = HOST_ATTESTED;
	if (cli_flag(cli, "not-attested"))
		f->attested = HOST_NOT_ATTESTED;
	if (cli_flag(cli, "attested") && cli_flag(cli, "not-attested"))
		return fail(
		    ERR_USAGE, "--attested or --not-attested, not both");
	if (sort != NULL && !host_list_find_sort(sort, &f->sort))
		return fail(ERR_USAGE,
		    "--sort takes serial, name, last_seen, enrolled or "
		    "certificate_end");
	if ((r = read_days(cli, &f->certificate_ends_before)) != OK)
		return r;
	f->descending = cli_flag(cli, "descending");
	f->state = cli_option(cli, "state");
	f->os_version = cli_option(cli, "os");
	products[0] = cli_option(cli, "product");
	products[1] = NULL;
	f->products = products;
	return OK;
}

static void
list_row(struct view *v, const struct host *h)
{
	view_text(v, h->id);
	view_text(v, h->device.serial);
	view_text(v, h->device.udid);
	view_text(v, h->device_name);
	view_text(v, h->device.product);
	view_text(v, h->device.os_version);
	view_text(v, hosts_state_name(h->state));
	view_bool(v, hosts_is_attested(h));
	view_time(v, h->certificate_ends_at);
	view_time(v, h->last_seen_at);
}

static int
list_part(struct cli *cli, struct view *v, struct paging *p, void *said)
{
	const char *products[2];
	struct host_filter filter;
	struct host_list list;
	int r = read_filter(cli, &filter, products);

	if (r != OK)
		return r;
	filter.cursor = p->after;
	filter.limit = p->limit;
	if ((r = host_list_load(cli->db, &filter, &list)) != OK)
		return r;
	for (size_t i = 0; i < list.n; i++)
		list_row(v, &list.rows[i]);
	if (list.unsorted && cli_flag(cli, "sort") && !*(bool *)said)
		cli_say(cli,
		    "More than %d hosts match: they come in the order in which "
		    "they first enrolled.",
		    HOST_LIST_SORTED);
	*(bool *)said = true;
	paging_took(p, list.n, list.next);
	host_list_release(&list);
	return OK;
}

static int
host_list(struct cli *cli)
{
	bool said = false;

	return paging_show(cli, list_columns, list_part, &said, "hosts",
	    paging_is_filtered(cli)
		? "No host matches."
		: "No device has enrolled yet. One becomes a host when it is "
		  "assigned in Apple Business (attestmdm ade sync), or has a "
		  "one-time link (attestmdm enrollment new), and enrolls.");
}

static int
record(struct cli *cli, const struct host *h)
{
	struct view *v = view_new(columns);
	int r;

	view_text(v, h->id);
	view_text(v, h->device.serial);
	view_text(v, h->device.udid);
	view_text(v, hosts_state_name(h->state));
	view_bool(v, hosts_is_attested(h));
	view_text(v, hosts_is_attested(h) ? "Yes" : "");
	view_time(v, h->ever_attested_at);
	view_text(v, h->device_name);
	view_text(v, h->model_name);
	view_text(v, h->device.product);
	view_text(v, h->device.os_version);
	view_text(v, h->device.build_version);
	view_text(v, h->topic);
	view_text(v, h->enrollment_id);
	view_text(v, h->account);
	if (h->has_certificate)
		view_hex(v,
		    blob_of(
			h->certificate_sha256, sizeof h->certificate_sha256));
	else
		view_text(v, "");
	view_bool(v, h->has_bootstrap_token);
	view_int(v, h->generation);
	view_time(v, h->enrolled_at);
	view_time(v, h->last_seen_at);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
host_certificate(struct cli *cli, const struct admin_host_details *d)
{
	struct view *v = view_new(certificate_columns);
	const struct renewal *renewal = &d->renewal;
	int r;

	cli_say(cli, "\nIts certificate:");
	view_text(v, d->certificate.order_id[0] != '\0' ? "acme" : "scep");
	view_text(v, certificates_state_name(d->certificate.state));
	view_time(v, d->certificate.not_after);
	view_time(v, d->renewal_due_at);
	view_time(
	    v, renewal->enrollment_id[0] != '\0' ? renewal->opened_at : 0);
	view_int(v, renewal->failures);
	view_text(v, renewal->last_error);
	view_time(v, renewal->next_try_at);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
host_push(struct cli *cli, const struct push *push)
{
	struct view *v = view_new(push_columns);
	int r;

	cli_say(cli, "\nHow it is woken:");
	view_time(v, push->last_push_at);
	if (push->last_status != 0)
		view_int(v, push->last_status);
	else
		view_no_int(v);
	view_text(v, push->last_reason);
	view_time(v, push->dead_at);
	view_time(v, push->due_at);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
host_evidence(struct cli *cli, const struct attestation_row *a)
{
	struct view *v = view_new(evidence_columns);
	int r;

	cli_say(cli, "\nApple's evidence:");
	view_text(v, a->serial);
	view_text(v, a->udid);
	view_text(v, a->os_version);
	view_text(v, a->sepos_version);
	view_text(v, a->sip);
	view_text(v, a->secure_boot);
	view_text(v, a->kernel_extensions);
	view_time(v, a->verified_at);
	r = view_record(cli, v);
	view_free(v);
	return r;
}

static int
details(struct cli *cli, const struct host *h)
{
	struct admin_host_details d;
	int r;

	r = admin_host_load(&cli->conf, cli->db, h, &d);
	if (r == OK && d.has_certificate && h->state == HOST_ENROLLED)
		r = host_certificate(cli, &d);
	if (r == OK && h->state == HOST_ENROLLED)
		r = host_push(cli, &d.push);
	if (r == OK && d.has_evidence && hosts_is_attested(h))
		r = host_evidence(cli, &d.evidence);
	admin_host_release(&d);
	return r;
}

static int
show(struct cli *cli)
{
	struct event_list events;
	struct host h;
	int r;

	if ((r = admin_host_find(cli->db, cli->arguments[0], &h)) != OK ||
	    (r = record(cli, &h)) != OK || (r = details(cli, &h)) != OK ||
	    (r = events_list_by_serial(
		 cli->db, h.device.serial, EVENT_ROWS, &events)) != OK)
		return r;
	cli_say(cli, "\nEvents, newest first:");
	r = cmd_enrollment_events(cli, &events);
	events_list_release(&events);
	return r;
}

/* The hosts are looked up first, because nothing may fail after the change. */
static int
change(struct cli *cli,
    int (*act)(
	const struct admin_actor *actor, const char *const *names, int n),
    const char *said)
{
	char(*serials)[DB_SERIAL_TEXT];
	struct host h;
	int i, r = OK;

	if ((serials = calloc((size_t)cli->count, sizeof *serials)) == NULL)
		return fail(ERR_NOMEM, "no memory for serial numbers");
	for (i = 0; i < cli->count && r == OK; i++) {
		r = admin_host_find(cli->db, cli->arguments[i], &h);
		if (r == OK)
			memcpy(serials[i], h.device.serial, sizeof *serials);
	}
	if (r == OK)
		r = act(&cli->admin, cli->arguments, cli->count);
	out_json_open_array(&cli->out, "serials");
	for (i = 0; i < cli->count && r == OK; i++) {
		out_json_string(&cli->out, NULL, serials[i]);
		cli_say(cli, "%s %s", serials[i], said);
	}
	out_json_close_array(&cli->out);
	free(serials);
	return r;
}

static int
block(struct cli *cli)
{
	return change(cli, admin_host_block,
	    "is blocked: at its next check-in it is told to unenroll.");
}

static int
unblock(struct cli *cli)
{
	return change(cli, admin_host_unblock, "may enroll again.");
}

static int delete (struct cli *cli)
{
	return change(cli, admin_host_delete, "is deleted.");
}

static const struct cli_option list_options[] = {
	{ "search", "TEXT", "in serial number, UDID, name, model, product", 0 },
	{ "attested", NULL, "enrolled hosts with hardware attestation", 0 },
	{ "not-attested", NULL, "enrolled hosts without it", 0 },
	{ "state", "STATE", "pending, enrolled, unenrolled or blocked ones",
	    0 },
	{ "product", "TEXT", "whose product begins so, such as iPhone", 0 },
	{ "os", "VERSION", "with this system version, 14 for any 14.x", 0 },
	{ "certificate-days", "N", "whose certificate ends within N days", 0 },
	{ "sort", "WORD",
	    "by serial, name, last_seen, enrolled or certificate_end", 0 },
	{ "descending", NULL, "the last one first", 0 },
	PAGING_OPTIONS,
	{ NULL, NULL, NULL, 0 },
};

static const struct cli_verb verbs[] = {
	{ .name = "list",
	    .help = "lists hosts",
	    .options = list_options,
	    .needs = CLI_READ,
	    .run = host_list },
	{ .name = "show",
	    .arguments = "HOST",
	    .help = "shows a host, by serial number, UDID or id",
	    .least = 1,
	    .most = 1,
	    .needs = CLI_READ,
	    .run = show },
	{ .name = "block",
	    .arguments = "HOST...",
	    .help = "blocks hosts: each is told to unenroll, and gets no "
		    "profile",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = block },
	{ .name = "unblock",
	    .arguments = "HOST...",
	    .help = "lets a blocked host enroll again",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = unblock },
	{ .name = "delete",
	    .arguments = "HOST...",
	    .help = "forgets an unenrolled host and its commands",
	    .least = 1,
	    .most = CLI_ARGUMENTS_MAX,
	    .needs = CLI_WRITE,
	    .run = delete },
	{ .run = NULL },
};

const struct cli_noun cmd_host = { "host", "Look at hosts, block them", verbs };
