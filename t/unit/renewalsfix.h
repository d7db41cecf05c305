/* Hosts whose certificates end, and the renewals that are due. */
#ifndef UNIT_RENEWALSFIX_H
#define UNIT_RENEWALSFIX_H

#include "base/secret.h"
#include "store/renewal_candidates.h"
#include "store/renewals.h"
#include "unit/storefix.h"

#define DAY    INT64_C(86400)
#define WINDOW (180 * DAY)

/* An enrolled host with a current certificate of these dates. */
void renewalsfix_enroll(struct db *db, const char *serial, int tag,
    int64_t from, int64_t to, struct host *host);

/* One whose certificate ends in so many of its 365 days. */
void renewalsfix_enroll_year(
    struct db *db, const char *serial, int tag, int days, struct host *host);
struct renewal_query renewalsfix_query(int limit);

/* The serial numbers that are due, one after the other. */
void renewalsfix_assert_due(struct db *db, const char *expected);

/* The serial numbers to tell of, with a window of 30 days. */
void renewalsfix_assert_ending(struct db *db, const char *expected);

/* Opens a renewal: an enrollment that lives 24 hours, and its command. */
void renewalsfix_open_it(struct db *db, const struct host *host,
    struct enrollment *e, char uuid[SECRET_UUID_TEXT]);

#endif
