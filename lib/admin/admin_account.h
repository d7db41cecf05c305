/*
 * Administrators, as one of them adds and disables others. The last one who has
 * the role admin and can sign in is neither disabled nor given another role:
 * ERR_LAST_ADMIN.
 */
#ifndef ADMIN_ACCOUNT_H
#define ADMIN_ACCOUNT_H

#include "admin/admin_actor.h"

/*
 * The connection needs the key of store/rowmac.h; `hash` is as crypt(3) writes
 * it. ERR_EXISTS, ERR_FIELD (this cannot be a name), ERR_ROLE.
 */
int admin_account_create(const struct admin_actor *actor, const char *name,
    enum admin_role role, const char *hash);

/*
 * Also ends all sessions of that administrator. `role` may be NULL: the role then
 * stays as it is, or ERR_UNCONFIRMED if another program wrote the row. ERR_NOT_FOUND,
 * ERR_LAST_ADMIN, ERR_ROLE.
 */
int admin_account_set_password(const struct admin_actor *actor,
    const char *name, const enum admin_role *role, const char *hash);

/* Also ends all their sessions. ERR_NOT_FOUND, ERR_LAST_ADMIN, ERR_ROLE. */
int admin_account_set_role(
    const struct admin_actor *actor, const char *name, enum admin_role role);

/*
 * All or none; disabling also ends their sessions. ERR_NOT_FOUND, ERR_LAST_ADMIN,
 * ERR_ROLE.
 */
int admin_account_disable(
    const struct admin_actor *actor, const char *const *names, int n);
int admin_account_enable(
    const struct admin_actor *actor, const char *const *names, int n);

#endif
