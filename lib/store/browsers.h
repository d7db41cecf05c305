/*
 * Browsers in which an administrator signed in before, recognized by a
 * long-lived cookie that is worth nothing without the password.
 */
#ifndef STORE_BROWSERS_H
#define STORE_BROWSERS_H

#include "store/db.h"

/* Seconds since the last sign-in for which a browser is remembered. */
#define BROWSERS_LIFE (180 * 86400)

/* Browsers remembered per administrator: those used last. */
#define BROWSERS_PER_ADMIN 16

/*
 * Did `admin` sign in within BROWSERS_LIFE in the browser that holds `token`?
 * The name need not exist.
 */
int browsers_is_known(
    struct db *db, const char *token, const char *admin, bool *known);

/*
 * Remembers the browser from now on, in place of the one used longest ago.
 * `token` is fresh, or known for this administrator.
 */
int browsers_remember(struct db *db, const char *token, const char *admin);

/* Forgets every browser of an administrator. */
int browsers_forget_all(struct db *db, const char *admin);

/* Deletes at most `limit` rows older than BROWSERS_LIFE. */
int browsers_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
