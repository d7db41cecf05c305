/* Hosts whose certificate may have to be renewed, found by various questions.
 */
#ifndef STORE_RENEWAL_CANDIDATES_H
#define STORE_RENEWAL_CANDIDATES_H

#include "store/cursor.h"
#include "store/db.h"

/* An enrolled host and its present certificate. */
struct renewal_candidate {
	char host_id[DB_ID_TEXT];
	char serial[DB_SERIAL_TEXT];
	uint8_t sha256[SECRET_SHA256];
	int64_t not_after;
	/* seconds between the dates in the certificate itself */
	int64_t lifetime;
};

struct renewal_candidate_list {
	struct renewal_candidate *rows;
	size_t n;
};

/* Times in seconds. */
struct renewal_query {
	int64_t now;
	/* how long before its end a certificate is renewed */
	int64_t window;
	/* how long after its end it still may be */
	int64_t grace;
	int limit;
};

/*
 * Hosts whose renewal is due, not open and not put off: soonest end first,
 * beyond `after` (NULL: from the start). A try that was never answered is
 * repeated once the host was seen again, a failed one at its next_try_at.
 */
int renewal_candidates_due(struct db *db, const struct renewal_query *query,
    const struct renewal_candidate *after, struct renewal_candidate_list *out);

/*
 * The same by pages, of query->limit rows: beyond `cursor`, `next` of the page
 * before. `next` is "" after the last. ERR_FIELD: this is no cursor of this list.
 */
int renewal_candidates_list(struct db *db, const struct renewal_query *query,
    const char *cursor, struct renewal_candidate_list *out,
    char next[CURSOR_TEXT]);

/*
 * Hosts that are not attested, but assigned by Apple Business, with no
 * renewal open but one for SCEP that has no certificate yet; by serial number,
 * beyond `after` (NULL: from the start).
 */
int renewal_candidates_not_attested(struct db *db,
    const struct renewal_candidate *after, int limit,
    struct renewal_candidate_list *out);

/*
 * Hosts whose certificate ends within `window` seconds, or a sixth of its life
 * when that is shorter, or ended not longer than `window` ago; with no alarm
 * since it reached the last of the thresholds of alarms_raise_ending(); soonest
 * end first.
 */
int renewal_candidates_ending(struct db *db, int64_t now, int64_t window,
    int limit, struct renewal_candidate_list *out);

/*
 * Hosts whose open renewal was not answered in time: its enrollment expired
 * without a certificate, or with one and the host came since with the old one;
 * or it was opened by a clock that was a day ahead. Oldest first.
 */
int renewal_candidates_unanswered(
    struct db *db, int64_t now, int limit, struct renewal_candidate_list *out);

/* Is it one of those, still? */
int renewal_candidates_is_unanswered(
    struct db *db, const char *host_id, int64_t now, bool *out);

/* One host as a candidate, whatever is due. ERR_NOT_FOUND: not enrolled. */
int renewal_candidates_load(
    struct db *db, const char *host_id, struct renewal_candidate *out);
void renewal_candidates_list_release(struct renewal_candidate_list *list);

#endif
