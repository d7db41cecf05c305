#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "bin/job.h"
#include "net/ade_run.h"
#include "store/ade_accounts.h"

/* What both jobs share, for as long as the process lives: sessions. */
static struct ade_run *shared;

static void
on_end(void *arg, int code, const char *text, int64_t next_at)
{
	struct job *job = arg;

	(void)next_at;
	job_finish(job, code, "%s", text);
}

static int
open_shared(const struct worker *w)
{
	return shared != NULL ? OK
			      : ade_run_new(w->net, w->db, w->conf, &shared);
}

static void
start_sync(struct job *job)
{
	int r = open_shared(job->worker);

	if (r == OK)
		ade_run_sync(shared, on_end, job);
	else
		job_finish(job, r, NULL);
}

static void
start_assign(struct job *job)
{
	int r = open_shared(job->worker);

	if (r == OK)
		ade_run_assign(shared, on_end, job);
	else
		job_finish(job, r, NULL);
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
	.start = start_sync,
	.due = due_sync,
	.stop = stop,
};

const struct job_kind job_assign = {
	.name = "assign",
	.seconds = 1800,
	.start = start_assign,
	.due = due_assign,
	.stop = stop,
};
