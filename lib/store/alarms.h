/*
 * Alarms: what an administrator should look at. At most one is open for each
 * kind and subject; it is closed when its cause is gone. Each row is also the
 * outbox of what is told of it to [alarms] command: that it was raised, again
 * when it gets worse or after some days, and that it was closed.
 */
#ifndef STORE_ALARMS_H
#define STORE_ALARMS_H

#include "store/db.h"

/*
 * X(constant, name). The name is what the database, the tool and scripts see,
 * so it never changes.
 */
#define ALARM_KINDS(X)                                                         \
	X(API_TOKEN_ENDING, "api-token-ending")                                \
	X(BUSINESS_FAILING, "business-failing")                                \
	X(BUSINESS_TERMS, "business-terms")                                    \
	X(CA_ENDING, "ca-ending")                                              \
	X(CERTIFICATE_ENDING, "certificate-ending")                            \
	X(CRL_OLD, "crl-old")                                                  \
	X(DISK_FULL, "disk-full")                                              \
	X(DOWNGRADE_REFUSED, "downgrade-refused")                              \
	X(EVIDENCE_FORGED, "evidence-forged")                                  \
	X(HELD_FOR_REVIEW, "held-for-review")                                  \
	X(JOB_FAILING, "job-failing")                                          \
	X(PUSH_CERTIFICATE_ENDING, "push-certificate-ending")                  \
	X(PUSH_OTHER_TOPIC, "push-other-topic")                                \
	X(PUSH_REFUSED, "push-refused")                                        \
	X(PUSH_TOKENS_DEAD, "push-tokens-dead")                                \
	X(PUSH_STOPPED, "push-stopped")                                        \
	X(PUSH_TOPIC_MISSING, "push-topic-missing")                            \
	X(REMOVALS_HELD, "removals-held")                                      \
	X(RENEWED_WITHOUT_ATTESTATION, "renewed-without-attestation")          \
	X(RENEWAL_FAILING, "renewal-failing")                                  \
	X(RENEWAL_HELD, "renewal-held")                                        \
	X(RESULT_UNREADABLE, "result-unreadable")                              \
	X(SERVER_TOKEN_ENDING, "server-token-ending")                          \
	X(SIGNER_CHANGED, "signer-changed")                                    \
	X(TLS_ENDING, "tls-ending")                                            \
	X(UDID_MISMATCH, "udid-mismatch")                                      \
	X(WORKER_SILENT, "worker-silent")

enum alarm_kind {
#define ALARM_KIND(constant, name) ALARM_##constant,
	ALARM_KINDS(ALARM_KIND)
#undef ALARM_KIND
	    ALARM_KIND_COUNT
};

enum alarm_severity { ALARM_WARNING, ALARM_CRITICAL };

/* Longer texts are cut. */
#define ALARM_TEXT 1001

struct alarm {
	int64_t id;
	/* as in ALARM_KINDS; a later version may have written others */
	char kind[DB_NAME_TEXT];
	char subject[DB_NAME_TEXT];
	char serial[DB_SERIAL_TEXT];
	char text[ALARM_TEXT];
	int64_t raised_at;
	int64_t last_seen_at;
	/* 0 while it is open */
	int64_t closed_at;
	enum alarm_severity severity;
	/* of an alarm about an end: when that is, and the threshold that was
	 * reached, in days; else 0 and -1 */
	int64_t ends_at;
	int days_left;
	/* when the command took it last, 0: never; when to tell it (again), 0:
	 * there is nothing to be told */
	int64_t told_at;
	int64_t tell_at;
};

struct alarm_list {
	struct alarm *rows;
	size_t n;
};

const char *alarms_kind_name(enum alarm_kind kind);
/* "warning" or "critical" */
const char *alarms_severity_name(enum alarm_severity severity);

/*
 * In a write transaction. Raises the alarm, or, when one of this kind and
 * subject is open, updates its text, its serial number and last_seen_at.
 * `serial` is the device's serial number, NULL or "" when it concerns none;
 * `subject` tells alarms of one kind apart: a host's id, a serial number, a
 * host and command type. `text` is a sentence for the administrator. Callers
 * must bound the number of subjects, since each has a row.
 */
int alarms_raise(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text);

/*
 * In a write transaction. Something ends at `ends_at`: from 30 days before on
 * there is an alarm, which is told again at 14, 7 and 1 days and at the end,
 * and is critical from 7 days on; before, an open one is closed. Its text is
 * "`what` expires within N days, on DATE. `advice`".
 */
int alarms_raise_ending(struct db *db, enum alarm_kind kind,
    const char *subject, const char *serial, int64_t ends_at, const char *what,
    const char *advice);

/*
 * alarms_raise() in a transaction of its own: for a refusal, after the
 * request's own transaction was rolled back. It does not wait for the disk,
 * since recorded messages can be sent again as often as somebody likes.
 */
int alarms_note(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text);

/* alarms_raise_ending() in a transaction of its own. */
int alarms_note_ending(struct db *db, enum alarm_kind kind, const char *subject,
    int64_t ends_at, const char *what, const char *advice);

/*
 * In a transaction of its own. Raises the alarm with this severity, or closes
 * it when `text` is "".
 */
int alarms_note_state(struct db *db, enum alarm_kind kind,
    enum alarm_severity severity, const char *subject, const char *text);

/* In a write transaction. Closes the open alarm; OK when there is none. */
int alarms_close(struct db *db, enum alarm_kind kind, const char *subject);

/* Is one of this kind and subject open? */
int alarms_is_open(
    struct db *db, enum alarm_kind kind, const char *subject, bool *out);

/* How many are open. */
int alarms_count_open(struct db *db, int64_t *out);

/*
 * Newest first, ids below `before` only (0: from the newest), at most `limit`
 * rows: the open ones, or with `all` the closed ones too.
 */
int alarms_list(
    struct db *db, bool all, int64_t before, int limit, struct alarm_list *out);

/* The open ones of a device, newest first. */
int alarms_list_by_serial(
    struct db *db, const char *serial, int limit, struct alarm_list *out);
void alarms_list_release(struct alarm_list *list);

/* The next one that is to be told by `now`. ERR_NOT_FOUND: none is. */
int alarms_next(struct db *db, int64_t now, struct alarm *out);

/* When the first one is to be told; 0: none. */
int alarms_tell_at(struct db *db, int64_t *out);

/*
 * In a transaction of its own. The command took `told`, which alarms_next()
 * gave. An open one is told again at `again` (0: never), unless it changed
 * meanwhile: then what is new stays to be told.
 */
int alarms_told(struct db *db, const struct alarm *told, int64_t again);

/*
 * In a transaction of its own. The command did not take it: others come first.
 */
int alarms_put_off(struct db *db, const struct alarm *alarm, int64_t until);

/*
 * In a transaction of its own. There is no command: `limit` closed ones are not
 * told any more; open ones stay, for when there is one.
 */
int alarms_forget_closed(struct db *db, int limit, int *changed);

/* Deletes at most `limit` rows that were closed more than a year ago. */
int alarms_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
