#include "mdm/renewal_command.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "mdm/queue.h"
#include "policy/decision.h"
#include "store/alarms.h"
#include "store/enrollments.h"
#include "store/renewals.h"

/* Bytes of a device's text that go into a reason. */
#define ERROR_WORDS 120

/* The host's renewal, open or not; all empty when it never had one. */
static int
load_renewal(struct mdm_request *req, struct renewal *out)
{
	int r = renewals_load(req->context.db, req->identity.host.id, out);

	return r == ERR_NOT_FOUND ? OK : r;
}

/* In the event log of the renewal's enrollment, not of the one in use. */
static int
log_renewal(struct mdm_request *req, const struct renewal *renewal, int code,
    const char *reason)
{
	struct context c = req->context;

	c.step = "renewal";
	memcpy(c.enrollment_id, renewal->enrollment_id, sizeof c.enrollment_id);
	return context_log(&c, code, reason);
}

/* Nothing is sent that a device cannot follow any more, or did already. */
static int
drop_stale(struct mdm_request *req, const struct renewal *renewal)
{
	const char *host_id = req->identity.host.id;
	struct db *db = req->context.db;
	char reason[RENEWALS_ERROR_TEXT];
	struct device_state state;
	struct enrollment e;
	int r;

	if (renewal->command_uuid[0] == '\0')
		return OK;
	r = enrollments_load_usable(db, renewal->enrollment_id, &e);
	if (r == ERR_NOT_FOUND || (r == OK && e.state != ENROLLMENT_OPEN)) {
		r = commands_cancel(db, host_id, renewal->command_uuid);
		return r == ERR_CONFLICT ? OK : r;
	}
	if (r == OK &&
	    (r = device_state_load(
		 db, req->context.conf, e.device.serial, &state)) == OK)
		r = decision_check_issue(&state, &e);
	if (r == OK || err_http_status(r) >= 500)
		return r;
	/* It would only fail: the next run decides anew. */
	snprintf(reason, sizeof reason, "taken back: %s", log_reason());
	if ((r = log_renewal(req, renewal, r, reason)) == OK)
		r = renewals_withdraw(db, host_id, reason);
	return r;
}

static bool
may_send(const struct mdm_request *req, const struct command *command)
{
	return req->identity.by_tls || !command->needs_client_certificate;
}

static bool
is_open(const struct command *command)
{
	return command->state == COMMAND_QUEUED ||
	    command->state == COMMAND_SENT || command->state == COMMAND_NOT_NOW;
}

/* An administrator has to know that the renewal is held back. */
static int
raise_held(struct mdm_request *req, const struct renewal *renewal)
{
	const struct host *host = &req->identity.host;
	struct db *db = req->context.db;
	struct command command;
	bool held;
	int r;

	if (req->identity.by_tls || renewal->enrollment_id[0] == '\0')
		return OK;
	r = commands_load(db, host->id, renewal->command_uuid, &command);
	held = r == OK && is_open(&command) && !may_send(req, &command);
	commands_release(&command);
	if (!held)
		return r == ERR_NOT_FOUND ? OK : r;
	log_line(LOG_NOTICE,
	    "the renewal of host %s waits until TLS shows its certificate",
	    host->device.serial);
	return alarms_raise(db, ALARM_RENEWAL_HELD, host->id,
	    host->device.serial,
	    "its renewal by SCEP is not sent, because the host shows no "
	    "certificate in TLS (attestmdm.conf: [mdm] client_certificate)");
}

int
renewal_command_next(struct mdm_request *req, struct command *out)
{
	const struct identity *id = &req->identity;
	struct db *db = req->context.db;
	struct renewal renewal;
	struct command first;
	int r;

	*out = (struct command){ 0 };
	if ((r = load_renewal(req, &renewal)) != OK ||
	    (r = drop_stale(req, &renewal)) != OK ||
	    (r = raise_held(req, &renewal)) != OK)
		return r;
	if (id->expired) {
		r = commands_load(db, id->host.id, renewal.command_uuid, out);
		if (r == OK && !(may_send(req, out) && is_open(out))) {
			commands_release(out);
			r = ERR_NOT_FOUND;
		}
		return r;
	}
	r = id->by_tls ? commands_next(db, id->host.id, out)
		       : commands_next_by_header(db, id->host.id, out);
	if (r != OK || out->state != COMMAND_SENT ||
	    strcmp(out->uuid, renewal.command_uuid) == 0)
		return r;
	/* It waits behind no command that the device never answers. */
	r = commands_load_waiting(
	    db, id->host.id, renewal.command_uuid, &first);
	if (r == OK && may_send(req, &first)) {
		commands_release(out);
		*out = first;
	} else {
		commands_release(&first);
	}
	return r == ERR_NOT_FOUND ? OK : r;
}

int
renewal_command_allows(struct mdm_request *req, const char *uuid, bool *out)
{
	struct renewal renewal;
	int r;

	*out = !req->identity.expired;
	if (*out)
		return OK;
	r = load_renewal(req, &renewal);
	*out = r == OK && strcmp(renewal.command_uuid, uuid) == 0;
	if (r == OK && !*out)
		log_line(LOG_WARN,
		    "host %s answers the command %s with an expired "
		    "certificate",
		    req->identity.cert.serial, uuid);
	return r;
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
static int
describe(const struct mdm_request *req, char out[RENEWALS_ERROR_TEXT])
{
	const struct in_plist_node *chain;
	struct buf words;
	char clean[400];
	size_t i;
	int r;

	buf_init(&words, QUEUE_ERRORS_MAX * (2 * ERROR_WORDS + 32));
	if (in_plist_array(req->message.root, "ErrorChain", &chain) == OK)
		for (i = 0; i < in_plist_count(chain) && i < QUEUE_ERRORS_MAX;
		     i++)
			add_error(in_plist_item(chain, i), &words);
	log_escape(buf_blob(&words), clean, sizeof clean);
	snprintf(out, RENEWALS_ERROR_TEXT,
	    "the device could not renew its certificate: %s",
	    words.n > 0                    ? clean
		: req->message.doc == NULL ? "its answer could not be read"
					   : "it does not say why");
	r = buf_status(&words);
	buf_release(&words);
	return r;
}

int
renewal_command_answered(
    struct mdm_request *req, const struct command_result *result)
{
	struct renewal renewal;
	char reason[RENEWALS_ERROR_TEXT];
	int r;

	if (result->state != COMMAND_ERROR &&
	    result->state != COMMAND_FORMAT_ERROR)
		return OK;
	if ((r = load_renewal(req, &renewal)) != OK ||
	    renewal.enrollment_id[0] == '\0' ||
	    strcmp(renewal.command_uuid, result->uuid) != 0)
		return r;
	if ((r = describe(req, reason)) != OK)
		return r;
	log_line(LOG_WARN, "host %s: %s", req->identity.cert.serial, reason);
	r = log_renewal(req, &renewal, ERR_RENEWAL_DEVICE, reason);
	if (r != OK)
		return r;
	return renewals_fail(
	    req->context.db, req->identity.host.id, false, reason);
}
