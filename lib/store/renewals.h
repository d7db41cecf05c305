/*
 * The renewal of hosts' certificates: which is open, and what came of it;
 * renewal_candidates.h finds the hosts. A host has one open at most: an
 * enrollment of purpose "renew" and the InstallProfile command that takes it to
 * the device.
 */
#ifndef STORE_RENEWALS_H
#define STORE_RENEWALS_H

#include "store/db.h"

#define RENEWALS_ERROR_TEXT 512

struct renewal {
	char host_id[DB_ID_TEXT];
	/* "" when none is open */
	char enrollment_id[DB_ID_TEXT];
	/* of the open one, or of the last */
	char command_uuid[SECRET_UUID_TEXT];
	int64_t opened_at;
	/* failed tries in a row */
	int failures;
	int64_t closed_at;
	/* the last one ended without any answer */
	bool unanswered;
	/* for an administrator; "" after a success */
	char last_error[RENEWALS_ERROR_TEXT];
	int64_t next_try_at;
	int64_t alarmed_at;
};

/* Who queues the commands of renewals; their property lists hold secrets. */
#define RENEWALS_SENDER "renewal"

/*
 * When a certificate's renewal is due: `window` before its end when it lives
 * twice the window or longer, else when a third of its life is left. The
 * statement of renewal_candidates_due() says the same.
 */
int64_t renewals_due_at(int64_t not_after, int64_t lifetime, int64_t window);

/* ERR_NOT_FOUND when this host never had one. */
int renewals_load(struct db *db, const char *host_id, struct renewal *out);

/*
 * None open → this one; what became of the last is forgotten, but for the count
 * of failures. ERR_CONFLICT when one is open.
 */
int renewals_open(struct db *db, const char *host_id, const char *enrollment_id,
    const char *command_uuid);

/*
 * The open one → none, after a failure: counts it, notes the reason and when
 * to try again (after 1, 3, then 7 days, or a third of what the certificate has
 * left but not less than an hour; an unanswered one waits for the host),
 * revokes its enrollment unless a certificate came of it, cancels its command
 * when nobody answered that, and erases the profile in it. From the third
 * failure in a row on an alarm is open. ERR_CONFLICT when none is open.
 */
int renewals_fail(
    struct db *db, const char *host_id, bool unanswered, const char *reason);

/*
 * The open one → none, without a failure: it may not go on, or another takes
 * its place at once. Otherwise as renewals_fail().
 */
int renewals_withdraw(struct db *db, const char *host_id, const char *reason);

/* Notes why a host is passed over until `until`; counts no failure. */
int renewals_postpone(
    struct db *db, const char *host_id, const char *reason, int64_t until);

/*
 * A renewed certificate is in use, or the host enrolls anew, left or was
 * blocked: none open, failures forgotten, alarms about renewal closed. The
 * enrollment of an open one is revoked unless a certificate came of it, and the
 * profile in its command is erased; the command stays, for its answer may come
 * yet. OK also without a row.
 */
int renewals_finish(struct db *db, const char *host_id);

/* An administrator was told: alarmed_at is now. */
int renewals_mark_alarmed(struct db *db, const char *host_id);

#endif
