/*
 * A run of renewals over all hosts, or of one: what the timer starts every
 * hour, and what an administrator starts for a host or to move all to ACME.
 */
#ifndef ENROLL_RENEWAL_RUN_H
#define ENROLL_RENEWAL_RUN_H

#include "enroll/renewer.h"
#include "store/hosts.h"

#define RENEWAL_RUN_LIMIT_MAX 1000000

struct renewal_run {
	const struct conf *conf;
	struct db *db;
	/* RENEWER_ANY: those that are due; RENEWER_NOW: one host */
	enum renewer_option option;
	/* changes nothing */
	bool dry_run;
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
	/* hosts at which something failed, and the first code */
	int faults;
	int fault;
};

/*
 * Opens the renewals that `option` asks for, page by page, in a transaction for
 * each host; hosts that changed meanwhile are passed over. With RENEWER_ANY it
 * first closes unanswered renewals and raises alarms. Returns the first fault;
 * RENEWER_FAULTS_MAX of them end the run. ERR_FIELD: RENEWER_TO_ACME while
 * hardware attestation is not required.
 */
int renewal_run_all(struct renewal_run *run);

/*
 * The renewal of one host, whenever its certificate expires. ERR_CONFLICT: it
 * has no valid certificate, changed meanwhile, or has a new certificate that waits for
 * its first use; the decision's code when it cannot be renewed.
 */
int renewal_run_host(struct renewal_run *run, const struct host *host);

#endif
