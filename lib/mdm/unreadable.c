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
why(const struct mdm_request *c)
{
	return c->report.note[0] != '\0' ? c->report.note
					 : "it does not name its command";
}

/* One alarm for each host and type of command. */
static void
subject_of(const struct command *command, char out[DB_NAME_TEXT])
{
	snprintf(out, DB_NAME_TEXT, "%s %.90s", command->host_id,
	    command->request_type);
}

static int
note(struct mdm_request *c, const struct command *command, int64_t count)
{
	char reason[512];

	snprintf(reason, sizeof(reason),
	    "answer %lld of at most %d to %.90s (%s) cannot be read: %s",
	    (long long)count, UNREADABLE_MAX, command->request_type,
	    command->uuid, why(c));
	log_line(LOG_WARN, "host %s: %s", c->identity.cert.serial, reason);
	return events_add(c->db,
	    &(struct event){ .enrollment_id = c->identity.cert.enrollment_id,
		.serial = c->identity.cert.serial,
		.step = c->step,
		.outcome = EVENT_REFUSED,
		.code = ERR_MDM_MESSAGE,
		.reason = reason,
		.remote_address = c->remote_address });
}

static int
raise_alarm(struct mdm_request *c, const struct command *command)
{
	char subject[DB_NAME_TEXT], text[ALARM_TEXT];

	subject_of(command, subject);
	snprintf(text, sizeof(text),
	    "The command %s (%s) to host %s failed: %d answers could not be "
	    "read (%s). Its other commands go on. See attestmdm command "
	    "show.",
	    command->request_type, command->uuid, c->identity.cert.serial,
	    UNREADABLE_MAX, why(c));
	return alarms_raise(c->db, ALARM_RESULT_UNREADABLE, subject,
	    c->identity.cert.serial, text);
}

static int
give_up(struct mdm_request *c, const struct command *command)
{
	struct command_result result = { .host_id = command->host_id,
		.uuid = command->uuid,
		.state = COMMAND_ERROR,
		.note = why(c) };
	int r;

	if ((r = commands_store_result(c->db, &result)) != OK ||
	    (r = raise_alarm(c, command)) != OK)
		return r;
	return renewal_command_answered(c, &result);
}

static int
count(struct mdm_request *c, const struct command *command, bool *over)
{
	int64_t n;
	int r;

	if (!renewal_command_allows(c, command->uuid))
		return OK;
	r = commands_count_unreadable(c->db, command, why(c), &n);
	if (r == ERR_CONFLICT)
		return OK;
	if (r != OK || (r = note(c, command, n)) != OK)
		return r;
	*over = n >= UNREADABLE_MAX;
	return *over ? give_up(c, command) : OK;
}

int
unreadable_count(struct mdm_request *c, bool *over)
{
	const char *uuid = c->report.uuid;
	struct command command;
	int r;

	*over = false;
	if (uuid[0] != '\0')
		r = commands_load(c->db, c->identity.host.id, uuid, &command);
	else
		r = commands_last_sent(c->db, c->identity.host.id, &command);
	if (r == ERR_NOT_FOUND) {
		log_line(LOG_NOTICE, "host %s reports \"%s\" of no command",
		    c->identity.cert.serial, c->report.status);
		return OK;
	}
	if (r != OK)
		return r;
	r = count(c, &command, over);
	commands_release(&command);
	return r;
}

int
unreadable_is_over(struct mdm_request *c, const char *uuid)
{
	char subject[DB_NAME_TEXT];
	struct command command;
	int r = commands_load(c->db, c->identity.host.id, uuid, &command);

	if (r != OK)
		return r;
	subject_of(&command, subject);
	commands_release(&command);
	return alarms_close(c->db, ALARM_RESULT_UNREADABLE, subject);
}
