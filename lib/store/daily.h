/*
 * Figures of each day: how many hosts there were, and how often devices were refused
 * for each reason, for the last DAILY_KEPT days. `day` is the number of days since
 * 1970-01-01 (UTC); `now`, `at` and `since` are seconds since then.
 */
#ifndef STORE_DAILY_H
#define STORE_DAILY_H

#include "store/db.h"

#define DAILY_KEPT    400
#define DAILY_SECONDS INT64_C(86400)

/* Most reasons in a list. */
#define DAILY_REASONS 10

struct daily_hosts {
	int64_t day;
	int64_t enrolled;
	/* how many of the enrolled */
	int64_t attested;
};

struct daily_hosts_list {
	struct daily_hosts *rows;
	size_t n;
};

struct daily_refusals {
	/* name from err.def without ERR_ */
	char code[33];
	int64_t refusals;
};

struct daily_refusals_list {
	struct daily_refusals *rows;
	size_t n;
};

/*
 * In a write transaction. Stores how many hosts there are now as the figures of the
 * day, in place of earlier ones of the same day.
 */
int daily_note_hosts(struct db *db, int64_t now);

/* In a write transaction. Counts one more refusal on the day of `at`. */
int daily_add_refusal(struct db *db, int64_t at, const char *code);

/*
 * From the day of `since` on, oldest first, without days that were not counted. The
 * caller releases *out.
 */
int daily_list_hosts(
    struct db *db, int64_t since, struct daily_hosts_list *out);
void daily_list_hosts_release(struct daily_hosts_list *list);

/*
 * Sums from the day of `since` on, the most frequent reason first, DAILY_REASONS at
 * most. The caller releases *out.
 */
int daily_list_refusals(
    struct db *db, int64_t since, struct daily_refusals_list *out);
void daily_list_refusals_release(struct daily_refusals_list *list);

/*
 * Deletes rows that are more than DAILY_KEPT days old: at most `limit`, and then the
 * rest of the day that was begun.
 */
int daily_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
