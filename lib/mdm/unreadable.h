/*
 * Answers that do not say which command they are for, or what became of it. The
 * device would repeat such an answer forever, and no later command would ever
 * be sent. So the command ends as failed after UNREADABLE_MAX of them.
 */
#ifndef MDM_UNREADABLE_H
#define MDM_UNREADABLE_H

#include <stdbool.h>

#include "mdm/mdm_request.h"

#define UNREADABLE_MAX 3

/*
 * In a transaction. Counts the report of *req against the command it names, or
 * else against the one that was last sent to this host, and adds a row to the
 * event log. *over is true when that was the last one allowed: the command has
 * failed, and an alarm is raised. OK also when no command of this host waits
 * for an answer.
 */
int unreadable_count(struct mdm_request *req, bool *over);

/*
 * In a transaction, when an answer to this command could be read: closes the
 * alarm about commands of its type for this host.
 */
int unreadable_is_over(struct mdm_request *req, const char *uuid);

#endif
