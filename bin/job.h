/*
 * The jobs of attestmdm-worker: one process, no threads, one after the other in
 * slices. A run begins with start() and goes on in step(), in calls of net_done
 * or both, none of which takes more than about JOB_SLICE_MS, so that all jobs
 * get their turn; it ends by job_finish(). Its row in the table of jobs
 * (store/jobs.h) says when it runs next.
 */
#ifndef BIN_JOB_H
#define BIN_JOB_H

#include "base/conf.h"
#include "net/net.h"
#include "store/jobs.h"

/* After this many milliseconds a slice leaves the rest to the next one. */
#define JOB_SLICE_MS 50
/* Between two slices that write, so that requests get their turn meanwhile. */
#define JOB_PAUSE_MS 50

struct job;
struct worker;

struct job_kind {
	const char *name;
	/* from the end of a good run to the next, with a random tenth more */
	int seconds;
	/* Begins a run. */
	void (*start)(struct job *job);
	/* The slice that job_again() asked for; NULL when there is none. */
	void (*step)(struct job *job);
	/*
	 * When rows want a run, whatever the timetable says (0: they do not);
	 * NULL when only that counts. While the job fails its back-off counts
	 * alone.
	 */
	int (*due)(const struct worker *w, int64_t *at);
	/*
	 * The worker was woken during a run: there may be more rows; or NULL.
	 */
	void (*woken)(struct job *job);
	/* Frees what a run has that will not go on: its transfers are gone. */
	void (*stop)(struct job *job);
};

struct job {
	const struct job_kind *kind;
	struct worker *worker;
	/* the run's own, for the functions of its kind */
	void *state;

	/* the rest is job.c's; times are monotonic milliseconds */
	struct job_row row;
	int64_t rows_at; /* what due() said, by the clock */
	bool running;
	bool wants_step;
	int64_t step_at;
	int64_t began;
	int64_t keep_at;
	int64_t not_before;
};

#define JOB_MAX 16

struct worker {
	const struct conf *conf;
	struct db *db;
	struct net *net;

	/* job.c's */
	char owner[DB_ID_TEXT];
	struct job jobs[JOB_MAX];
	size_t n;
	int64_t slice_end;
	int64_t look_at;
	bool lost; /* a lease, to another worker */
};

/* For start(), step() and net_done: is there time left in this slice? */
bool job_has_time(const struct job *job);

/* Asks for step() after this many milliseconds. */
void job_again(struct job *job, int milliseconds);

/*
 * Ends the run: OK, or the code of what failed, which is tried again ever
 * later. The text says what was done, or why it failed; NULL: log_reason(). The
 * caller has freed job->state.
 */
void job_finish(struct job *job, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * For the worker itself. job_open_all() takes the kinds, NULL at their end, and
 * adds their rows; conf, db and net are set before.
 */
int job_open_all(struct worker *w, const struct job_kind *const *kinds);

/*
 * Begins what is due, goes on with what runs, renews leases. *wait is how many
 * milliseconds there is nothing to do, if no transfer ends. ERR_CONFLICT: a
 * lease was lost to another worker, and this one has to end.
 */
int job_run_all(struct worker *w, int *wait);

/* The worker was woken: looks at all rows again. */
void job_wake_all(struct worker *w);

/* Stops all runs, for the next worker to take them up. Close the net before. */
void job_stop_all(struct worker *w);

/* The kinds; a new one is also a line in attestmdm-worker.c. */
extern const struct job_kind job_alarms;
extern const struct job_kind job_assign;
extern const struct job_kind job_count;
extern const struct job_kind job_move;
extern const struct job_kind job_purge;
extern const struct job_kind job_push;
extern const struct job_kind job_renewal;
extern const struct job_kind job_sync;

#endif
