#include "mdm/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "mdm/command.h"
#include "mdm/first_use.h"
#include "mdm/device_configured.h"
#include "mdm/device_information.h"
#include "mdm/renewal_command.h"
#include "mdm/unreadable.h"
#include "store/activities.h"
#include "store/commands.h"
#include "store/hosts.h"
#include "store/pushes.h"
#include "store/renewals.h"
#include "wire/out_json.h"

#define ERRORS_JSON_MAX (1u << 20)

static const struct status_row {
	const char *status;
	enum command_state state;
} statuses[] = {
	{ "Acknowledged", COMMAND_ACKNOWLEDGED },
	{ "Error", COMMAND_ERROR },
	{ "CommandFormatError", COMMAND_FORMAT_ERROR },
	{ "NotNow", COMMAND_NOT_NOW },
};

static void
write_error(const struct in_plist_node *error, struct out_json *w)
{
	static const char *const texts[] = { "ErrorDomain",
		"LocalizedDescription", "USEnglishDescription" };
	const char *s;
	int64_t code;
	size_t i, n;

	out_json_open_object(w, NULL);
	if (in_plist_int(error, "ErrorCode", &code) == OK)
		out_json_int(w, "ErrorCode", code);
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (in_plist_string(error, texts[i], &s) != OK)
			continue;
		n = strnlen(s, QUEUE_ERROR_TEXT_MAX);
		out_json_blob(w, texts[i], blob_of(s, n));
	}
	out_json_close_object(w);
}

/* An ErrorChain as a JSON array, cut to the bounds of queue.h. */
static int
write_errors(const struct in_plist_node *chain, struct buf *out)
{
	struct out_json w;
	size_t i, n = in_plist_count(chain);

	out_json_init(&w, out);
	out_json_open_array(&w, NULL);
	for (i = 0; i < n && i < QUEUE_ERRORS_MAX; i++)
		write_error(in_plist_item(chain, i), &w);
	out_json_close_array(&w);
	return out_json_end(&w);
}

/* What an administrator queued, and not what is routine. */
static bool
is_on_record(const struct command *c)
{
	return strcmp(c->created_by, RENEWALS_SENDER) != 0 &&
	    strcmp(c->created_by, COMMAND_CHECKIN_SENDER) != 0;
}

static int
record(struct mdm_request *req, const char *action, const struct command *c,
    enum command_state after)
{
	char detail[256];

	if (!is_on_record(c))
		return OK;
	snprintf(detail, sizeof detail, "%.100s %s", c->request_type, c->uuid);
	return activities_add(req->context.db,
	    &(struct activity_note){ .action = action,
		.serial = req->identity.cert.serial,
		.before = commands_state_name(c->state),
		.after = commands_state_name(after),
		.detail = detail });
}

/* The first result counts; devices repeat it, and put off what they like. */
static int
record_result(
    struct mdm_request *req, const struct command *c, enum command_state state)
{
	bool waits = c->state == COMMAND_SENT || c->state == COMMAND_NOT_NOW;

	if (!waits || state == COMMAND_NOT_NOW)
		return OK;
	return record(req, "command.done", c, state);
}

/*
 * Was it sent to this host, and does it still count? Else ERR_NOT_FOUND. Then
 * `state` is what becomes of it.
 */
static int
check_command(
    struct mdm_request *req, const char *uuid, enum command_state state)
{
	const char *host_id = req->identity.host.id, *why = NULL;
	struct command command;
	int r = commands_load(req->context.db, host_id, uuid, &command);

	if (r == ERR_NOT_FOUND)
		why = "which it never got";
	else if (r == OK && command.sent_at == 0)
		why = "which was not sent to it";
	else if (r == OK && command.state == COMMAND_CANCELLED)
		why = "which was cancelled";
	else if (r == OK)
		r = record_result(req, &command, state);
	commands_release(&command);
	if (why == NULL)
		return r;
	log_line(LOG_WARN, "host %s answers the command %s, %s",
	    req->identity.cert.serial, uuid, why);
	return ERR_NOT_FOUND;
}

static int
store_result(
    struct mdm_request *req, const char *uuid, enum command_state state)
{
	struct command_result result = { .host_id = req->identity.host.id,
		.uuid = uuid,
		.state = state,
		.plist = req->report.plist,
		.note = req->report.note };
	const struct in_plist_node *chain;
	struct buf json;
	int r;

	/* A renewal is cancelled when it is followed, which may fail yet. */
	if ((r = check_command(req, uuid, state)) == ERR_NOT_FOUND)
		return renewal_command_answered(req, &result);
	if (r != OK)
		return r;
	buf_init(&json, ERRORS_JSON_MAX);
	if (in_plist_array(req->message.root, "ErrorChain", &chain) == OK) {
		r = write_errors(chain, &json);
		result.error_chain = buf_str(&json);
	}
	if (r == OK)
		r = commands_store_result(req->context.db, &result);
	if (r == OK)
		r = renewal_command_answered(req, &result);
	if (r == OK && state == COMMAND_ACKNOWLEDGED)
		r = device_information_learn(req);
	if (r == OK && req->report.note[0] == '\0')
		r = unreadable_is_over(req, uuid);
	if (r == OK && state == COMMAND_FORMAT_ERROR)
		log_line(LOG_WARN,
		    "host %s finds the command %s malformed: a fault of ours",
		    req->identity.cert.serial, uuid);
	buf_release(&json);
	return r;
}

/*
 * Takes what the device says of its last command. *go_on: it gets the next.
 * Else something is wrong with what it says, and the connection ends politely.
 */
static int
take_report(struct mdm_request *req, bool *go_on)
{
	const struct report *report = &req->report;
	bool readable = req->message.doc != NULL;
	enum command_state state = COMMAND_ERROR;
	bool known = false, allowed;
	size_t i;
	int r;

	*go_on = strcmp(report->status, "Idle") == 0;
	if (*go_on)
		return commands_idle(req->context.db, req->identity.host.id);
	/* Which command is it for, and what became of it? */
	if (report->uuid[0] == '\0' || (!readable && report->status[0] == '\0'))
		return unreadable_count(req, go_on);
	r = renewal_command_allows(req, report->uuid, &allowed);
	if (r != OK || !allowed)
		return r;
	for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (strcmp(statuses[i].status, report->status) == 0) {
			state = statuses[i].state;
			known = true;
		}
	}
	if (!known)
		log_line(LOG_WARN, "host %s reports the unknown status \"%s\"",
		    req->identity.cert.serial, report->status);
	/* To an expired identity there is nothing else to send. */
	*go_on = known && !(req->identity.expired && state == COMMAND_NOT_NOW);
	return store_result(req, report->uuid, state);
}

static int
send_next(struct mdm_request *req)
{
	struct db *db = req->context.db;
	struct command command;
	int r = device_configured_overdue(req, &command);

	if (r == ERR_NOT_FOUND)
		r = renewal_command_next(req, &command);
	if (r == ERR_NOT_FOUND)
		r = pushes_host_idle(db, req->identity.host.id);
	else if (r == OK && (r = commands_mark_sent(db, &command)) == OK &&
	    (command.sent_at != 0 ||
		(r = record(req, "command.sent", &command, COMMAND_SENT)) ==
		    OK) &&
	    (r = pushes_host_busy(db, req->identity.host.id)) == OK &&
	    (r = buf_add_blob(&req->reply, command.plist)) == OK)
		log_line(LOG_INFO, "host %s gets the command %s (%s)",
		    req->identity.cert.serial, command.uuid,
		    command.request_type);
	commands_release(&command);
	return r;
}

/*
 * An unreadable report without a UDID is taken to be from the certificate's
 * host, but not when the certificate is used for the first time: then the UDID
 * has to be checked.
 */
static int
complete_udid(struct mdm_request *req)
{
	const struct identity *id = &req->identity;

	bool missing = req->message.doc == NULL && req->message.udid[0] == '\0';

	if (missing && (!id->has_host || id->cert.state != CERTIFICATE_CURRENT))
		return fail(ERR_MDM_MESSAGE, "%s", req->report.note);
	if (missing)
		memcpy(req->message.udid, id->host.device.udid,
		    sizeof req->message.udid);
	return OK;
}

static int
handle_report(struct mdm_request *req)
{
	struct identity *id = &req->identity;
	bool go_on;
	int r;

	if ((r = complete_udid(req)) == OK &&
	    (r = identity_recognize(id, req->message.udid)) == OK &&
	    (r = first_use_replace(req)) == OK &&
	    (r = hosts_seen(req->context.db, id->host.id)) == OK &&
	    !req->message.user_channel &&
	    (r = take_report(req, &go_on)) == OK && go_on)
		r = send_next(req);
	return r;
}

static int
read_report(struct mdm_request *req)
{
	return report_read(req->proof.body, &req->message, &req->report);
}

int
queue_serve(struct mdm_request *req)
{
	req->context.step = "command";
	req->expired_grace =
	    INT64_C(86400) * req->context.conf->expired_grace_days;
	return mdm_request_serve(req, read_report, handle_report);
}

static int
read_too_large(struct mdm_request *req)
{
	report_too_large(&req->report);
	return OK;
}

int
queue_serve_too_large(struct mdm_request *req)
{
	req->context.step = "command";
	req->expired_grace =
	    INT64_C(86400) * req->context.conf->expired_grace_days;
	/* The header signs the body, which was not received. */
	req->proof.signature = NULL;
	return mdm_request_serve(req, read_too_large, handle_report);
}
