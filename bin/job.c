#include "bin/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* How often the rows are looked at when nobody wakes the worker. */
#define LOOK_MS 60000
/* A lease is renewed this often. */
#define KEEP_MS (JOBS_LEASE * 1000 / 3)
/* How long a job waits after an error of the database. */
#define FAULT_MS 5000
/*
 * The least time between two runs, unless the worker is woken: rows that stay
 * due must not make it spin.
 */
#define RERUN_MS 1000
/* The first wait after a failure, in seconds; it doubles up to the longest. */
#define RETRY_FIRST   60
#define RETRY_LONGEST 900

/* A random number of seconds below a tenth of these. */
static int64_t
jitter(int64_t seconds)
{
	uint32_t random;

	secret_random(&random, sizeof random);
	return seconds >= 10 ? random % (seconds / 10) : 0;
}

static int64_t
longest_wait(const struct job_kind *kind)
{
	return kind->seconds > RETRY_LONGEST ? kind->seconds : RETRY_LONGEST;
}

static int64_t
retry_after(const struct job_kind *kind, int64_t failures)
{
	int64_t longest = longest_wait(kind), wait = RETRY_FIRST;

	while (failures-- > 0 && wait < longest)
		wait *= 2;
	return wait < longest ? wait : longest;
}

bool
job_has_time(const struct job *job)
{
	return clock_monotonic_ms() < job->worker->slice_end;
}

void
job_again(struct job *job, int milliseconds)
{
	job->wants_step = true;
	job->step_at = clock_monotonic_ms() + milliseconds;
}

/* What due() says of the rows, unless a failure has to be waited out. */
static void
look_at_rows(struct job *job)
{
	job->rows_at = 0;
	if (job->kind->due != NULL && job->row.failures == 0 &&
	    job->kind->due(job->worker, &job->rows_at) != OK)
		job->not_before = clock_monotonic_ms() + FAULT_MS;
}

/* Reads the rows of all jobs that this worker does not run. */
static void
look(struct worker *w)
{
	struct job_list list;
	size_t i, j;

	w->look_at = clock_monotonic_ms() + LOOK_MS;
	if (jobs_list(w->db, &list) != OK)
		return;
	for (i = 0; i < w->n; i++)
		for (j = 0; j < list.n && !w->jobs[i].running; j++)
			if (strcmp(list.rows[j].name, w->jobs[i].kind->name) ==
			    0)
				w->jobs[i].row = list.rows[j];
	jobs_list_release(&list);
	for (i = 0; i < w->n; i++)
		if (!w->jobs[i].running)
			look_at_rows(&w->jobs[i]);
}

int
job_open_all(struct worker *w, const struct job_kind *const *kinds)
{
	int r;

	secret_id(w->owner);
	for (w->n = 0; kinds[w->n] != NULL && w->n < JOB_MAX; w->n++) {
		w->jobs[w->n] =
		    (struct job){ .kind = kinds[w->n], .worker = w };
		if ((r = jobs_add(w->db, kinds[w->n]->name, clock_now())) != OK)
			return r;
	}
	look(w);
	return OK;
}

/*
 * When the job is to run, by the clock. A time further ahead than it can be was
 * set by a clock that was wrong.
 */
static int64_t
due_at(const struct job *job)
{
	int64_t at = job->row.next_run_at, now = clock_now();

	if (at > now + 2 * longest_wait(job->kind))
		at = now;
	return job->rows_at != 0 && job->rows_at < at ? job->rows_at : at;
}

/* The lease of another worker is waited for until it ends. */
static void
start(struct job *job)
{
	struct worker *w = job->worker;
	int r = jobs_claim(w->db, &job->row, w->owner);

	if (r != OK) {
		job->not_before = clock_monotonic_ms() +
		    (r == ERR_CONFLICT ? RERUN_MS : FAULT_MS);
		w->look_at = 0;
		return;
	}
	job->running = true;
	job->wants_step = false;
	job->state = NULL;
	job->began = clock_monotonic_ms();
	job->keep_at = job->began + KEEP_MS;
	log_forget_reason();
	job->kind->start(job);
}

static void
keep(struct job *job)
{
	struct worker *w = job->worker;
	int r = jobs_keep(w->db, job->row.name, w->owner);

	job->keep_at = clock_monotonic_ms() + KEEP_MS;
	if (r == ERR_CONFLICT) {
		log_line(LOG_ERROR,
		    "another worker took over the job %s: this one ends",
		    job->row.name);
		w->lost = true;
	}
}

/* The run is over, and what came of it goes into its row. */
static void
end(struct job *job, struct job_end *how)
{
	struct worker *w = job->worker;

	job->running = false;
	job->wants_step = false;
	how->duration_ms = clock_monotonic_ms() - job->began;
	job->not_before = clock_monotonic_ms() + RERUN_MS;
	if (jobs_finish(w->db, job->row.name, w->owner, how) == ERR_CONFLICT)
		w->lost = true;
	w->look_at = 0;
}

void
job_finish(struct job *job, int code, const char *fmt, ...)
{
	char text[JOBS_TEXT], shown[JOBS_TEXT], at[CLOCK_TEXT];
	struct job_end how = { .result = code == OK ? JOB_OK : JOB_FAILED,
		.text = shown };
	int64_t wait = code == OK ? job->kind->seconds
				  : retry_after(job->kind, job->row.failures);
	va_list args;

	snprintf(text, sizeof text, "%s", code == OK ? "" : log_reason());
	if (fmt != NULL) {
		va_start(args, fmt);
		vsnprintf(text, sizeof text, fmt, args);
		va_end(args);
	}
	if (*text == '\0' && code != OK)
		snprintf(text, sizeof text, "%s", err_text(code));
	log_escape(blob_str(text), shown, sizeof shown);
	how.next_run_at = clock_now() + wait + jitter(wait);
	clock_people(how.next_run_at, at);
	log_line(code == OK ? LOG_DEBUG : LOG_WARN,
	    "job %s: %s%s%s; again at %s", job->row.name,
	    code == OK ? "" : err_name(code), code == OK ? "" : ": ", shown,
	    at);
	end(job, &how);
}

static void
run(struct job *job)
{
	struct worker *w = job->worker;
	int64_t now = clock_monotonic_ms();

	w->slice_end = now + JOB_SLICE_MS;
	if (!job->running) {
		if (now >= job->not_before && due_at(job) <= clock_now())
			start(job);
		return;
	}
	if (now >= job->keep_at)
		keep(job);
	if (job->wants_step && now >= job->step_at && !w->lost) {
		job->wants_step = false;
		job->kind->step(job);
	}
}

/* The monotonic time at which the job wants to be looked at again. */
static int64_t
next_look(const struct job *job, int64_t now)
{
	int64_t at;

	if (job->running)
		return job->wants_step && job->step_at < job->keep_at
		    ? job->step_at
		    : job->keep_at;
	at = now + (due_at(job) - clock_now()) * 1000;
	return at > job->not_before ? at : job->not_before;
}

int
job_run_all(struct worker *w, int *wait)
{
	int64_t now, next, at;
	size_t i;

	if (clock_monotonic_ms() >= w->look_at)
		look(w);
	for (i = 0; i < w->n; i++)
		run(&w->jobs[i]);
	now = clock_monotonic_ms();
	next = w->look_at;
	for (i = 0; i < w->n; i++)
		if ((at = next_look(&w->jobs[i], now)) < next)
			next = at;
	*wait = next > now ? (int)(next - now) : 0;
	return w->lost ? ERR_CONFLICT : OK;
}

void
job_wake_all(struct worker *w)
{
	for (size_t i = 0; i < w->n; i++) {
		w->jobs[i].not_before = 0;
		if (w->jobs[i].running && w->jobs[i].kind->woken != NULL)
			w->jobs[i].kind->woken(&w->jobs[i]);
	}
	w->look_at = 0;
}

void
job_stop_all(struct worker *w)
{
	struct job_end how = { .result = JOB_STOPPED,
		.text = "the worker was stopped",
		.next_run_at = clock_now() };

	for (size_t i = 0; i < w->n; i++)
		if (w->jobs[i].running) {
			w->jobs[i].kind->stop(&w->jobs[i]);
			end(&w->jobs[i], &how);
		}
}
