#include "mdm/renewal_command.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "mdm/queue.h"
#include "store/alarms.h"
#include "store/enrollments.h"
#include "store/renewals.h"
#include "store/events.h"

/* Bytes of a device's text that go into a reason. */
#define ERROR_WORDS 120

/* The host's renewal, open or not; all empty when it never had one. */
static int
load_renewal(struct mdm_request *c, struct renewal *out)
{
	int r = renewals_load(c->db, c->identity.host.id, out);

	return r == ERR_NOT_FOUND ? OK : r;
}

/* It would only fail: the next run decides anew. */
static int
take_back(struct mdm_request *c, const struct renewal *renewal, int code)
{
	char reason[RENEWALS_ERROR_TEXT];
	int r;

	snprintf(reason, sizeof(reason), "taken back: %s", log_reason());
	r = events_add(c->db,
	    &(struct event){ .enrollment_id = renewal->enrollment_id,
		.serial = c->identity.cert.serial,
		.step = "renewal",
		.outcome = EVENT_REFUSED,
		.code = code,
		.reason = reason,
		.remote_address = c->remote_address });
	if (r != OK)
		return r;
	return renewals_withdraw(c->db, c->identity.host.id, reason);
}

static int
cancel(struct mdm_request *c, const struct renewal *renewal)
{
	int r =
	    commands_cancel(c->db, c->identity.host.id, renewal->command_uuid);

	return r == ERR_CONFLICT ? OK : r;
}

/* Nothing is sent that a device cannot follow any more, or did already. */
static int
drop_stale(struct mdm_request *c, const struct renewal *renewal)
{
	struct device_state state;
	struct enrollment e;
	int r;

	if (renewal->command_uuid[0] == '\0')
		return OK;
	if (renewal->enrollment_id[0] == '\0')
		return cancel(c, renewal);
	r = enrollments_load_usable(c->db, renewal->enrollment_id, &e);
	if (r == ERR_NOT_FOUND || (r == OK && e.state != ENROLLMENT_OPEN))
		return cancel(c, renewal);
	if (r != OK ||
	    (r = device_state_load(
		 c->db, c->conf, e.device.serial, &state)) != OK)
		return r;
	r = decision_check_issue(&state, &e);
	return r == OK || err_http_status(r) >= 500 ? r
						    : take_back(c, renewal, r);
}

static bool
may_send(const struct mdm_request *c, const struct command *command)
{
	return c->identity.by_tls || !command->needs_client_certificate;
}

static bool
is_open(const struct command *command)
{
	return command->state == COMMAND_QUEUED ||
	    command->state == COMMAND_SENT || command->state == COMMAND_NOT_NOW;
}

/* That one command, when it is still to be answered. */
static int
load_open(struct mdm_request *c, const char *uuid, struct command *out)
{
	int r = commands_load(c->db, c->identity.host.id, uuid, out);

	if (r != OK)
		return r;
	if (may_send(c, out) && is_open(out))
		return OK;
	commands_release(out);
	return ERR_NOT_FOUND;
}

/* A renewal waits behind no command that the device never answers. */
static int
go_first(
    struct mdm_request *c, const struct renewal *renewal, struct command *out)
{
	struct command mine;
	int r;

	if (out->state != COMMAND_SENT ||
	    strcmp(out->uuid, renewal->command_uuid) == 0)
		return OK;
	r = commands_load_waiting(
	    c->db, c->identity.host.id, renewal->command_uuid, &mine);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	if (!may_send(c, &mine)) {
		commands_release(&mine);
		return OK;
	}
	commands_release(out);
	*out = mine;
	return OK;
}

/* An administrator has to know that the renewal is held back. */
static int
raise_held(struct mdm_request *c, const struct renewal *renewal)
{
	const struct host *host = &c->identity.host;
	struct command command;
	bool held;
	int r;

	if (c->identity.by_tls || renewal->enrollment_id[0] == '\0')
		return OK;
	r = commands_load(c->db, host->id, renewal->command_uuid, &command);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	held = is_open(&command) && !may_send(c, &command);
	commands_release(&command);
	if (!held)
		return OK;
	log_line(LOG_NOTICE,
	    "the renewal of host %s waits until TLS shows its certificate",
	    host->device.serial);
	return alarms_raise(c->db, ALARM_RENEWAL_HELD, host->id,
	    host->device.serial,
	    "its renewal by SCEP is not sent, because the host shows no "
	    "certificate in TLS (attestmdm.conf: [mdm] client_certificate)");
}

int
renewal_command_next(struct mdm_request *c, struct command *out)
{
	struct renewal renewal;
	int r;

	*out = (struct command){ 0 };
	if ((r = load_renewal(c, &renewal)) != OK ||
	    (r = drop_stale(c, &renewal)) != OK ||
	    (r = raise_held(c, &renewal)) != OK)
		return r;
	if (c->identity.expired)
		return load_open(c, renewal.command_uuid, out);
	r = c->identity.by_tls
	    ? commands_next(c->db, c->identity.host.id, out)
	    : commands_next_by_header(c->db, c->identity.host.id, out);
	return r == OK ? go_first(c, &renewal, out) : r;
}

bool
renewal_command_allows(struct mdm_request *c, const char *uuid)
{
	struct renewal renewal;

	if (!c->identity.expired)
		return true;
	if (load_renewal(c, &renewal) == OK &&
	    strcmp(renewal.command_uuid, uuid) == 0)
		return true;
	log_line(LOG_WARN,
	    "host %s answers the command %s with an expired certificate",
	    c->identity.cert.serial, uuid);
	return false;
}

/* The event log of the enrollment that failed, not of the one in use. */
static int
note_failure(
    struct mdm_request *c, const struct renewal *renewal, const char *reason)
{
	log_line(LOG_WARN, "host %s: %s", c->identity.cert.serial, reason);
	return events_add(c->db,
	    &(struct event){ .enrollment_id = renewal->enrollment_id,
		.serial = c->identity.cert.serial,
		.step = "renewal",
		.outcome = EVENT_FAILED,
		.code = ERR_RENEWAL_DEVICE,
		.reason = reason,
		.remote_address = c->remote_address });
}

/* One link of an ErrorChain: what it says, and where it comes from. */
static void
add_error(const struct in_plist_node *error, struct buf *out)
{
	const char *words = "", *domain = "";
	int64_t code;

	if (in_plist_string(error, "USEnglishDescription", &words) != OK)
		(void)in_plist_string(error, "LocalizedDescription", &words);
	(void)in_plist_string(error, "ErrorDomain", &domain);
	buf_printf(out, "%s%.*s (%.*s", out->n == 0 ? "" : "; ", ERROR_WORDS,
	    words, ERROR_WORDS, domain);
	if (in_plist_int(error, "ErrorCode", &code) == OK)
		buf_printf(out, " %lld", (long long)code);
	buf_add_str(out, ")");
}

/* The device's words, for an administrator. */
static void
describe(const struct mdm_request *c, char out[RENEWALS_ERROR_TEXT])
{
	const struct in_plist_node *chain;
	struct buf words;
	char clean[400];
	size_t i;

	buf_init(&words, QUEUE_ERRORS_MAX * (2 * ERROR_WORDS + 32));
	if (in_plist_array(c->message.root, "ErrorChain", &chain) == OK)
		for (i = 0; i < in_plist_count(chain) && i < QUEUE_ERRORS_MAX;
		     i++)
			add_error(in_plist_item(chain, i), &words);
	log_escape(buf_blob(&words), clean, sizeof(clean));
	snprintf(out, RENEWALS_ERROR_TEXT,
	    "the device could not renew its certificate: %s",
	    words.n > 0                  ? clean
		: c->message.doc == NULL ? "its answer could not be read"
					 : "it does not say why");
	buf_release(&words);
}

int
renewal_command_answered(
    struct mdm_request *c, const struct command_result *result)
{
	struct renewal renewal;
	char reason[RENEWALS_ERROR_TEXT];
	int r;

	if (result->state != COMMAND_ERROR &&
	    result->state != COMMAND_FORMAT_ERROR)
		return OK;
	if ((r = load_renewal(c, &renewal)) != OK ||
	    renewal.enrollment_id[0] == '\0' ||
	    strcmp(renewal.command_uuid, result->uuid) != 0)
		return r;
	describe(c, reason);
	if ((r = note_failure(c, &renewal, reason)) != OK)
		return r;
	return renewals_fail(c->db, c->identity.host.id, false, reason);
}
