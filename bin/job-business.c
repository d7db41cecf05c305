#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/job.h"
#include "net/ade_run.h"
#include "store/ade_accounts.h"

/* How often a job looks whether the accounts still rest. */
#define REST_LOOK_MS 500

/* What both jobs share, for as long as the process lives: sessions. */
static struct ade_run *shared;

static void
on_end(void *arg, int code, const char *text)
{
	job_finish(arg, code, "%s", text);
}

static int
open_shared(const struct worker *w)
{
	return shared != NULL ? OK
			      : ade_run_new(w->net, w->db, w->conf, &shared);
}

/*
 * An account that rests is waited for: whoever asked for it follows this run.
 */
static void
begin(struct job *job, int (*rests)(struct ade_run *run, bool *out),
    void (*run)(struct ade_run *run, ade_run_done *done, void *arg))
{
	bool rest = false;
	int r;

	if ((r = open_shared(job->worker)) != OK ||
	    (r = rests(shared, &rest)) != OK)
		job_finish(job, r, NULL);
	else if (rest)
		job_again(job, REST_LOOK_MS);
	else
		run(shared, on_end, job);
}

static void
begin_sync(struct job *job)
{
	begin(job, ade_run_sync_rests, ade_run_sync);
}

static void
begin_assign(struct job *job)
{
	begin(job, ade_run_assign_rests, ade_run_assign);
}

static void
stop(struct job *job)
{
	(void)job;
	ade_run_free(shared);
	shared = NULL;
}

/* The earliest of what the accounts say; *at is 0 when none says anything. */
static int
earliest(const struct worker *w,
    int64_t (*when)(const struct ade_account *account), int64_t *at)
{
	struct ade_account_list list;
	int r = ade_accounts_list(w->db, &list);
	int64_t t;

	*at = 0;
	for (size_t i = 0; i < list.n; i++) {
		if (list.rows[i].consumer_key[0] != '\0' &&
		    (t = when(&list.rows[i])) != 0 && (*at == 0 || t < *at))
			*at = t;
	}
	ade_accounts_list_release(&list);
	return r;
}

static int64_t
when_sync(const struct ade_account *account)
{
	return account->sync_next_at != 0 ? account->sync_next_at : clock_now();
}

static int64_t
when_assign(const struct ade_account *account)
{
	return account->assign_approved_at != 0 ? account->assign_at : 0;
}

static int
due_sync(const struct worker *w, int64_t *at)
{
	return earliest(w, when_sync, at);
}

static int
due_assign(const struct worker *w, int64_t *at)
{
	return earliest(w, when_assign, at);
}

const struct job_kind job_sync = {
	.name = "sync",
	.seconds = 1800,
	.start = begin_sync,
	.step = begin_sync,
	.due = due_sync,
	.stop = stop,
};

const struct job_kind job_assign = {
	.name = "assign",
	.seconds = 1800,
	.start = begin_assign,
	.step = begin_assign,
	.due = due_assign,
	.stop = stop,
};
