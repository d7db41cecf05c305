/* Sessions of the admin pages, as an administrator ends them. */
#ifndef ADMIN_SESSION_H
#define ADMIN_SESSION_H

#include "admin/admin_actor.h"
#include "store/sessions.h"

/* Ends sessions by their ids, all or none. ERR_NOT_FOUND, ERR_ROLE. */
int admin_session_end(
    const struct admin_actor *actor, const char *const *ids, int n);

/*
 * Ends all sessions of an administrator; *ended counts them. ERR_NOT_FOUND when
 * there is no such administrator; ERR_ROLE.
 */
int admin_session_end_all(
    const struct admin_actor *actor, const char *name, int *ended);

#endif
