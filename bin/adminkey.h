/*
 * The key that authenticates administrators, sessions and API tokens, see
 * store/rowmac.h.
 */
#ifndef BIN_ADMINKEY_H
#define BIN_ADMINKEY_H

#include "base/conf.h"
#include "bin/owners.h"
#include "store/db.h"

/*
 * Gives the connection the key, which is made when the file is absent; *made
 * is true then. With `believe`, a new key authenticates the administrators that
 * are in the database. Any program can insert one there: only for a database
 * from before there was a key. Without it, each needs a new password. Uses a
 * transaction of its own. ERR_IO, and the errors of admins_authenticate_all().
 */
int adminkey_prepare(const struct conf *conf, const struct owners *owners,
    struct db *db, bool believe, bool *made);

/*
 * Gives the connection the key when this user can read it, so that a row that
 * another program wrote can be told; *readable says so. OK when he cannot.
 */
int adminkey_try(const struct conf *conf, struct db *db, bool *readable);

/* What a list says of a row: "yes", "no", or "unknown" without the key. */
const char *adminkey_word(bool readable, bool authentic);

#endif
