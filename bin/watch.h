/*
 * What the job of alarms looks at by itself: ends of certificates and tokens,
 * age of the revocation lists, room on the disk. Everything else raises its
 * alarm where it is noticed.
 */
#ifndef BIN_WATCH_H
#define BIN_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/conf.h"
#include "store/db.h"

/*
 * Looks at thing number *next, raises or closes its alarm in a transaction of
 * its own, and moves *next on. false: there is no such thing. *r is OK, or why
 * it could not be looked at.
 */
bool watch_next(struct db *db, const struct conf *conf, size_t *next, int *r);

/*
 * The certificate with which the URL was served ends at `not_after`; 0: it is
 * not trusted, and `reason` says why.
 */
int watch_tls(struct db *db, const struct conf *conf, int64_t not_after,
    const char *reason);

#endif
