/* Identity certificates, as an administrator finds and revokes them. */
#ifndef ADMIN_CERTIFICATE_H
#define ADMIN_CERTIFICATE_H

#include "admin/admin_actor.h"
#include "store/certificates.h"

/*
 * By id, by SHA-256 or by serial number, the last two in hex. The caller
 * releases *out. ERR_NOT_FOUND.
 */
int admin_certificate_find(
    struct db *db, const char *name, struct certificate *out);

/* RFC 5280 section 5.3.1: "keyCompromise", …; "other" for what is not ours. */
const char *admin_certificate_reason_name(int reason);

/*
 * The reason of that name or digit, if an administrator may give it; NULL is
 * unspecified. ERR_REVOCATION_REASON.
 */
int admin_certificate_reason(const char *text, int *out);

/*
 * Revokes all `n`, or none. The programs refuse them from then on; the
 * revocation lists are for those who sign them to publish.
 * ERR_ALREADY_REVOKED, ERR_ROLE.
 */
int admin_certificate_revoke(const struct admin_actor *actor,
    const struct certificate *all, int n, int reason);

#endif
