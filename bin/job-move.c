#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_move.h"
#include "base/clock.h"
#include "base/log.h"
#include "bin/job.h"
#include "enroll/renewal_run.h"

/* After [renewal] per_run hosts, in seconds. */
#define PAUSE 60

/* A run of the job: the next hosts of the move. */
struct moving {
	struct move move;
	struct renewal_run run;
	/* counted in move already */
	int opened, faults;
};

static void
stop(struct job *job)
{
	struct moving *m = job->state;

	if (m != NULL)
		renewal_run_end(&m->run);
	free(m);
	job->state = NULL;
}

/* Stores how far the move is. ERR_CONFLICT: somebody stopped it. */
static int
note(struct db *db, struct moving *m, bool is_over)
{
	m->move.opened += m->run.opened - m->opened;
	m->move.failed += m->run.faults - m->faults;
	if (m->run.faults > m->faults)
		snprintf(m->move.last_error, sizeof m->move.last_error, "%s",
		    err_text(m->run.fault));
	m->opened = m->run.opened;
	m->faults = m->run.faults;
	/* "" when this run has looked at no host */
	if (m->run.last.serial[0] != '\0')
		memcpy(m->move.after, m->run.last.serial, sizeof m->move.after);
	m->move.next_at = clock_now() +
	    (m->run.phase == RENEWAL_RUN_OVER && !is_over ? PAUSE : 0);
	return admin_move_note(db, &m->move, is_over ? "" : NULL);
}

static void
step(struct job *job)
{
	struct moving *m = job->state;
	bool more = true, is_over;
	long long opened;
	int r;

	while (more && job_has_time(job))
		more = renewal_run_step(&m->run);
	is_over = !more && m->run.opened < m->run.limit &&
	    m->run.faults < RENEWER_FAULTS_MAX;
	r = note(job->worker->db, m, is_over);
	if (r == OK && m->run.faults >= RENEWER_FAULTS_MAX)
		r = m->run.fault;
	opened = (long long)m->move.opened;
	if (r == OK && more) {
		job_again(job, JOB_PAUSE_MS);
		return;
	}
	stop(job);
	if (r == ERR_CONFLICT)
		job_finish(job, OK, "it was stopped");
	else if (r != OK)
		job_finish(job, r, NULL);
	else
		job_finish(job, OK, "%lld renewals opened%s", opened,
		    is_over ? ", all of them" : " so far");
}

/* Attestation is not required any more. */
static void
give_up(struct job *job, const struct move *move)
{
	int r = admin_move_note(job->worker->db, move, "worker");

	if (r == OK || r == ERR_CONFLICT)
		job_finish(job, OK, "given up: %s", log_reason());
	else
		job_finish(job, r, NULL);
}

static void
start(struct job *job)
{
	const struct worker *w = job->worker;
	struct moving *m = calloc(1, sizeof *m);
	struct move move;
	int r;

	if (m == NULL) {
		job_finish(job, ERR_NOMEM, "no memory to move hosts");
		return;
	}
	r = moves_load(w->db, &m->move);
	move = m->move;
	if (r != OK || move.ended_at != 0 || !w->conf->mdm_enabled) {
		free(m);
		if (r == OK || r == ERR_NOT_FOUND)
			job_finish(job, OK, "nothing to move");
		else
			job_finish(job, r, NULL);
		return;
	}
	job->state = m;
	m->run = (struct renewal_run){ .conf = w->conf, .db = w->db,
		.option = RENEWER_TO_ACME, .limit = w->conf->per_run };
	memcpy(m->run.after, move.after, sizeof m->run.after);
	if ((r = renewal_run_begin(&m->run)) == OK) {
		step(job);
		return;
	}
	stop(job);
	if (r == ERR_FIELD)
		give_up(job, &move);
	else
		job_finish(job, r, NULL);
}

static int
due(const struct worker *w, int64_t *at)
{
	struct move move;
	int r = moves_load(w->db, &move);

	*at = r == OK && move.ended_at == 0 && w->conf->mdm_enabled
	    ? move.next_at
	    : 0;
	return r == ERR_NOT_FOUND ? OK : r;
}

const struct job_kind job_move = {
	.name = "move",
	.seconds = 3600,
	.start = start,
	.step = step,
	.due = due,
	.stop = stop,
};
