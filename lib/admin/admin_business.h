/*
 * What an administrator does about accounts at Apple Business: server tokens,
 * the enrollment profile that is defined there, and the approvals that
 * synchronizing and assigning wait for.
 */
#ifndef ADMIN_BUSINESS_H
#define ADMIN_BUSINESS_H

#include <sys/types.h>

#include "admin/admin_actor.h"
#include "store/ade_accounts.h"
#include "store/ade_devices.h"

/*
 * Makes the account unless it exists, and the key and certificate that Apple
 * encrypts its token for, unless they do; with `anew` others in their place.
 * Appends the certificate (PEM). ERR_FIELD: no name for an account; ERR_ROLE.
 */
int admin_business_certificate(const struct admin_actor *actor,
    const char *account, bool anew, struct buf *pem);

/*
 * Takes the server token (.p7m) that Apple Business gave out for that
 * certificate. `moves`: also one of another device management service, with
 * which the account begins anew. The account's row after it is in `out`. The
 * token's file is `user`'s and `group`'s, as in file_replace_for().
 *
 * ERR_NOT_FOUND: no such account; ERR_ADE_TOKEN; ERR_ADE_OTHER_SERVICE;
 * ERR_EXISTS: another account has this token; ERR_ROLE.
 */
int admin_business_token(const struct admin_actor *actor, const char *account,
    struct blob file, bool moves, uid_t user, gid_t group,
    struct ade_account *out);

/*
 * Changes options of the profile by "NAME=VALUE", all or none: ERR_FIELD. Its
 * devices get it anew by themselves if assigning was approved.
 */
int admin_business_set_options(const struct admin_actor *actor,
    const char *account, const char *const *assignments, int n);

/*
 * All devices get the profile anew by themselves where assigning was approved:
 * something else than its options changed. Inside a transaction of the caller.
 */
int admin_business_assign_anew(const struct admin_actor *actor);

/*
 * How many devices of an account have the profile that is wanted now, another one
 * or none, by ade_devices_count_kept(); nobody has it while it is not defined at
 * Apple Business, which *defined says.
 */
int admin_business_count(struct db *db, const struct conf *conf,
    const struct ade_account *account, bool *defined,
    struct ade_device_counts *out);

/*
 * Approves the assignment of profiles, which the worker does from then on.
 * ERR_NOT_FOUND; ERR_CONFLICT: the account has no server token; ERR_ROLE.
 */
int admin_business_approve(
    const struct admin_actor *actor, const char *account);

/*
 * Confirms the removals that are held because they were too many at once: these
 * devices are no longer assigned. *removed is their number. ERR_NOT_FOUND;
 * ERR_CONFLICT: none are held; ERR_ROLE.
 */
int admin_business_confirm(
    const struct admin_actor *actor, const char *account, int *removed);

/*
 * Makes the lists of all accounts due now and wakes the worker. *asked_at is
 * when its job is due: now. ERR_NOT_FOUND: there is no account.
 */
int admin_business_sync_now(const struct admin_actor *actor, int64_t *asked_at);

#endif
