/* Renewals as an administrator, or the worker, starts them. */
#ifndef ADMIN_RENEWAL_H
#define ADMIN_RENEWAL_H

#include "admin/admin_actor.h"
#include "enroll/renewal_run.h"

/*
 * Runs renewal_run_host() for `host`, or renewal_run_all() when that is NULL,
 * for the actor's conf and db. What was done is recorded also after a fault; a
 * dry run, and a run over what is due that opened nothing, leave no activity.
 * ERR_ROLE and the errors of both.
 */
int admin_renewal_run(const struct admin_actor *actor, struct renewal_run *run,
    const struct host *host);

/* Records a run that the worker did in steps, as admin_renewal_run() records its own. */
int admin_renewal_record(const struct admin_actor *actor,
    const struct renewal_run *run, const struct host *host);

#endif
