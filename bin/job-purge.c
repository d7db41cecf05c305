#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/job.h"
#include "store/store.h"

static void
finish(struct job *job, int r)
{
	struct store_purge *at = job->state;
	long long deleted = at->deleted;

	free(at);
	job->state = NULL;
	if (r != OK)
		job_finish(job, r, NULL);
	else
		job_finish(job, OK, "%lld rows deleted", deleted);
}

static void
step(struct job *job)
{
	bool more = true;
	int r = OK;

	while (r == OK && more && job_has_time(job))
		r = store_purge_step(job->worker->db, job->worker->conf,
		    clock_now(), job->state, &more);
	if (r == OK && more)
		job_again(job, JOB_PAUSE_MS);
	else
		finish(job, r);
}

static void
start(struct job *job)
{
	if ((job->state = calloc(1, sizeof(struct store_purge))) == NULL) {
		job_finish(job, ERR_NOMEM, "no memory to clean up");
		return;
	}
	step(job);
}

static void
stop(struct job *job)
{
	free(job->state);
	job->state = NULL;
}

const struct job_kind job_purge = {
	.name = "purge",
	.seconds = 3600,
	.start = start,
	.step = step,
	.stop = stop,
};
