/* The push certificate, as far as an administrator changes it. */
#ifndef ADMIN_PUSH_H
#define ADMIN_PUSH_H

#include "admin/admin_actor.h"
#include "store/push_certificate.h"

/*
 * May this certificate take the place of the one before? ERR_UNCONFIRMED when
 * hosts are enrolled with another topic, which no push reaches any more, unless
 * `force`; ERR_ROLE.
 */
int admin_push_check(const struct admin_actor *actor,
    const struct push_certificate *certificate, bool force);

/*
 * Checks again, and stores what push_identity_read() said of the certificate
 * whose file is in place by now: profiles get its topic, pushes go on.
 */
int admin_push_import(const struct admin_actor *actor,
    const struct push_certificate *certificate, bool force);

#endif
