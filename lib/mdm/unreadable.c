#include "mdm/unreadable.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "mdm/renewal_command.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/events.h"

static const char *
why(const struct mdm_request *req)
{
	return req->report.note[0] != '\0' ? req->report.note
					   : "it does not name its command";
}

/* One alarm for each host and type of command. */
static void
subject_of(const struct command *command, char out[DB_NAME_TEXT])
{
	snprintf(out, DB_NAME_TEXT, "%s %.90s", command->host_id,
	    command->request_type);
}

/* That was the last one allowed. */
static int
give_up(struct mdm_request *req, const struct command *command)
{
	struct command_result result = { .host_id = command->host_id,
		.uuid = command->uuid,
		.state = COMMAND_ERROR,
		.note = why(req) };
	char subject[DB_NAME_TEXT], text[ALARM_TEXT];
	struct db *db = req->context.db;
	int r;

	subject_of(command, subject);
	snprintf(text, sizeof text,
	    "The command %s (%s) to host %s failed: %d answers could not be "
	    "read (%s). Its other commands go on. See attestmdm command "
	    "show.",
	    command->request_type, command->uuid, req->identity.cert.serial,
	    UNREADABLE_MAX, why(req));
	if ((r = commands_store_result(db, &result)) != OK ||
	    (r = alarms_raise(db, ALARM_RESULT_UNREADABLE, subject,
		 req->identity.cert.serial, text)) != OK)
		return r;
	return renewal_command_answered(req, &result);
}

static int
count(struct mdm_request *req, const struct command *command, bool *over)
{
	char reason[EVENTS_REASON_TEXT];
	bool allowed;
	int64_t n;
	int r;

	r = renewal_command_allows(req, command->uuid, &allowed);
	if (r != OK || !allowed)
		return r;
	r = commands_count_unreadable(req->context.db, command, why(req), &n);
	if (r != OK)
		return r == ERR_CONFLICT ? OK : r;
	snprintf(reason, sizeof reason,
	    "answer %lld of at most %d to %.90s (%s) cannot be read: %s",
	    (long long)n, UNREADABLE_MAX, command->request_type, command->uuid,
	    why(req));
	log_line(LOG_WARN, "host %s: %s", req->identity.cert.serial, reason);
	r = context_log(&req->context, ERR_MDM_MESSAGE, reason);
	*over = n >= UNREADABLE_MAX;
	return r == OK && *over ? give_up(req, command) : r;
}

int
unreadable_count(struct mdm_request *req, bool *over)
{
	const char *host_id = req->identity.host.id, *uuid = req->report.uuid;
	struct db *db = req->context.db;
	struct command command;
	int r;

	*over = false;
	r = uuid[0] != '\0' ? commands_load(db, host_id, uuid, &command)
			    : commands_last_sent(db, host_id, &command);
	if (r == ERR_NOT_FOUND) {
		log_line(LOG_NOTICE, "host %s reports \"%s\" of no command",
		    req->identity.cert.serial, req->report.status);
		return OK;
	}
	if (r != OK)
		return r;
	r = count(req, &command, over);
	commands_release(&command);
	return r;
}

int
unreadable_is_over(struct mdm_request *req, const char *uuid)
{
	char subject[DB_NAME_TEXT];
	struct command command;
	int r = commands_load(
	    req->context.db, req->identity.host.id, uuid, &command);

	if (r != OK)
		return r;
	subject_of(&command, subject);
	commands_release(&command);
	return alarms_close(req->context.db, ALARM_RESULT_UNREADABLE, subject);
}
