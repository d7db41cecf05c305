#include "admin/admin_renewal.h"

#include <stdio.h>

int
admin_renewal_record(const struct admin_actor *actor,
    const struct renewal_run *run, const struct host *host)
{
	char detail[256];
	int r;

	if (run->dry_run || (run->opened == 0 && run->option == RENEWER_ANY))
		return OK;
	snprintf(detail, sizeof detail,
	    "%s%s: %d opened, %d cannot be renewed, %d failed",
	    run->option == RENEWER_TO_ACME ? "all to ACME"
		: host != NULL             ? "host "
					   : "due",
	    host != NULL ? host->device.serial : "", run->opened, run->refused,
	    run->faults);
	/* what was done is on record, whatever became of the actor since */
	if ((r = db_begin(actor->db)) == OK)
		r = db_end(actor->db,
		    admin_actor_note(actor,
			&(struct activity_note){ .action = "renew",
			    .serial = host != NULL ? host->device.serial : "",
			    .detail = detail }));
	return r;
}

int
admin_renewal_run(const struct admin_actor *actor, struct renewal_run *run,
    const struct host *host)
{
	int r, recorded;

	if ((r = admin_actor_check(actor, ADMIN_CHANGE_HOSTS)) != OK)
		return r;
	run->conf = actor->conf;
	run->db = actor->db;
	r = host != NULL ? renewal_run_host(run, host) : renewal_run_all(run);
	recorded = admin_renewal_record(actor, run, host);
	return r != OK ? r : recorded;
}
