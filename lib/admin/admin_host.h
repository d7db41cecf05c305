/* Hosts as an administrator finds, blocks and unblocks them. */
#ifndef ADMIN_HOST_H
#define ADMIN_HOST_H

#include "admin/admin_actor.h"
#include "store/hosts.h"

/* By serial number, UDID or id. ERR_NOT_FOUND. */
int admin_host_find(struct db *db, const char *name, struct host *out);

/*
 * Blocks hosts, all or none: each is told to unenroll at its next check-in, and
 * its open enrollment profiles are revoked. ERR_NOT_FOUND, ERR_ROLE.
 */
int admin_host_block(
    const struct admin_actor *actor, const char *const *names, int n);

/* Lets blocked hosts enroll again, all or none. ERR_CONFLICT: not blocked. */
int admin_host_unblock(
    const struct admin_actor *actor, const char *const *names, int n);

#endif
