#include "store/jobs.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/alarms.h"
#include "store/sql.h"

#define WORKER_SUBJECT "attestmdm-worker"

enum { ADD, RUN_NOW, LIST, FAILURES, CLAIM, KEEP, FINISH };

/* A lease that ends later than one can was given by a clock that was ahead. */
static const char *const texts[] = {
	[ADD] = "INSERT INTO jobs (name, next_run_at) VALUES ($1, $2)"
		" ON CONFLICT (name) DO NOTHING",
	[RUN_NOW] = "UPDATE jobs SET next_run_at = $2 WHERE name = $1",
	[LIST] = SQL_SCANS "SELECT {columns} FROM jobs ORDER BY name",
	[FAILURES] = "SELECT failures FROM jobs WHERE name = $1"
		     " AND lease_owner = $2",
	/* $3 now, $4 the end of the lease */
	[CLAIM] = "UPDATE jobs SET result = 'running', started_at = $3,"
		  " ended_at = NULL, lease_owner = $2, lease_until = $4"
		  " WHERE name = $1 AND next_run_at = $5"
		  " AND (lease_until IS NULL OR lease_until <= $3"
		  " OR lease_until > $4)",
	[KEEP] = "UPDATE jobs SET lease_until = $3 WHERE name = $1"
		 " AND lease_owner = $2",
	[FINISH] = "UPDATE jobs SET result = $3, text = $4, ended_at = $5,"
		   " duration_ms = $6, next_run_at = $7, failures = $8,"
		   " last_error = CASE WHEN $3 = 'failed' THEN $4"
		   " ELSE last_error END,"
		   " last_error_at = CASE WHEN $3 = 'failed' THEN $5"
		   " ELSE last_error_at END,"
		   " lease_owner = NULL, lease_until = NULL"
		   " WHERE name = $1 AND lease_owner = $2",
};

#define ROW struct job_row

static const char *const results[] = {
	[JOB_NEVER] = "never",
	[JOB_RUNNING] = "running",
	[JOB_OK] = "ok",
	[JOB_FAILED] = "failed",
	[JOB_STOPPED] = "stopped",
};

static const struct column columns[] = {
	{ "name", TEXT(name) },
	{ "next_run_at", TIME(next_run_at) },
	{ "started_at", TIME(started_at) },
	{ "ended_at", TIME(ended_at) },
	{ "duration_ms", INT(duration_ms) },
	{ "result", WORD(result, results) },
	{ "text", TEXT(text) },
	{ "failures", INT(failures) },
	{ "last_error", TEXT(last_error) },
	{ "last_error_at", TIME(last_error_at) },
	{ "lease_owner", TEXT_OR_NULL(lease_owner) },
	{ "lease_until", TIME(lease_until) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(jobs, texts, &table);

const char *
jobs_state_name(const struct job_row *job, int64_t now)
{
	return job->result == JOB_RUNNING && !jobs_is_running(job, now)
	    ? "interrupted"
	    : results[job->result];
}

/* One statement, which has to change a row. */
static int
change(struct db *db, const char *sql, const struct datum *params)
{
	int r = db_begin_relaxed(db);

	return r == OK ? db_end(db, sql_change(db, sql, params, ERR_CONFLICT))
		       : r;
}

int
jobs_add(struct db *db, const char *name, int64_t next_run_at)
{
	int r = db_begin_relaxed(db);

	return r == OK
	    ? db_end(db,
		  sql_run(db, texts[ADD],
		      WITH(datum_text(name), datum_int(next_run_at))))
	    : r;
}

int
jobs_run_now(struct db *db, const char *name)
{
	return sql_run(
	    db, texts[RUN_NOW], WITH(datum_text(name), datum_int(clock_now())));
}

int
jobs_list(struct db *db, struct job_list *out)
{
	return sql_rows_that_fit(
	    db, texts[LIST], &table, NULL, &out->rows, &out->n, &out->damaged);
}

void
jobs_list_release(struct job_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct job_list){ 0 };
}

int
jobs_claim(struct db *db, const struct job_row *seen, const char *owner)
{
	int64_t now = clock_now();

	return change(db, texts[CLAIM],
	    WITH(datum_text(seen->name), datum_text(owner), datum_int(now),
		datum_int(now + JOBS_LEASE), datum_int(seen->next_run_at)));
}

int
jobs_keep(struct db *db, const char *name, const char *owner)
{
	return change(db, texts[KEEP],
	    WITH(datum_text(name), datum_text(owner),
		datum_int(clock_now() + JOBS_LEASE)));
}

/* In the transaction. */
static int
tell(struct db *db, const char *name, int64_t failures, const char *why)
{
	char text[JOBS_TEXT + 256];

	if (failures == 0)
		return alarms_close(db, ALARM_JOB_FAILING, name);
	if (failures < JOBS_ALARM_FAILURES)
		return OK;
	snprintf(text, sizeof text,
	    "The job %s failed %lld times in a row, the last time: %s.", name,
	    (long long)failures, why);
	return alarms_raise(db, ALARM_JOB_FAILING, name, NULL, text);
}

static int
finish(struct db *db, const char *name, const char *owner,
    const struct job_end *end)
{
	int64_t failures;
	int r = sql_integer(db, texts[FAILURES],
	    WITH(datum_text(name), datum_text(owner)), &failures);

	if (r != OK)
		return r == ERR_NOT_FOUND ? ERR_CONFLICT : r;
	if (end->result == JOB_OK)
		failures = 0;
	if (end->result == JOB_FAILED)
		failures++;
	if ((r = sql_change(db, texts[FINISH],
		 WITH(datum_text(name), datum_text(owner),
		     datum_text(results[end->result]),
		     datum_cut(end->text, JOBS_TEXT), datum_int(clock_now()),
		     datum_int(end->duration_ms), datum_int(end->next_run_at),
		     datum_int(failures)),
		 ERR_CONFLICT)) != OK ||
	    end->result == JOB_STOPPED)
		return r;
	return tell(db, name, failures, end->text);
}

int
jobs_finish(struct db *db, const char *name, const char *owner,
    const struct job_end *end)
{
	int r = db_begin_relaxed(db);

	return r == OK ? db_end(db, finish(db, name, owner, end)) : r;
}

bool
jobs_is_running(const struct job_row *job, int64_t now)
{
	return job->lease_until > now && job->lease_until <= now + JOBS_LEASE;
}

bool
jobs_are_silent(
    const struct job_list *list, int64_t now, char *why, size_t size)
{
	char since[CLOCK_TEXT];

	snprintf(why, size, "%s",
	    list->n == 0 ? "attestmdm-worker has never run" : "");
	for (size_t i = 0; i < list->n; i++) {
		const struct job_row *job = &list->rows[i];

		if (job->next_run_at > now - JOBS_SILENT ||
		    jobs_is_running(job, now))
			continue;
		clock_people(job->next_run_at, since);
		snprintf(why, size,
		    "attestmdm-worker does not run: the job %s waits since %s",
		    job->name, since);
		break;
	}
	return *why != '\0';
}

static int
raise_or_close(struct db *db, bool silent, const char *why)
{
	return silent
	    ? alarms_raise(db, ALARM_WORKER_SILENT, WORKER_SUBJECT, NULL, why)
	    : alarms_close(db, ALARM_WORKER_SILENT, WORKER_SUBJECT);
}

int
jobs_watch(struct db *db)
{
	struct job_list list;
	char why[JOBS_TEXT];
	bool silent, open;
	int r;

	if ((r = jobs_list(db, &list)) != OK ||
	    (r = alarms_is_open(
		 db, ALARM_WORKER_SILENT, WORKER_SUBJECT, &open)) != OK)
		goto done;
	silent = jobs_are_silent(&list, clock_now(), why, sizeof why);
	if (silent != open && (r = db_begin_relaxed(db)) == OK)
		r = db_end(db, raise_or_close(db, silent, why));
done:
	jobs_list_release(&list);
	return r;
}
