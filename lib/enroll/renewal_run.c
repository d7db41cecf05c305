#include "enroll/renewal_run.h"

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

/* The next hosts behind `after`, in the order of the run. */
static int
load_page(const struct renewal_run *run, const struct renewal_candidate *after,
    struct renewal_candidate_list *out)
{
	int left = run->limit - run->opened;
	struct renewal_query due = { .now = clock_now(),
		.window = DAY * run->conf->days_before,
		.grace = DAY * run->conf->expired_grace_days,
		.limit = left < PAGE ? left : PAGE };

	if (run->option == RENEWER_TO_ACME)
		return renewal_candidates_not_attested(
		    run->db, after, due.limit, out);
	return renewal_candidates_due(run->db, &due, after, out);
}

static int
renew_pages(struct renewal_run *run, struct renewer *rn)
{
	struct renewal_candidate last, *after = NULL;
	struct renewal_candidate_list page;
	struct decision d;
	size_t i, n;
	int r;

	do {
		if ((r = load_page(run, after, &page)) != OK)
			return r;
		n = page.n;
		for (i = 0; i < n && run->faults < RENEWER_FAULTS_MAX; i++) {
			last = page.rows[i];
			r = renew(run, rn, &last, &d);
			if (r != OK && r != ERR_CONFLICT && run->faults++ == 0)
				run->fault = r;
			if (!run->dry_run)
				db_give_way(run->db);
		}
		after = &last;
		renewal_candidates_release(&page);
	} while (n > 0 && run->opened < run->limit &&
	    run->faults < RENEWER_FAULTS_MAX);
	return run->fault;
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
renewal_run_all(struct renewal_run *run)
{
	int unanswered = OK, alarm = OK, r;
	struct renewer rn;

	if (run->option == RENEWER_TO_ACME && (r = check_required(run)) != OK)
		return r;
	if ((r = renewer_init(&rn, run->conf, run->db)) != OK)
		goto done;
	if (run->option == RENEWER_ANY && !run->dry_run) {
		unanswered =
		    renewer_close_unanswered(&rn, CARE_MAX, &run->unanswered);
		alarm = renewer_alarm(&rn, CARE_MAX, &run->expiring);
	}
	/* What is due is renewed, whatever went wrong before. */
	if ((r = renew_pages(run, &rn)) == OK)
		r = unanswered != OK ? unanswered : alarm;
done:
	renewer_release(&rn);
	return r;
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
