/* What concerns all tables at once. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/db.h"

/*
 * Deletes what nobody needs any more, in short transactions of its own with
 * pauses between them, so that requests do not wait; then shrinks the log of
 * the database. *deleted counts rows. Call it outside of a transaction; calling
 * it again continues.
 */
int store_purge(struct db *db, int64_t now, int64_t *deleted);

#endif
