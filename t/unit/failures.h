/*
 * Lets calls of the C library, of SQLite and of GnuTLS fail, one at a time. A
 * program that uses this is linked with $(FAILURES), which names the calls.
 */
#ifndef UNIT_FAILURES_H
#define UNIT_FAILURES_H

#include "store/db.h"

/*
 * From now on the n-th of these calls fails, without being made: memory
 * allocations, calls about files, SQLite's and libarchive's, and most of
 * GnuTLS. Only calls that are made by this program's own code count, not those
 * of one library to another.
 */
void failures_arm(int n);

/* No call fails from now on. The name of the one that did; NULL when none. */
const char *failures_disarm(void);

/*
 * Runs an operation with its first call failing, then its second and so on,
 * until it comes through without a failure. Each failure must give an error
 * code, of a 5xx when memory is lacking, and leave no transaction of `db` (may be
 * NULL) open, and at the end the operation must give OK. Returns how many calls
 * failed.
 */
int failures_each(struct db *db, int (*operation)(void *), void *arg);

/*
 * The same for an operation that can do without some calls. It checks what it
 * got itself, and gives OK only when that is whole.
 */
int failures_each_checked(struct db *db, int (*operation)(void *), void *arg);

#endif
