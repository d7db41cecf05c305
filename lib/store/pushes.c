#include "store/pushes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

#define MINUTE INT64_C(60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* No push is put off for longer: by age, and a pause. */
#define DUE_MOST (2 * DAY)

enum {
	LOAD,
	WAITS,
	SET_DUE,
	TOKEN_CAME,
	BUSY,
	IDLE,
	LEFT,
	TAKE,
	CLAIM,
	PUT_OFF,
	COUNT_DAMAGED,
	STORE,
	KILL,
	WANT_SILENT,
	WANT_WAITING,
	NEXT_DUE,
};

#define SELECT                                                                 \
	"SELECT {columns} FROM pushes JOIN hosts ON hosts.id = pushes.host_id"
#define CAN_BE_PUSHED                                                          \
	" hosts.state = 'enrolled' AND hosts.push_token IS NOT NULL"
/* sent or to be sent, and not answered, not even NotNow */
#define WAITING(host, generation)                                              \
	"SELECT 1 FROM commands c WHERE c.host_id = " host                     \
	" AND c.generation = " generation " AND c.state IN ('queued', 'sent')"

static const char *const texts[] = {
	[LOAD] = SELECT " WHERE pushes.host_id = $1",
	[WAITS] = WAITING("$1", "(SELECT generation FROM hosts WHERE id = $1)"),
	[SET_DUE] = "UPDATE pushes SET due_at = $2, attempts = 0"
		    " WHERE host_id = $1",
	[TOKEN_CAME] = "INSERT INTO pushes (host_id, token_at) VALUES ($1, $2)"
		       " ON CONFLICT (host_id) DO UPDATE SET"
		       " token_at = excluded.token_at, dead_at = NULL,"
		       " hold_until = NULL, failures = 0",
	[BUSY] = "UPDATE pushes SET due_at = $2, attempts = 1"
		 " WHERE host_id = $1 AND due_at < $2",
	[IDLE] = "UPDATE pushes SET due_at = NULL, attempts = 0"
		 " WHERE host_id = $1 AND due_at IS NOT NULL",
	[LEFT] = "UPDATE pushes SET due_at = NULL, attempts = 0, failures = 0,"
		 " hold_until = NULL, dead_at = NULL WHERE host_id = $1",
	[TAKE] = SELECT " WHERE pushes.due_at <= $1 AND" CAN_BE_PUSHED
			" ORDER BY pushes.due_at LIMIT $2",
	[CLAIM] = "UPDATE pushes SET last_push_at = $2, due_at = $3"
		  " WHERE host_id = $1",
	/*
	 * after those that fit were put off, the oldest are those that do not
	 */
	[PUT_OFF] = "UPDATE pushes SET due_at = $2, last_reason = 'DamagedRow'"
		    " WHERE host_id IN (SELECT pushes.host_id FROM pushes"
		    " JOIN hosts ON hosts.id = pushes.host_id"
		    " WHERE pushes.due_at <= $1 AND" CAN_BE_PUSHED
		    " ORDER BY pushes.due_at LIMIT $3)",
	[COUNT_DAMAGED] = SQL_SCANS "SELECT count(*) FROM pushes"
				    " WHERE last_reason = 'DamagedRow'",
	[STORE] = "UPDATE pushes SET last_status = $3, last_reason = $4,"
		  " apns_id = $5, failures = $6, hold_until = $7,"
		  " attempts = CASE WHEN due_at = $2 THEN $8 ELSE attempts END,"
		  " due_at = CASE WHEN due_at = $2 THEN $9"
		  " WHEN due_at < $7 THEN $7 ELSE due_at END,"
		  " dead_at = CASE WHEN $10 = 1 THEN NULL ELSE dead_at END"
		  " WHERE host_id = $1",
	[KILL] = "UPDATE pushes SET dead_at = COALESCE(dead_at, $2),"
		 " due_at = NULL,"
		 " last_status = $3, last_reason = $4, apns_id = $5"
		 " WHERE host_id = $1 AND (SELECT push_token FROM hosts"
		 " WHERE id = $1) = $6 AND (token_at * 1000 <= $7"
		 " OR token_at IS NULL OR $7 = 0)",
	[WANT_SILENT] = SQL_SCANS
	"UPDATE pushes SET due_at = $1, attempts = 0 WHERE host_id IN"
	" (SELECT hosts.id FROM hosts JOIN pushes ON pushes.host_id = hosts.id"
	" WHERE" CAN_BE_PUSHED " AND (pushes.due_at > $4"
	" OR (pushes.due_at IS NULL"
	" AND (hosts.last_seen_at < $2 OR pushes.dead_at IS NOT NULL)"
	" AND (pushes.last_push_at IS NULL OR pushes.last_push_at < $2"
	" OR pushes.last_push_at > $1)))"
	" ORDER BY hosts.last_seen_at LIMIT $3)",
	[WANT_WAITING] = SQL_SCANS
	"UPDATE pushes SET due_at = $1, attempts = 0, failures = 0,"
	" hold_until = NULL WHERE host_id IN (SELECT hosts.id FROM hosts"
	" JOIN pushes ON pushes.host_id = hosts.id WHERE" CAN_BE_PUSHED
	" AND hosts.topic = $2 AND (pushes.dead_at IS NOT NULL"
	" OR EXISTS (" WAITING("hosts.id", "hosts.generation") ")))",
	[NEXT_DUE] = "SELECT due_at FROM pushes WHERE due_at IS NOT NULL"
		     " ORDER BY due_at LIMIT 1",
};

#define ROW struct push

static const struct column columns[] = {
	{ "pushes.host_id", TEXT(host_id) },
	{ "hosts.serial", TEXT(serial) },
	{ "hosts.topic", TEXT(topic) },
	{ "hosts.push_token", BYTES_OR_NULL(token, token_len) },
	{ "hosts.push_magic", TEXT_OR_NULL(magic) },
	{ "pushes.token_at", TIME(token_at) },
	{ "pushes.due_at", TIME(due_at) },
	{ "pushes.hold_until", TIME(hold_until) },
	{ "pushes.attempts", INT(attempts) },
	{ "pushes.failures", INT(failures) },
	{ "pushes.last_push_at", TIME(last_push_at) },
	{ "pushes.last_status", INT(last_status) },
	{ "pushes.last_reason", TEXT(last_reason) },
	{ "pushes.apns_id", TEXT(apns_id) },
	{ "pushes.dead_at", TIME(dead_at) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(pushes, texts, &table);

int
pushes_load(struct db *db, const char *host_id, struct push *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(host_id)), out);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * A time further ahead than it can be was set by a clock that was wrong, and
 * counts for nothing.
 */
static int64_t
sane(int64_t at, int64_t most)
{
	return at > clock_now() + most ? 0 : at;
}

int
pushes_want(struct db *db, const char *host_id)
{
	struct push push;
	int64_t due;
	int r = pushes_load(db, host_id, &push);

	if (r == ERR_NOT_FOUND ||
	    (r == OK && (push.dead_at != 0 || push.token_len == 0)))
		return OK;
	if (r != OK)
		return r;
	due = later(clock_now(), sane(push.hold_until, HOUR));
	due = later(due, sane(push.last_push_at, MINUTE) + PUSHES_APART);
	if (push.due_at != 0 && push.due_at < due)
		due = push.due_at;
	db_wake(db);
	return sql_run(
	    db, texts[SET_DUE], WITH(datum_text(host_id), datum_int(due)));
}

int
pushes_token_came(struct db *db, const char *host_id)
{
	bool waits;
	int r;

	r = sql_run(db, texts[TOKEN_CAME],
	    WITH(datum_text(host_id), datum_int(clock_now())));
	if (r == OK)
		r = sql_exists(
		    db, texts[WAITS], WITH(datum_text(host_id)), &waits);
	return r == OK && waits ? pushes_want(db, host_id) : r;
}

int
pushes_host_busy(struct db *db, const char *host_id)
{
	return sql_run(db, texts[BUSY],
	    WITH(datum_text(host_id), datum_int(clock_now() + 5 * MINUTE)));
}

int
pushes_host_idle(struct db *db, const char *host_id)
{
	return sql_run(db, texts[IDLE], WITH(datum_text(host_id)));
}

int
pushes_host_left(struct db *db, const char *host_id)
{
	return sql_run(db, texts[LEFT], WITH(datum_text(host_id)));
}

void
pushes_list_release(struct push_list *list)
{
	free(list->rows);
	*list = (struct push_list){ 0 };
}

int
pushes_take(struct db *db, int limit, struct push_list *out)
{
	int64_t now = clock_now();
	size_t i, damaged;
	int r;

	r = sql_rows_that_fit(db, texts[TAKE], &table,
	    WITH(datum_int(now), datum_int(limit)), &out->rows, &out->n,
	    &damaged);
	for (i = 0; r == OK && i < out->n; i++) {
		struct push *push = &out->rows[i];

		push->last_push_at = now;
		push->due_at = now + PUSHES_CLAIM;
		r = sql_run(db, texts[CLAIM],
		    WITH(datum_text(push->host_id), datum_int(now),
			datum_int(push->due_at)));
	}
	if (r == OK && damaged > 0)
		r = sql_run(db, texts[PUT_OFF],
		    WITH(datum_int(now), datum_int(now + HOUR),
			datum_int((int64_t)damaged)));
	if (r != OK)
		pushes_list_release(out);
	return r;
}

/* Counts come from a row, which may hold anything. */
static int
one_more(int count)
{
	return count < INT_MAX ? count + 1 : count;
}

static int64_t
nth(const int64_t *list, int n, int i)
{
	return list[i < 0 ? 0 : i < n ? i : n - 1];
}

int64_t
pushes_pause(int failures)
{
	static const int64_t pauses[] = { 30, 2 * MINUTE, 8 * MINUTE,
		30 * MINUTE };
	int n = (int)(sizeof pauses / sizeof pauses[0]);
	int64_t pause = nth(pauses, n, failures);
	uint32_t random;

	secret_random(&random, sizeof random);
	return pause * 8 / 10 + random % (pause * 4 / 10 + 1);
}

/* After an accepted push: 0 when no command waits for this host. */
static int
next_by_age(struct db *db, const struct push *taken, int64_t *out)
{
	static const int64_t ages[] = { 5 * MINUTE, HOUR, 6 * HOUR, DAY };
	int n = (int)(sizeof ages / sizeof ages[0]);
	bool waits;
	int r;

	r = sql_exists(
	    db, texts[WAITS], WITH(datum_text(taken->host_id)), &waits);
	*out = waits ? taken->last_push_at + nth(ages, n, taken->attempts) : 0;
	return r;
}

/* ERR_CONFLICT: the token is a newer one. */
static int
kill_token(
    struct db *db, const struct push *taken, const struct push_result *result)
{
	return sql_change(db, texts[KILL],
	    WITH(datum_text(taken->host_id), datum_int(clock_now()),
		datum_int(result->status),
		datum_cut(result->reason, PUSHES_REASON_TEXT),
		datum_cut(result->apns_id, PUSHES_ID_TEXT),
		datum_blob(blob_of(taken->token, taken->token_len)),
		datum_int(result->dead_since)),
	    ERR_CONFLICT);
}

int
pushes_store(
    struct db *db, const struct push *taken, const struct push_result *result)
{
	int failures = taken->failures, attempts = taken->attempts, r = OK;
	int64_t due = 0, hold = 0;

	if (result->outcome == PUSH_DEAD &&
	    (r = kill_token(db, taken, result)) != ERR_CONFLICT)
		return r;
	switch (result->outcome) {
	case PUSH_ACCEPTED:
		if ((r = next_by_age(db, taken, &due)) != OK)
			return r;
		attempts = one_more(attempts);
		failures = 0;
		break;
	case PUSH_DEAD:
	case PUSH_FAILED:
		hold = due = clock_now() + pushes_pause(failures);
		failures = one_more(failures);
		break;
	case PUSH_POSTPONED:
		hold = due = result->again_at;
		break;
	case PUSH_REFUSED:
		break;
	}
	return sql_run(db, texts[STORE],
	    WITH(datum_text(taken->host_id), datum_int(taken->due_at),
		datum_int(result->status),
		datum_cut(result->reason, PUSHES_REASON_TEXT),
		datum_cut(result->apns_id, PUSHES_ID_TEXT), datum_int(failures),
		datum_time(hold), datum_int(attempts), datum_time(due),
		datum_int(result->outcome == PUSH_ACCEPTED)));
}

int
pushes_want_silent(struct db *db, int limit, int *wanted)
{
	int64_t now = clock_now();

	return sql_count_changed(db, texts[WANT_SILENT],
	    WITH(datum_int(now), datum_int(now - PUSHES_SILENT),
		datum_int(limit), datum_int(now + DUE_MOST)),
	    wanted);
}

int
pushes_want_waiting(struct db *db, const char *topic)
{
	db_wake(db);
	return sql_run(db, texts[WANT_WAITING],
	    WITH(datum_int(clock_now()), datum_text(topic)));
}

int
pushes_count_damaged(struct db *db, int64_t *out)
{
	return sql_integer(db, texts[COUNT_DAMAGED], NULL, out);
}

int
pushes_next_due(struct db *db, int64_t *out)
{
	return sql_integer(db, texts[NEXT_DUE], NULL, out);
}
