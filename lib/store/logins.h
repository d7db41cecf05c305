/* The throttling of sign-ins. */
#ifndef STORE_LOGINS_H
#define STORE_LOGINS_H

#include "store/db.h"

/* Counters of sign-in attempts that are kept: those that counted last. */
#define LOGINS_COUNTERS_MAX 20000

/*
 * Counts one attempt to sign in from `source` and as `name` (texts of at most
 * 255 bytes that differ, longer ones are cut) before the password is checked,
 * so that parallel attempts cannot slip through. The first five are free, then
 * the wait doubles from one second: up to 15 minutes for a source, but 8
 * seconds for a name, because anybody can try it. A NULL name is not counted.
 * A day without attempts clears a counter. ERR_RATE_LIMITED when either must
 * wait, with the seconds in *wait; the attempt is then counted for neither.
 */
int logins_begin(
    struct db *db, const char *source, const char *name, int64_t *wait);

/*
 * Must they wait now? Counts nothing and needs no transaction, so that whoever does
 * not heed the wait takes no turn of those who write.
 */
int logins_wait(
    struct db *db, const char *source, const char *name, int64_t *wait);

/* The password was right: clears the counter of `subject`. */
int logins_succeed(struct db *db, const char *subject);

/* Deletes at most `limit` counters of a day ago. */
int logins_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
