/*
 * Link enrollment: a one-time link of an administrator leads to one profile
 * with SCEP. Whose device it is turns out at its first Authenticate, unless the
 * link was made for one serial number.
 */
#ifndef ENROLL_LINK_PROFILE_H
#define ENROLL_LINK_PROFILE_H

#include "base/buf.h"
#include "enroll/profile.h"
#include "store/context.h"

/*
 * May this token be used now? Changes nothing, so that a preview uses nothing
 * up. ERR_NOT_FOUND: no such link; ERR_ENROLL_LINK: used, revoked or expired.
 */
int link_profile_check(struct db *db, const char *token);

/*
 * Uses the link in one transaction, then appends its profile to `out`; a
 * profile that cannot be written has used up the link all the same. Also
 * ERR_ENROLL_BUSINESS, ERR_MDM_BLOCKED and ERR_ENROLL_DOWNGRADE: the decision
 * refuses. Refusals of a known link leave a row in the event log.
 */
int link_profile_redeem(struct context *c, const struct profile_files *files,
    const char *token, struct buf *out);

#endif
