/* What concerns all tables at once. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/conf.h"
#include "store/db.h"

/*
 * Deletes what nobody needs any more, in short transactions of its own with
 * pauses between them, so that requests do not wait; then notes the hosts of
 * today (store/daily.h) and shrinks the log of the database. How long records are
 * kept stands in [retention] of the configuration. *deleted counts rows. Call it
 * outside of a transaction; calling it again continues.
 */
int store_purge(struct db *db, const struct conf *conf, int64_t now,
    int64_t *deleted);

/* How far it is; zeroed at the start. */
struct store_purge {
	size_t table;
	int64_t deleted;
};

/*
 * The same in steps of a few milliseconds: *more is false when all is done.
 * After a failure the same step may be tried again.
 */
int store_purge_step(struct db *db, const struct conf *conf, int64_t now,
    struct store_purge *at, bool *more);

#endif
