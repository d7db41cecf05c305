#include <string.h>

#include "base/log.h"
#include "bin/job.h"
#include "net/push_run.h"

/* While pushes are on their way, answers are stored that often. */
#define STEP_MS 100
/* After the database could not be written. */
#define RETRY_MS 1000

/* Pauses and counts outlive a run of the job, of which there are many. */
static struct push_run pushes;

static void
finish(struct job *job, int r)
{
	struct push_run done = pushes;

	pushes.accepted = pushes.refused = pushes.failed = 0;
	if (r != OK)
		job_finish(job, r, NULL);
	else if (done.code != OK && done.failed > 0)
		job_finish(job, done.code, "%s", done.trouble);
	else
		job_finish(job, OK,
		    "%lld pushes sent, %lld refused, %lld failed",
		    (long long)done.accepted, (long long)done.refused,
		    (long long)done.failed);
}

static void
step(struct job *job)
{
	int r = push_run_go(&pushes);

	if (push_run_is_busy(&pushes))
		job_again(job, r == OK ? STEP_MS : RETRY_MS);
	else
		finish(job, r);
}

static void
start(struct job *job)
{
	const struct worker *w = job->worker;
	int r;

	if (!w->conf->mdm_enabled)
		job_finish(job, OK, "no pushes: [mdm] enabled is false");
	else if (pushes.slots == NULL &&
	    (r = push_run_open(&pushes, w->net, w->db, w->conf)) != OK)
		job_finish(job, r, NULL);
	else
		step(job);
}

static int
due(const struct worker *w, int64_t *at)
{
	*at = 0;
	pushes.db = w->db;
	return w->conf->mdm_enabled ? push_run_next(&pushes, at) : OK;
}

static void
woken(struct job *job)
{
	(void)job;
	push_run_go(&pushes);
}

static void
stop(struct job *job)
{
	(void)job;
	push_run_close(&pushes);
}

const struct job_kind job_push = {
	.name = "push",
	.seconds = 3600,
	.start = start,
	.step = step,
	.due = due,
	.woken = woken,
	.stop = stop,
};
