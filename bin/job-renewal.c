#include <stdlib.h>

#include "admin/admin_renewal.h"
#include "base/log.h"
#include "bin/job.h"

/* Ends the run, complete or not, frees it, and returns its first fault. */
static int
end_run(struct job *job)
{
	int r = renewal_run_end(job->state);

	free(job->state);
	job->state = NULL;
	return r;
}

static void
finish(struct job *job)
{
	const struct worker *w = job->worker;
	/* A copy: the sentences below need its numbers after end_run(). */
	struct renewal_run run = *(struct renewal_run *)job->state;
	struct admin_actor actor = { .conf = w->conf,
		.db = w->db,
		.name = NULL,
		.role = ADMIN_ROLE_ADMIN };
	int recorded = admin_renewal_record(&actor, &run, NULL);
	int r = end_run(job);

	if (r == OK)
		r = recorded;
	if (r != OK && run.faults > 0)
		job_finish(job, r,
		    "it failed %d times, the last time: %s; %d renewals opened",
		    run.faults, log_reason(), run.opened);
	else if (r != OK)
		job_finish(job, r, NULL);
	else
		job_finish(job, OK,
		    "%d renewals opened, %d hosts cannot renew, %d renewals "
		    "not answered",
		    run.opened, run.refused, run.unanswered);
}

static void
step(struct job *job)
{
	bool more = true;

	while (more && job_has_time(job))
		more = renewal_run_step(job->state);
	if (more)
		job_again(job, JOB_PAUSE_MS);
	else
		finish(job);
}

static void
start(struct job *job)
{
	struct renewal_run *run;
	int r;

	if ((job->state = calloc(1, sizeof *run)) == NULL) {
		job_finish(job, ERR_NOMEM, "no memory to renew");
		return;
	}
	run = job->state;
	run->conf = job->worker->conf;
	run->db = job->worker->db;
	run->option = RENEWER_ANY;
	/* alarms about certificates that end are raised all the same */
	run->limit = run->conf->mdm_enabled ? run->conf->per_run : 0;
	if ((r = renewal_run_begin(run)) != OK) {
		end_run(job);
		job_finish(job, r, NULL);
		return;
	}
	step(job);
}

static void
stop(struct job *job)
{
	end_run(job);
}

const struct job_kind job_renewal = {
	.name = "renewal",
	.seconds = 3600,
	.start = start,
	.step = step,
	.stop = stop,
};
