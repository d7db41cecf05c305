/*
 * The jobs of attestmdm-worker: when each runs next, and what came of the last
 * run. A job is claimed by a lease, so that two workers never run it at once;
 * after a worker was killed the lease ends by itself.
 *
 * Functions that change a row, apart from jobs_run_now(), have a transaction of
 * their own, which does not wait for the disk: what a power cut takes back is a
 * run that is repeated.
 */
#ifndef STORE_JOBS_H
#define STORE_JOBS_H

#include "store/db.h"

/* Seconds that a lease lasts; it is renewed several times in them. */
#define JOBS_LEASE 30

/* From that many failed runs in a row on there is an alarm. */
#define JOBS_ALARM_FAILURES 3

/* A job that nobody begins for this many seconds means that no worker runs. */
#define JOBS_SILENT 600

#define JOBS_NAME_TEXT 33
/* Longer texts are cut. */
#define JOBS_TEXT 513

enum job_result {
	JOB_NEVER,
	JOB_RUNNING,
	JOB_OK,
	JOB_FAILED,
	/* the worker was told to stop; the next one goes on at once */
	JOB_STOPPED,
};

struct job_row {
	char name[JOBS_NAME_TEXT];
	int64_t next_run_at;
	int64_t started_at;
	int64_t ended_at;
	int64_t duration_ms;
	enum job_result result;
	char text[JOBS_TEXT];
	int64_t failures;
	char last_error[JOBS_TEXT];
	int64_t last_error_at;
	char lease_owner[DB_ID_TEXT];
	int64_t lease_until;
};

struct job_list {
	struct job_row *rows;
	size_t n;
	/* rows that are not among them, because they cannot be read */
	size_t damaged;
};

/*
 * For people: "never", "running", "ok", "failed", "stopped"; "interrupted" when
 * the worker that ran it is gone.
 */
const char *jobs_state_name(const struct job_row *job, int64_t now);

/* Adds the job unless it is there already. */
int jobs_add(struct db *db, const char *name, int64_t next_run_at);

/*
 * In a write transaction of the caller: the job is due, whatever its timetable
 * and its failures say. OK when there is none yet.
 */
int jobs_run_now(struct db *db, const char *name);

/* All jobs, by name. */
int jobs_list(struct db *db, struct job_list *out);
void jobs_list_release(struct job_list *list);

/*
 * Begins a run of the job that was loaded as `seen`: `owner` has the lease now.
 * ERR_CONFLICT: another worker has it, or ran the job since then.
 */
int jobs_claim(struct db *db, const struct job_row *seen, const char *owner);

/* Renews the lease. ERR_CONFLICT: it was lost to another worker. */
int jobs_keep(struct db *db, const char *name, const char *owner);

/* How a run ended. */
struct job_end {
	enum job_result result; /* JOB_OK, JOB_FAILED or JOB_STOPPED */
	const char *text;
	int64_t duration_ms;
	int64_t next_run_at;
};

/*
 * Ends a run and its lease. Counts failures in a row, and raises or closes the
 * alarm about them. ERR_CONFLICT: the lease was lost to another worker.
 */
int jobs_finish(struct db *db, const char *name, const char *owner,
    const struct job_end *end);

/* Does the lease of this job last? */
bool jobs_is_running(const struct job_row *job, int64_t now);

/*
 * Is no worker at work: did nobody begin a job for JOBS_SILENT seconds after it
 * was due, or is there no job yet? `why` is a sentence about it, else "".
 */
bool jobs_are_silent(
    const struct job_list *list, int64_t now, char *why, size_t size);

/*
 * Raises the alarm that no worker is at work, or closes it. The worker cannot
 * do that itself, so that a timer does.
 */
int jobs_watch(struct db *db);

#endif
