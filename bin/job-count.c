#include <stdlib.h>

#include "admin/admin_preview.h"
#include "base/log.h"
#include "bin/job.h"

/* Between two slices, so that requests get their turn at the processor. */
#define PAUSE_MS 50

static void
stop(struct job *job)
{
	if (job->state != NULL)
		admin_preview_count_end(job->state);
	free(job->state);
	job->state = NULL;
}

static void
step(struct job *job)
{
	struct admin_preview_count *c = job->state;
	bool more = true;
	long long hosts;
	int r = OK;

	while (r == OK && more && job_has_time(job))
		r = admin_preview_count_step(c, &more);
	if (r == OK && more) {
		job_again(job, PAUSE_MS);
		return;
	}
	hosts = (long long)c->hosts;
	stop(job);
	if (r != OK)
		job_finish(job, r, NULL);
	else if (hosts == 0)
		job_finish(job, OK, "few hosts, which are counted on request");
	else
		job_finish(job, OK, "%lld hosts counted", hosts);
}

static void
start(struct job *job)
{
	struct admin_preview_count *c = calloc(1, sizeof *c);

	if (c == NULL) {
		job_finish(job, ERR_NOMEM, "no memory to count hosts");
		return;
	}
	c->db = job->worker->db;
	job->state = c;
	step(job);
}

const struct job_kind job_count = {
	.name = "count",
	.seconds = 3600,
	.start = start,
	.step = step,
	.stop = stop,
};
