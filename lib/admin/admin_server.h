/* The installation: what an administrator does to the server as a whole. */
#ifndef ADMIN_SERVER_H
#define ADMIN_SERVER_H

#include "admin/admin_actor.h"

/* Records that a backup was written to `file`. */
int admin_server_note_backup(const struct admin_actor *actor, const char *file);

/* Records that a CA was renewed: the file of its new certificate. */
int admin_server_note_ca(
    const struct admin_actor *actor, const char *certificate);

/*
 * Makes a restored database fit to serve, see restored_void(), and records that
 * it came from `file`.
 */
int admin_server_restored(const struct admin_actor *actor, const char *file);

/* Records that the database went from schema `before` to `after`. */
int admin_server_note_migrate(
    const struct admin_actor *actor, int before, int after);

#endif
