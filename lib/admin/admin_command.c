#include "admin/admin_command.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "mdm/command_types.h"
#include "store/renewals.h"

static int
refuse_unknown(const char *type)
{
	struct nearest near = { NULL, 0 };
	const struct command_type *all;
	size_t i, n;

	all = command_types_all(&n);
	for (i = 0; i < n; i++)
		nearest_offer(&near, type, all[i].type);
	if (near.word != NULL)
		return fail(ERR_FIELD,
		    "no command is called %s (did you mean %s?)", type,
		    near.word);
	return fail(ERR_FIELD, "no command is called %s", type);
}

/* A device executes whatever it gets, so typing errors must end here. */
static int
check(const struct admin_command *command)
{
	const char *type = command->text->request_type;
	const struct command_type *known = command_types_find(type);
	int r;

	if (known == NULL)
		return command->force ? OK : refuse_unknown(type);
	if (!command->force && (r = command_check_keys(command->text)) != OK)
		return r;
	if (known->danger != NULL && !command->confirmed)
		return fail(ERR_UNCONFIRMED, "%s %s", type, known->danger);
	return OK;
}

static int
record(const struct admin_actor *actor, const char *action, const char *type,
    const char *uuid, const struct host *host, const char *before,
    const char *after)
{
	char detail[256];

	snprintf(detail, sizeof detail, "%.100s %s", type, uuid);
	return admin_actor_note(actor,
	    &(struct activity_note){ .action = action,
		.serial = host->device.serial,
		.before = before,
		.after = after,
		.detail = detail });
}

static int
enqueue(const struct admin_actor *actor, const struct host *host,
    const struct admin_command *command)
{
	const struct command_text *text = command->text;
	int r = command_enqueue(
	    actor->db, host->id, text, command->priority, actor->name);

	if (r == ERR_CONFLICT)
		return fail(r,
		    "%s takes no commands (it is %s), or has this CommandUUID "
		    "already",
		    host->device.serial, hosts_state_name(host->state));
	if (r != OK)
		return r;
	return record(actor, "command.send", text->request_type, text->uuid,
	    host, "", commands_state_name(COMMAND_QUEUED));
}

int
admin_command_send(const struct admin_actor *actor, const struct host *host,
    const struct admin_command *command)
{
	int r;

	if ((r = check(command)) == OK &&
	    (r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) == OK)
		r = db_end(actor->db, enqueue(actor, host, command));
	return r;
}

/* A renewal does not stay open without its command. */
static int
take_back(struct db *db, const struct command *c)
{
	struct renewal renewal;
	int r = renewals_load(db, c->host_id, &renewal);

	if (r == OK && renewal.enrollment_id[0] != '\0' &&
	    strcmp(renewal.command_uuid, c->uuid) == 0)
		return renewals_fail(db, c->host_id, false,
		    "an administrator cancelled its command");
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	return commands_cancel(db, c->host_id, c->uuid);
}

static int
cancel(const struct admin_actor *actor, const struct host *host,
    const char *uuid, bool *sent)
{
	struct command c;
	int r = commands_load(actor->db, host->id, uuid, &c);

	if (r == ERR_NOT_FOUND)
		return fail(
		    r, "host %s has no command %s", host->device.serial, uuid);
	if (r != OK)
		return r;
	*sent = c.sent_at != 0;
	if (!commands_is_waiting(c.state))
		r = fail(ERR_CONFLICT, "it is over already: %s",
		    commands_state_name(c.state));
	else if ((r = take_back(actor->db, &c)) == OK)
		r = record(actor, "command.cancel", c.request_type, c.uuid,
		    host, commands_state_name(c.state),
		    commands_state_name(COMMAND_CANCELLED));
	commands_release(&c);
	return r;
}

int
admin_command_cancel(const struct admin_actor *actor, const struct host *host,
    const char *uuid, bool *sent)
{
	int r;

	*sent = false;
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) == OK)
		r = db_end(actor->db, cancel(actor, host, uuid, sent));
	return r;
}
