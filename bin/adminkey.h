/*
 * The key that authenticates administrators and sessions, see store/rowmac.h.
 */
#ifndef BIN_ADMINKEY_H
#define BIN_ADMINKEY_H

#include "base/conf.h"
#include "bin/owners.h"
#include "store/db.h"

/*
 * Gives the connection the key, which is made when the file is absent: then
 * the administrators that are in the database are believed, and *made is
 * true. A run that was cut short is repeated as a whole. Uses a transaction of
 * its own.
 */
int adminkey_prepare(const struct conf *conf, const struct owners *owners,
    struct db *db, bool *made);

#endif
