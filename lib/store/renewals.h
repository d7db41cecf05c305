/*
 * The renewal of hosts' certificates: which are due, which is open, and what
 * came of it. At most one renewal of a host is open: an InstallProfile command
 * with an enrollment of purpose "renew".
 */
#ifndef STORE_RENEWALS_H
#define STORE_RENEWALS_H

#include "store/certificates.h"
#include "store/db.h"
#include "store/hosts.h"

struct renewal {
	char host_id[DB_ID_TEXT];
	/* "" when none is open */
	char enrollment_id[DB_ID_TEXT];
	char command_uuid[SECRET_UUID_TEXT];
	int64_t opened_at;
	/* failed tries in a row */
	int failures;
	int64_t closed_at;
	/* the last one ended without any answer */
	bool unanswered;
	/* for an administrator; "" after a success */
	char last_error[512];
	int64_t next_try_at;
	int64_t alarmed_at;
};

/* A host that should get a new certificate. */
struct renewal_candidate {
	char host_id[DB_ID_TEXT];
	char serial[DB_SERIAL_TEXT];
	int64_t not_before;
	int64_t not_after;
};

struct renewal_candidate_list {
	struct renewal_candidate *rows;
	size_t n;
};

struct renewal_open_list {
	struct renewal *rows;
	size_t n;
};

/*
 * When a certificate's renewal is due: `window` seconds before its end when it
 * lives twice the window or longer, at two thirds of its life otherwise.
 */
int64_t renewals_due_at(int64_t not_before, int64_t not_after, int64_t window);

/*
 * Enrolled hosts whose present certificate is due and ended not longer than
 * `grace` seconds ago, with no renewal open and a next try at or before now (or
 * an unanswered one, and the host was seen since it was closed); soonest end
 * first, at most `limit`.
 */
int renewals_due(struct db *db, int64_t now, int64_t window, int64_t grace,
    int limit, struct renewal_candidate_list *out);

/*
 * Enrolled hosts that are not attested, are assigned by Apple Business Manager
 * and have no renewal open, by serial number behind `after` (""), at most
 * `limit`, whatever their next try.
 */
int renewals_not_attested(struct db *db, const char *after, int limit,
    struct renewal_candidate_list *out);

/*
 * Enrolled hosts whose present certificate ends before `end`, without an alarm
 * since `alarmed_before`; soonest end first.
 */
int renewals_alarming(struct db *db, int64_t end, int64_t alarmed_before,
    int limit, struct renewal_candidate_list *out);
void renewals_candidates_release(struct renewal_candidate_list *list);

/* ERR_NOT_FOUND when this host never had one. */
int renewals_load(struct db *db, const char *host_id, struct renewal *out);

/* The host's open one is this command's. ERR_NOT_FOUND. */
int renewals_load_by_command(struct db *db, const char *host_id,
    const char *command_uuid, struct renewal *out);

/* No open one → this one. ERR_CONFLICT when one is open. */
int renewals_open(struct db *db, const char *host_id, const char *enrollment_id,
    const char *command_uuid);

/* Open ones whose enrollment is open and expired; oldest first. */
int renewals_list_expired(
    struct db *db, int64_t now, int limit, struct renewal_open_list *out);
void renewals_open_list_release(struct renewal_open_list *list);

/*
 * The host's open one → none, after a failure: counts it, notes the reason and
 * the time of the next try (after 1, 3, then 7 days), revokes its enrollment
 * when that has no certificate in use, and cancels its command when that is
 * unanswered. ERR_CONFLICT when none is open.
 */
int renewals_fail(
    struct db *db, const char *host_id, bool unanswered, const char *reason);

/* Notes why a host is passed over until `next_try_at`; no failure. */
int renewals_postpone(struct db *db, const char *host_id, const char *reason,
    int64_t next_try_at);

/*
 * The renewed certificate is in use: none open, failures forgotten. Nothing
 * happens when the host has no row.
 */
int renewals_finish(struct db *db, const char *host_id);

/*
 * The host enrolls anew, left or was blocked: its open renewal is over, its
 * enrollment revoked when still open.
 */
int renewals_abandon(struct db *db, const char *host_id);

/* Sets alarmed_at to now. */
int renewals_mark_alarmed(struct db *db, const char *host_id);

struct renewal_counts {
	int64_t open;
	int64_t failed;
	/* certificates of enrolled hosts that end within 30 days, or did */
	int64_t alarming;
};

int renewals_count(struct db *db, struct renewal_counts *out);

#endif
