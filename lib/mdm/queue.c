#include "mdm/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "mdm/first_use.h"
#include "mdm/device_configured.h"
#include "mdm/device_information.h"
#include "mdm/renewal_command.h"
#include "mdm/unreadable.h"
#include "store/commands.h"
#include "store/hosts.h"
#include "wire/out_json.h"

#define ERRORS_JSON_MAX (1u << 20)

enum outcome {
	/* Send the next command. */
	NEXT,
	/* Something is wrong with this device's talk: end it politely. */
	STOP,
};

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
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (in_plist_string(error, texts[i], &s) != OK)
			continue;
		n = strnlen(s, QUEUE_ERROR_TEXT_MAX);
		out_json_blob(w, texts[i], blob_of(s, n));
	}
	out_json_close_object(w);
}

int
queue_write_errors(const struct in_plist_node *chain, struct buf *out)
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

static int
read_errors(const struct mdm_request *c, struct buf *json)
{
	const struct in_plist_node *chain;

	if (in_plist_array(c->message.root, "ErrorChain", &chain) != OK)
		return OK;
	return queue_write_errors(chain, json);
}

/* Was it sent to this host, and does it still count? Else ERR_NOT_FOUND. */
static int
check_command(struct mdm_request *c, const char *uuid)
{
	struct command command;
	const char *why = NULL;
	int r = commands_load(c->db, c->identity.host.id, uuid, &command);

	if (r == ERR_NOT_FOUND)
		why = "which it never got";
	else if (r == OK && command.sent_at == 0)
		why = "which was not sent to it";
	else if (r == OK && command.state == COMMAND_CANCELLED)
		why = "which was cancelled";
	if (r == OK)
		commands_release(&command);
	if (why == NULL)
		return r;
	log_line(LOG_WARN, "host %s answers the command %s, %s",
	    c->identity.cert.serial, uuid, why);
	return ERR_NOT_FOUND;
}

static int
store_result(struct mdm_request *c, const char *uuid, enum command_state state)
{
	struct command_result result = { .host_id = c->identity.host.id,
		.uuid = uuid,
		.state = state,
		.plist = c->report.plist,
		.note = c->report.note };
	struct buf json;
	int r;

	/* A renewal is cancelled when it is followed, which may fail yet. */
	if ((r = check_command(c, uuid)) == ERR_NOT_FOUND)
		return renewal_command_answered(c, &result);
	if (r != OK)
		return r;
	buf_init(&json, ERRORS_JSON_MAX);
	if ((r = read_errors(c, &json)) != OK)
		goto done;
	result.error_chain = json.n > 0 ? buf_str(&json) : NULL;
	r = commands_store_result(c->db, &result);
	if (r == OK)
		r = renewal_command_answered(c, &result);
	if (r == OK && state == COMMAND_ACKNOWLEDGED)
		r = device_information_learn(c);
	if (r == OK && c->report.note[0] == '\0')
		r = unreadable_is_over(c, uuid);
	if (r == OK && state == COMMAND_FORMAT_ERROR)
		log_line(LOG_WARN,
		    "host %s finds the command %s malformed: a fault of ours",
		    c->identity.cert.serial, uuid);
done:
	buf_release(&json);
	return r;
}

/* To an expired identity there is nothing else to send. */
static bool
is_put_off(const struct mdm_request *c, enum command_state state)
{
	return c->identity.expired && state == COMMAND_NOT_NOW;
}

static int
end_command(struct mdm_request *c, enum outcome *out)
{
	const struct report *report = &c->report;
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (strcmp(statuses[i].status, report->status) == 0) {
			*out = is_put_off(c, statuses[i].state) ? STOP : NEXT;
			return store_result(c, report->uuid, statuses[i].state);
		}
	}
	log_line(LOG_WARN, "host %s reports the unknown status \"%s\"",
	    c->identity.cert.serial, report->status);
	return store_result(c, report->uuid, COMMAND_ERROR);
}

/* The answer does not say which command it is for, or what became of it. */
static int
count_unreadable(struct mdm_request *c, enum outcome *out)
{
	bool over;
	int r = unreadable_count(c, &over);

	if (r == OK && over)
		*out = NEXT;
	return r;
}

/* Takes what the device says of its last command. */
static int
take_report(struct mdm_request *c, enum outcome *out)
{
	const struct report *report = &c->report;
	bool readable = c->message.doc != NULL;

	*out = STOP;
	if (strcmp(report->status, "Idle") == 0) {
		*out = NEXT;
		return commands_idle(c->db, c->identity.host.id);
	}
	if (report->uuid[0] == '\0' || (!readable && report->status[0] == '\0'))
		return count_unreadable(c, out);
	if (!renewal_command_allows(c, report->uuid))
		return OK;
	return end_command(c, out);
}

static int
send_next(struct mdm_request *c)
{
	struct command command;
	int r = device_configured_overdue(c, &command);

	if (r == ERR_NOT_FOUND)
		r = renewal_command_next(c, &command);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	r = commands_mark_sent(c->db, &command);
	if (r == OK)
		r = buf_add_blob(&c->reply, command.plist);
	if (r == OK)
		log_line(LOG_INFO, "host %s gets the command %s (%s)",
		    c->identity.cert.serial, command.uuid,
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
complete_udid(struct mdm_request *c)
{
	const struct identity *id = &c->identity;

	if (c->message.doc != NULL || c->message.udid[0] != '\0')
		return OK;
	if (!id->has_host || id->cert.state != CERTIFICATE_CURRENT)
		return fail(ERR_MDM_MESSAGE, "%s", c->report.note);
	memcpy(c->message.udid, id->host.device.udid, sizeof(c->message.udid));
	return OK;
}

static int
handle_report(struct mdm_request *c)
{
	enum outcome outcome;
	int r;

	if ((r = complete_udid(c)) != OK || (r = first_use_admit(c)) != OK ||
	    (r = hosts_seen(c->db, c->identity.host.id)) != OK)
		return r;
	if (c->message.user_channel)
		return OK;
	if ((r = take_report(c, &outcome)) != OK || outcome == STOP)
		return r;
	return send_next(c);
}

static int
read_report(struct mdm_request *c)
{
	return report_read(c->proof.body, &c->message, &c->report);
}

int
queue_serve(struct mdm_request *c)
{
	c->step = "command";
	c->expired_grace = INT64_C(86400) * c->conf->expired_grace_days;
	return mdm_request_serve(c, read_report, handle_report);
}

static int
read_too_large(struct mdm_request *c)
{
	report_too_large(&c->report);
	return OK;
}

int
queue_serve_too_large(struct mdm_request *c)
{
	c->step = "command";
	c->expired_grace = INT64_C(86400) * c->conf->expired_grace_days;
	/* The header signs the body, which was not received. */
	c->proof.signature = NULL;
	return mdm_request_serve(c, read_too_large, handle_report);
}
