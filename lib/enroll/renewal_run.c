#include "enroll/renewal_run.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/settings.h"

/* Hosts that are looked up at a time, so that memory stays the same. */
#define PAGE 100

/* Hosts that get an alarm, and renewals that are closed, in one run. */
#define CARE_MAX 10000

#define DAY INT64_C(86400)

static int
renew(struct renewal_run *run, struct renewer *rn,
    const struct renewal_candidate *host, struct decision *d)
{
	int r = run->dry_run ? renewer_decide(rn, host, run->option, d)
			     : renewer_send(rn, host, run->option, d);

	if (r != OK)
		return r;
	run->looked_at++;
	if (d->method == DECISION_REFUSE)
		run->refused++;
	else
		run->opened++;
	if (run->on_host != NULL)
		run->on_host(run->arg, run, host, d);
	return OK;
}

/* What is done to one host in the present phase. */
static int
handle(struct renewal_run *run, const struct renewal_candidate *host)
{
	struct decision d;
	int r;

	switch (run->phase) {
	case RENEWAL_RUN_UNANSWERED:
		if ((r = renewer_close(&run->renewer, host)) == OK)
			run->unanswered++;
		return r;
	case RENEWAL_RUN_EXPIRING:
		if ((r = renewer_alarm(&run->renewer, host)) == OK)
			run->expiring++;
		return r;
	case RENEWAL_RUN_DUE:
		return renew(run, &run->renewer, host, &d);
	case RENEWAL_RUN_OVER:
		break;
	}
	return OK;
}

/* The next hosts after the last one, in the order of the run. */
static int
load_due(struct renewal_run *run, struct renewal_candidate_list *out)
{
	const struct renewal_candidate *after = run->any ? &run->last : NULL;
	struct renewal_candidate first = { .serial = "" };
	int left = run->limit - run->opened;
	struct renewal_query due = { .now = clock_now(),
		.window = DAY * run->conf->days_before,
		.grace = DAY * run->conf->expired_grace_days,
		.limit = left < PAGE ? left : PAGE };

	memcpy(first.serial, run->after, sizeof first.serial);
	if (run->option == RENEWER_TO_ACME)
		return renewal_candidates_not_attested(
		    run->db, run->any ? after : &first, due.limit, out);
	return renewal_candidates_due(run->db, &due, after, out);
}

static int
load_page(struct renewal_run *run, struct renewal_candidate_list *out)
{
	switch (run->phase) {
	case RENEWAL_RUN_UNANSWERED:
		return renewal_candidates_unanswered(
		    run->db, clock_now(), PAGE, out);
	case RENEWAL_RUN_EXPIRING:
		return renewer_expiring(&run->renewer, PAGE, out);
	case RENEWAL_RUN_DUE:
		return load_due(run, out);
	case RENEWAL_RUN_OVER:
		break;
	}
	return OK;
}

/*
 * May there be more hosts for this phase? What was done to hosts in the first
 * two takes them off the list; a page at which nothing was done would come
 * again.
 */
static bool
goes_on(const struct renewal_run *run)
{
	if (run->phase_faults >= RENEWER_FAULTS_MAX)
		return false;
	if (run->phase == RENEWAL_RUN_DUE)
		return run->opened < run->limit &&
		    (!run->any || run->page.n > 0);
	return !run->any ||
	    (run->page.n == PAGE && run->page_done > 0 &&
		run->unanswered < CARE_MAX && run->expiring < CARE_MAX);
}

static void
note_fault(struct renewal_run *run, int r)
{
	run->phase_faults++;
	if (run->faults++ == 0)
		run->fault = r;
}

static void
begin_phase(struct renewal_run *run, enum renewal_run_phase phase)
{
	renewal_candidates_list_release(&run->page);
	run->phase = phase;
	run->at = 0;
	run->any = false;
	run->page_done = 0;
	run->phase_faults = 0;
}

static int
next_page(struct renewal_run *run)
{
	struct renewal_candidate_list page = { 0 };
	int r = load_page(run, &page);

	if (r != OK)
		return r;
	renewal_candidates_list_release(&run->page);
	run->page = page;
	run->at = 0;
	run->any = true;
	run->page_done = 0;
	return OK;
}

static int
check_required(const struct renewal_run *run)
{
	bool require;
	int r = settings_get_bool(
	    run->db, run->conf, SETTINGS_REQUIRE_ATTESTATION, &require);

	if (r == OK && !require)
		return fail(ERR_FIELD,
		    "turn \"Require hardware attestation\" on first");
	return r;
}

int
renewal_run_begin(struct renewal_run *run)
{
	int r;

	begin_phase(run,
	    run->option == RENEWER_ANY && !run->dry_run ? RENEWAL_RUN_UNANSWERED
							: RENEWAL_RUN_DUE);
	if (run->option == RENEWER_TO_ACME && (r = check_required(run)) != OK)
		return r;
	return renewer_init(&run->renewer, run->conf, run->db);
}

bool
renewal_run_step(struct renewal_run *run)
{
	int r;

	if (run->phase == RENEWAL_RUN_OVER)
		return false;
	if (run->at < run->page.n && run->phase_faults < RENEWER_FAULTS_MAX) {
		run->last = run->page.rows[run->at++];
		r = handle(run, &run->last);
		if (r == OK)
			run->page_done++;
		else if (r != ERR_CONFLICT)
			note_fault(run, r);
	} else if (!goes_on(run)) {
		/* What is due is renewed, whatever went wrong before. */
		begin_phase(run, run->phase + 1);
	} else if ((r = next_page(run)) != OK) {
		note_fault(run, r);
		begin_phase(run, run->phase + 1);
	}
	return run->phase != RENEWAL_RUN_OVER;
}

int
renewal_run_end(struct renewal_run *run)
{
	begin_phase(run, RENEWAL_RUN_OVER);
	renewer_release(&run->renewer);
	return run->fault;
}

int
renewal_run_all(struct renewal_run *run)
{
	int r = renewal_run_begin(run), fault;

	if (r == OK)
		while (renewal_run_step(run))
			if (!run->dry_run)
				db_give_way(run->db);
	fault = renewal_run_end(run);
	return r != OK ? r : fault;
}

int
renewal_run_host(struct renewal_run *run, const struct host *host)
{
	const char *serial = host->device.serial;
	struct renewal_candidate candidate;
	struct decision d;
	struct renewer rn;
	int r;

	r = renewal_candidates_load(run->db, host->id, &candidate);
	if (r == ERR_NOT_FOUND)
		return fail(ERR_CONFLICT,
		    "%s has no certificate to renew: the host is %s", serial,
		    hosts_state_name(host->state));
	if (r != OK)
		return r;
	if ((r = renewer_init(&rn, run->conf, run->db)) == OK)
		r = renew(run, &rn, &candidate, &d);
	renewer_release(&rn);
	if (r == ERR_CONFLICT)
		return fail(r,
		    "%s changed meanwhile, or has a new certificate already, "
		    "which waits for its first use",
		    serial);
	if (r == OK && run->refused > 0 && !run->dry_run)
		return fail(
		    d.code, "%s cannot be renewed: %s", serial, d.reason);
	return r;
}
