/*
 * Figures of each day: how many hosts there were, and how often devices were refused
 * for each reason. Kept, since counting takes too long, and for DAILY_KEPT days. A
 * day is the number of days since 1970, in UTC.
 */
#ifndef STORE_DAILY_H
#define STORE_DAILY_H

#include "store/db.h"

#define DAILY_KEPT    400
#define DAILY_SECONDS INT64_C(86400)

/* Reasons listed at most. */
#define DAILY_REASONS 10

struct daily_hosts {
	int64_t day;
	int64_t enrolled;
	/* of these */
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
 * In a write transaction: today's hosts are those of now, until it is called again
 * on the same day.
 */
int daily_note_hosts(struct db *db, int64_t now);

/* In a write transaction: one more at this time. */
int daily_add_refusal(struct db *db, int64_t at, const char *code);

/* From the day of `since` on, oldest first; days on which nobody counted miss. */
int daily_list_hosts(
    struct db *db, int64_t since, struct daily_hosts_list *out);
void daily_list_hosts_release(struct daily_hosts_list *list);

/*
 * The sum of the days from that of `since` on, the most frequent reasons first,
 * DAILY_REASONS of them.
 */
int daily_list_refusals(
    struct db *db, int64_t since, struct daily_refusals_list *out);
void daily_list_refusals_release(struct daily_refusals_list *list);

/* Deletes about `limit` rows of more than DAILY_KEPT days ago. */
int daily_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
