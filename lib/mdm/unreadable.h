/*
 * Answers that do not say which command they are for, or what became of it. The
 * device would give the same answer for ever, and nothing behind that command
 * would ever be sent: after UNREADABLE_MAX of them it ends as failed.
 */
#ifndef MDM_UNREADABLE_H
#define MDM_UNREADABLE_H

#include <stdbool.h>

#include "mdm/contact.h"

#define UNREADABLE_MAX 3

/*
 * Counts the report of *c against the command it names, or else against the one
 * that was sent to this host last, with a row in the trail. `over`: that was one
 * too many; the command failed now, and an alarm is raised. OK also when no
 * command of this host waits for an answer. In a transaction.
 */
int unreadable_count(struct contact *c, bool *over);

/*
 * A command was answered, and the answer could be read: closes the alarm of
 * commands of its type.
 */
int unreadable_is_over(struct contact *c, const char *uuid);

#endif
