#include "store/logins.h"

#include "base/clock.h"
#include "store/sql.h"

#define FREE_TRIES  5
#define SOURCE_WAIT 900
/* Anybody may try any name, so that its wait stays short. */
#define NAME_WAIT     8
#define FORGET_AFTER  86400
#define SUBJECT_BYTES 256

enum { LOAD, COUNT, TRIM, SUCCEED, PURGE };

static const char *const texts[] = {
	[LOAD] = "SELECT {columns} FROM login_failures"
		 " WHERE subject = $1",
	[COUNT] = "INSERT INTO login_failures (subject, failures, last_at)"
		  " VALUES ($1, $2, $3) ON CONFLICT (subject) DO UPDATE"
		  " SET failures = excluded.failures,"
		  " last_at = excluded.last_at",
	[TRIM] = "DELETE FROM login_failures WHERE last_at < (SELECT"
		 " last_at FROM login_failures WHERE last_at >= 0"
		 " ORDER BY last_at DESC LIMIT 1 OFFSET $1)",
	[SUCCEED] = "DELETE FROM login_failures WHERE subject = $1",
	[PURGE] = "DELETE FROM login_failures WHERE subject IN"
		  " (SELECT subject FROM login_failures"
		  " WHERE last_at < $1 ORDER BY last_at LIMIT $2)",
};

#define ROW struct tries

struct tries {
	int64_t failures;
	int64_t last_at;
};

static const struct column columns[] = {
	{ "failures", INT(failures) },
	{ "last_at", INT(last_at) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(logins, texts, &table);

/* Seconds from now until the next try; forgets tries of a day ago. */
static int64_t
wait_for(struct tries *t, int64_t longest, int64_t now)
{
	int64_t delay = longest;
	int64_t over = t->failures - FREE_TRIES;

	/* a clock that was set back must not lock anybody out for long */
	if (t->last_at > now)
		t->last_at = now;
	if (now - t->last_at >= FORGET_AFTER)
		t->failures = 0;
	if (t->failures < FREE_TRIES)
		return 0;
	if (over < 10 && (INT64_C(1) << over) < longest)
		delay = INT64_C(1) << over;
	return t->last_at + delay > now ? t->last_at + delay - now : 0;
}

static int
load_tries(struct db *db, const char *subject, struct tries *out)
{
	int r;

	r = sql_one(db, texts[LOAD], &table,
	    WITH(datum_cut(subject, SUBJECT_BYTES)), out);
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
count_try(
    struct db *db, const char *subject, const struct tries *tries, int64_t now)
{
	return sql_run(db, texts[COUNT],
	    WITH(datum_cut(subject, SUBJECT_BYTES),
		datum_int(tries->failures + 1), datum_int(now)));
}

static int
trim_counters(struct db *db)
{
	return sql_run(
	    db, texts[TRIM], WITH(datum_int(LOGINS_COUNTERS_MAX - 1)));
}

static int
load_wait(struct db *db, const char *source, const char *name,
    struct tries *from, struct tries *as, int64_t *wait)
{
	int64_t now = clock_now(), by_name;
	int r;

	*wait = 0;
	*as = (struct tries){ 0 };
	if ((r = load_tries(db, source, from)) != OK ||
	    (name != NULL && (r = load_tries(db, name, as)) != OK))
		return r;
	*wait = wait_for(from, SOURCE_WAIT, now);
	by_name = wait_for(as, NAME_WAIT, now);
	if (by_name > *wait)
		*wait = by_name;
	return *wait > 0 ? ERR_RATE_LIMITED : OK;
}

int
logins_wait(struct db *db, const char *source, const char *name, int64_t *wait)
{
	struct tries from, as;

	return load_wait(db, source, name, &from, &as, wait);
}

int
logins_begin(struct db *db, const char *source, const char *name, int64_t *wait)
{
	struct tries from, as;
	int64_t now = clock_now();
	int r;

	if ((r = load_wait(db, source, name, &from, &as, wait)) != OK ||
	    (r = count_try(db, source, &from, now)) != OK ||
	    (name != NULL && (r = count_try(db, name, &as, now)) != OK))
		return r;
	return trim_counters(db);
}

int
logins_succeed(struct db *db, const char *subject)
{
	return sql_run(
	    db, texts[SUCCEED], WITH(datum_cut(subject, SUBJECT_BYTES)));
}

int
logins_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - FORGET_AFTER), datum_int(limit)), deleted);
}
