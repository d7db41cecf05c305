/*
 * The key that authenticates administrators and sessions, see store/rowmac.h.
 */
#ifndef BIN_ADMINKEY_H
#define BIN_ADMINKEY_H

#include "base/conf.h"
#include "bin/owners.h"
#include "store/db.h"

/*
 * Gives the connection the key. When the file is absent, makes it: the
 * administrators that are in the database then are trusted as they are, and
 * *made is true. A run that was interrupted is simply repeated. Uses a
 * transaction of its own. ERR_IO, and the errors of admins_authenticate_all().
 */
int adminkey_prepare(const struct conf *conf, const struct owners *owners,
    struct db *db, bool *made);

#endif
