/* Commands as an administrator sends and cancels them. */
#ifndef ADMIN_COMMAND_H
#define ADMIN_COMMAND_H

#include "admin/admin_actor.h"
#include "mdm/command.h"
#include "store/hosts.h"

struct admin_command {
	const struct command_text *text;
	/* 0 to 9; higher goes first */
	int priority;
	/* the administrator means what erases, locks or restarts */
	bool confirmed;
	/* also of a type or with keys that are not known here */
	bool force;
};

/*
 * Queues a command for a host. ERR_FIELD: no such command, or a key is missing;
 * ERR_UNCONFIRMED: it does what is hard to undo; ERR_CONFLICT: the host takes
 * no commands, or has this UUID already; ERR_ROLE.
 */
int admin_command_send(const struct admin_actor *actor, const struct host *host,
    const struct admin_command *command);

/*
 * Cancels a command that has no answer yet; *sent says whether the device may
 * have carried it out. An open renewal ends with its command. ERR_NOT_FOUND,
 * ERR_CONFLICT: it is over; ERR_ROLE.
 */
int admin_command_cancel(const struct admin_actor *actor,
    const struct host *host, const char *uuid, bool *sent);

#endif
