/*
 * A run of renewals over all hosts, or of one: what the worker does every hour,
 * and what an administrator starts for a host or to move all to ACME.
 */
#ifndef ENROLL_RENEWAL_RUN_H
#define ENROLL_RENEWAL_RUN_H

#include "enroll/renewer.h"
#include "store/hosts.h"

#define RENEWAL_RUN_LIMIT_MAX 1000000

/* In this order. */
enum renewal_run_phase {
	RENEWAL_RUN_UNANSWERED,
	RENEWAL_RUN_EXPIRING,
	RENEWAL_RUN_DUE,
	RENEWAL_RUN_OVER,
};

struct renewal_run {
	const struct conf *conf;
	struct db *db;
	/* RENEWER_ANY: those that are due; RENEWER_NOW: one host */
	enum renewer_option option;
	/* changes nothing */
	bool dry_run;
	/* RENEWER_TO_ACME: hosts after this serial number alone */
	char after[DB_SERIAL_TEXT];
	/* renewals to open at most */
	int limit;
	/* called for each host with what was decided for it; may be NULL */
	void (*on_host)(void *arg, const struct renewal_run *run,
	    const struct renewal_candidate *host, const struct decision *d);
	void *arg;

	/* what came of it */
	int looked_at;
	int opened;
	int refused;
	/* renewals that were closed because nobody answered them in time */
	int unanswered;
	/* hosts that got an alarm because their certificate expires soon */
	int expiring;
	/* what failed, mostly at single hosts, and the first code */
	int faults;
	int fault;

	/* where it is */
	struct renewer renewer;
	enum renewal_run_phase phase;
	/* the next one of them is rows[at] */
	struct renewal_candidate_list page;
	size_t at;
	size_t page_done;
	int phase_faults;
	/* was a page read in this phase? `last` is the last host of a page */
	bool any;
	struct renewal_candidate last;
};

/*
 * Opens the renewals that `option` asks for, in a transaction for each host;
 * hosts that changed meanwhile are passed over. With RENEWER_ANY it first
 * closes unanswered renewals and raises alarms. Returns the first fault;
 * RENEWER_FAULTS_MAX of them end what it was doing. ERR_FIELD: RENEWER_TO_ACME
 * while hardware attestation is not required.
 */
int renewal_run_all(struct renewal_run *run);

/*
 * The same in steps of one host or one look for more, each a few milliseconds:
 * renewal_run_step() returns false when all is done. What has been done is
 * committed: a run that is given up is taken up by the next one.
 * renewal_run_end() belongs to each renewal_run_begin(), also after a failure,
 * and returns the first fault of the steps.
 */
int renewal_run_begin(struct renewal_run *run);
bool renewal_run_step(struct renewal_run *run);
int renewal_run_end(struct renewal_run *run);

/*
 * The renewal of one host, whenever its certificate expires. ERR_CONFLICT: it
 * has no valid certificate, changed meanwhile, or has a new certificate that
 * waits for its first use; the decision's code when it cannot be renewed.
 */
int renewal_run_host(struct renewal_run *run, const struct host *host);

#endif
