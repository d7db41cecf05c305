/* Enrollment links as an administrator makes and revokes them. */
#ifndef ADMIN_LINK_H
#define ADMIN_LINK_H

#include "admin/admin_actor.h"
#include "store/enrollment_links.h"

#define ADMIN_LINK_URL_TEXT 1024

/*
 * Makes a link of [manual] link_hours for the device of this serial number, in
 * small letters or capitals; "" for any device. `note` may be "". Fills in
 * *link, and `url`, a secret that nobody can read again and that the caller
 * wipes; "" on failure. ERR_ENROLL_BUSINESS: only Apple Business enrollments
 * are allowed; ERR_FIELD: this is no serial number, or a note of more than 100
 * bytes; ERR_ROLE.
 */
int admin_link_create(const struct admin_actor *actor, const char *serial,
    const char *note, struct enrollment_link *link,
    char url[ADMIN_LINK_URL_TEXT]);

/*
 * Revokes links, all or none, each with the enrollment that came of it as long
 * as its device has not enrolled. ERR_NOT_FOUND; ERR_CONFLICT: it has, or the
 * link was revoked before; ERR_ROLE.
 */
int admin_link_revoke(
    const struct admin_actor *actor, const char *const *ids, int n);

#endif
