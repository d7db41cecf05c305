/*
 * Waking hosts by a push: when each is to get the next one, and what became of
 * the last. A push says nothing but "come and ask", so one too many does no
 * harm, and one that got lost is followed by another.
 *
 * A host is due at once when a command is queued for it, but not within
 * PUSHES_APART of the last push. While a command waits that the host did not
 * answer, the next pushes follow 5 minutes, 1 hour and 6 hours after the last,
 * then daily. What was answered NotNow is not waited for: the host comes by
 * itself.
 */
#ifndef STORE_PUSHES_H
#define STORE_PUSHES_H

#include "store/db.h"
#include "store/hosts.h"

#define PUSHES_REASON_TEXT 65
#define PUSHES_ID_TEXT     65

/* Commands queued within this many seconds share a push. */
#define PUSHES_APART 5
/* A push that nobody wrote an answer for is sent again after this many. */
#define PUSHES_CLAIM 120
/* Hosts that were not here for this long get a push although nothing waits, and
 * so do dead tokens: Apple may have been wrong. */
#define PUSHES_SILENT (INT64_C(7) * 86400)

struct push {
	char host_id[DB_ID_TEXT];
	/* of the host */
	char serial[DB_SERIAL_TEXT];
	char topic[256];
	uint8_t token[HOSTS_PUSH_TOKEN_MAX];
	size_t token_len;
	char magic[DB_NAME_TEXT];
	/* when the token came; 0: not known */
	int64_t token_at;
	/* 0: none is wanted */
	int64_t due_at;
	/* none before that, whoever wants one */
	int64_t hold_until;
	/* accepted since the host was here last, and failures in a row */
	int attempts;
	int failures;
	int64_t last_push_at;
	/* of the last answer; 0 when there was none */
	int last_status;
	char last_reason[PUSHES_REASON_TEXT];
	char apns_id[PUSHES_ID_TEXT];
	/* the token is dead, until the host sends another or Apple takes a push
	 * to it; 0: it is not */
	int64_t dead_at;
};

struct push_list {
	struct push *rows;
	size_t n;
};

enum push_outcome {
	/* Apple took it */
	PUSH_ACCEPTED,
	/* the token is dead */
	PUSH_DEAD,
	/* to be tried again, ever more slowly */
	PUSH_FAILED,
	/* the same, but nothing is wrong with this host: not counted */
	PUSH_POSTPONED,
	/* not to be tried again before somebody wants another push */
	PUSH_REFUSED,
};

struct push_result {
	enum push_outcome outcome;
	/* HTTP status, or 0 */
	int status;
	/* a word of Apple's, or a short text of ours */
	const char *reason;
	const char *apns_id;
	/* of PUSH_DEAD: since when, in milliseconds since 1970; 0: not said */
	int64_t dead_since;
	/* of PUSH_POSTPONED: when to try again */
	int64_t again_at;
};

/* ERR_NOT_FOUND: the host never had a push token. */
int pushes_load(struct db *db, const char *host_id, struct push *out);

/*
 * The functions below change rows in the caller's transaction, and wake the
 * worker after its commit when there is something to send.
 *
 * A push is wanted now. Nothing happens while the host has no token that works:
 * the next TokenUpdate, or the weekly try of a dead one, makes up for it.
 */
int pushes_want(struct db *db, const char *host_id);

/* TokenUpdate came: the token works (again); a push when a command waits. */
int pushes_token_came(struct db *db, const char *host_id);

/* The host is here and got a command: the next push in 5 minutes. */
int pushes_host_busy(struct db *db, const char *host_id);

/* The host is here and nothing is left to send: no push is wanted. */
int pushes_host_idle(struct db *db, const char *host_id);

/* The host left, or enrolls anew: its token is gone. */
int pushes_host_left(struct db *db, const char *host_id);

/*
 * Takes at most `limit` pushes that are due, the oldest first, for the caller
 * to send and to pushes_store(). Each is put off by PUSHES_CLAIM, so nobody
 * else takes it, and it is sent again if the caller dies. Damaged rows are
 * left out and put off by an hour. The caller frees with pushes_list_release().
 */
int pushes_take(struct db *db, int limit, struct push_list *out);
void pushes_list_release(struct push_list *list);

/*
 * What became of a push that pushes_take() gave. The token is dead only if the
 * host did not send one meanwhile, or, with dead_since, after that. When the
 * next one is due follows from the outcome, unless the host was here or another
 * one was wanted meanwhile.
 */
int pushes_store(
    struct db *db, const struct push *taken, const struct push_result *result);

/*
 * Makes hosts due that were not here for PUSHES_SILENT, whose token is dead, or
 * that a wrong clock put off too far; `limit` at most.
 */
int pushes_want_silent(struct db *db, int limit, int *wanted);

/*
 * Makes all hosts of this topic due for which a command waits, or whose token is
 * dead.
 */
int pushes_want_waiting(struct db *db, const char *topic);

/* How many hosts get no push because their row is damaged? */
int pushes_count_damaged(struct db *db, int64_t *out);

/* When the next one is due. ERR_NOT_FOUND: none is. */
int pushes_next_due(struct db *db, int64_t *out);

/*
 * How long to wait after this many failures in a row, from 0: 30 s, 2, 8, then
 * 30 minutes, each 20 % more or less.
 */
int64_t pushes_pause(int failures);

#endif
