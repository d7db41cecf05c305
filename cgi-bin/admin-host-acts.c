#include "admin-host-acts.h"

#include <stdio.h>
#include <string.h>

#include "admin-confirm.h"
#include "admin-host-page.h"
#include "admin-hosts.h"
#include "admin/admin_certificate.h"
#include "admin/admin_command.h"
#include "admin/admin_host.h"
#include "admin/admin_renewal.h"
#include "base/log.h"
#include "mdm/command_types.h"
#include "policy/product.h"

#define PATH_TEXT (DB_ID_TEXT + 64)

/*
 * The common commands that need no parameters. A Mac is locked with a PIN, which is
 * for the command line: attestmdm command send.
 */
static const struct {
	const char *type;
	bool but_macs;
} types[] = {
	{ "DeviceInformation", false },
	{ "SecurityInfo", false },
	{ "ProfileList", false },
	{ "CertificateList", false },
	{ "InstalledApplicationList", false },
	{ "AvailableOSUpdates", false },
	{ "RestartDevice", false },
	{ "ShutDownDevice", false },
	{ "DeviceLock", true },
};

static const struct {
	const char *word;
	const char *text;
} done[] = {
	{ "queued", "The command is queued: the device gets it with its next "
		    "contact, and is woken for it." },
	{ "cancelled", "The command is cancelled." },
	{ "cancelled-sent",
	    "The command is cancelled. It was sent already: the device may have "
	    "carried it out." },
	{ "blocked", "The host is blocked." },
	{ "unblocked", "The host may enroll again." },
	{ "renewed", "The device is asked to renew its certificate." },
	{ "revoked", "The certificate is revoked." },
};

/* A form about a host, its signature checked and the role, too. */
struct act {
	struct admin_app *app;
	const struct req *req;
	struct resp *resp;
	struct session session;
	struct admin_actor actor;
	struct form *form;
	struct host host;
	char back[PATH_TEXT];
	/* the page that asks was sent */
	bool asked;
	/* among `done` */
	const char *word;
};

#define TYPES (sizeof types / sizeof types[0])

/* TYPES when it is none of them. */
static size_t
find_type(const char *type)
{
	size_t i = 0;

	while (i < TYPES && strcmp(types[i].type, type) != 0)
		i++;
	return i;
}

bool
admin_host_acts_queues(const char *type)
{
	return find_type(type) < TYPES;
}

static bool
is_offered(const struct host *h, size_t type)
{
	struct product product;

	product_parse(h->device.product, &product);
	return !types[type].but_macs ||
	    (product.system != SYSTEM_MACOS &&
		product.system != SYSTEM_UNKNOWN);
}

static bool
takes_commands(const struct host *h)
{
	return h->state == HOST_ENROLLED || h->state == HOST_PENDING;
}

void
admin_host_acts_fill(struct admin_page *page, const struct host *h)
{
	const char *word = form_text(page->query, "done");
	size_t i;

	for (i = 0; takes_commands(h) && i < TYPES; i++)
		if (is_offered(h, i))
			tmplrow_set(tmplrow_add(page->row, "types"), "type",
			    types[i].type);
	tmplrow_flag(page->row, "takes_commands", takes_commands(h));
	tmplrow_flag(page->row, "blocked", h->state == HOST_BLOCKED);
	tmplrow_flag(page->row, "may_renew",
	    h->state == HOST_ENROLLED && h->has_certificate);
	tmplrow_set(page->row, "done", "");
	for (i = 0; i < sizeof done / sizeof done[0]; i++)
		if (strcmp(word, done[i].word) == 0)
			tmplrow_set(page->row, "done", done[i].text);
}

static int
begin(struct act *a)
{
	int r = admin_page_form(a->app, a->req, &a->session, &a->form);

	if (r != OK)
		return r;
	a->actor = admin_page_actor(a->app, &a->session);
	if ((r = admin_actor_check(&a->actor, ADMIN_CHANGE_HOSTS)) != OK ||
	    (r = hosts_load(a->app->context.db, req_path_param(a->req, "id"),
		 &a->host)) != OK)
		return r;
	snprintf(a->back, sizeof a->back, "/admin/hosts/%s", a->host.id);
	return OK;
}

static int
finish(struct act *a)
{
	char path[PATH_TEXT + 32];

	if (a->asked)
		return OK;
	snprintf(path, sizeof path, "%s?done=%s", a->back, a->word);
	return resp_redirect(a->resp, path);
}

static int
act(void *app, const struct req *req, struct resp *resp,
    int (*run)(struct act *a))
{
	struct act a = { .app = app, .req = req, .resp = resp };
	int r;

	if ((r = begin(&a)) == OK && (r = run(&a)) == OK)
		r = finish(&a);
	form_free(a.form);
	secret_wipe(&a.session, sizeof a.session);
	return r != OK && admin_page_shows(r)
	    ? admin_host_page_send(app, req, r, resp)
	    : r;
}

static int
ask(struct act *a, struct admin_confirm *confirm)
{
	a->asked = true;
	confirm->subject = admin_hosts_name(&a->host);
	confirm->back = a->back;
	return admin_confirm_send(a->app, a->req, a->form, confirm, a->resp);
}

static int
ask_command(struct act *a, const struct command_type *known)
{
	static const char *const fields[] = { "type", NULL };
	char heading[DB_NAME_TEXT + 16], text[512];

	snprintf(heading, sizeof heading, "%s?", known->type);
	snprintf(text, sizeof text, "This command %.400s.", known->danger);
	return ask(a,
	    &(struct admin_confirm){ .heading = heading,
		.text = text,
		.act = "Queue the command",
		.fields = fields });
}

static int
build(const char *type, struct command_text *out)
{
	return strcmp(type, "DeviceInformation") == 0
	    ? command_device_information(NULL, 0, out)
	    : command_simple(type, out);
}

static int
send_command(struct act *a, const char *type)
{
	struct command_text text;
	int r;

	command_text_init(&text);
	if ((r = build(type, &text)) == OK)
		r = admin_command_send(&a->actor, &a->host,
		    &(struct admin_command){ .text = &text,
			.confirmed = admin_confirm_given(a->form) });
	command_text_release(&text);
	a->word = "queued";
	return r;
}

static int
queue(struct act *a)
{
	const char *type = form_text(a->form, "type");
	const struct command_type *known = command_types_find(type);
	size_t i = find_type(type);

	if (known == NULL || i == TYPES || !is_offered(&a->host, i))
		return fail(ERR_FIELD, "this page does not queue \"%.64s\"",
		    type);
	return known->danger != NULL && !admin_confirm_given(a->form)
	    ? ask_command(a, known)
	    : send_command(a, type);
}

static int
cancel(struct act *a)
{
	bool sent;
	int r = admin_command_cancel(
	    &a->actor, &a->host, req_path_param(a->req, "command"), &sent);

	a->word = sent ? "cancelled-sent" : "cancelled";
	return r;
}

static int
block(struct act *a)
{
	const char *id = a->host.id;

	if (!admin_confirm_given(a->form))
		return ask(a,
		    &(struct admin_confirm){ .heading = "Block this host?",
			.text = "It is told to unenroll when it checks in "
				"next, its waiting commands are cancelled, and "
				"its open enrollment profiles are revoked. It "
				"cannot enroll again until it is unblocked.",
			.act = "Block" });
	a->word = "blocked";
	return admin_host_block(&a->actor, &id, 1);
}

static int
unblock(struct act *a)
{
	const char *id = a->host.id;

	a->word = "unblocked";
	return admin_host_unblock(&a->actor, &id, 1);
}

static int
renew(struct act *a)
{
	struct renewal_run run = { .option = RENEWER_NOW, .limit = 1 };

	a->word = "renewed";
	return admin_renewal_run(&a->actor, &run, &a->host);
}

static int
revoke_present(struct act *a, int reason)
{
	struct certificate c;
	int r;

	if (!a->host.has_certificate)
		return fail(ERR_CONFLICT, "%s has no certificate",
		    a->host.device.serial);
	r = certificates_load(
	    a->app->context.db, a->host.certificate_sha256, &c);
	if (r != OK)
		return r;
	r = admin_certificate_revoke(&a->actor, &c, 1, reason);
	certificates_release(&c);
	a->word = "revoked";
	return r;
}

static int
revoke(struct act *a)
{
	static const char *const fields[] = { "reason", NULL };
	int reason, r;

	r = admin_certificate_reason(form_get(a->form, "reason"), &reason);
	if (r != OK)
		return r;
	if (!admin_confirm_given(a->form))
		return ask(a,
		    &(struct admin_confirm){
			.heading = "Revoke the certificate of this host?",
			.text = "This cannot be undone. The certificate is "
				"refused from now on: the device is not managed "
				"any more until it enrolls again.",
			.act = "Revoke",
			.fields = fields });
	return revoke_present(a, reason);
}

int
admin_host_acts_queue(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, queue);
}

int
admin_host_acts_cancel(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, cancel);
}

int
admin_host_acts_block(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, block);
}

int
admin_host_acts_unblock(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, unblock);
}

int
admin_host_acts_renew(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, renew);
}

int
admin_host_acts_revoke(void *app, const struct req *req, struct resp *resp)
{
	return act(app, req, resp, revoke);
}
