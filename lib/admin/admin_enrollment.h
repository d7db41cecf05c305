/* Enrollments as an administrator sees them. */
#ifndef ADMIN_ENROLLMENT_H
#define ADMIN_ENROLLMENT_H

#include "admin/admin_actor.h"
#include "store/enrollments.h"

/*
 * How far it got: the name of its state, or "refused" or "expired" for an open
 * one whose last step failed or that has no time left.
 */
int admin_enrollment_status(
    struct db *db, const struct enrollment *e, const char **out);

/*
 * The id, which is part of a device's ACME address while the enrollment is open: ""
 * for a role that only looks, until it is over.
 */
const char *admin_enrollment_id(
    enum admin_role role, const struct enrollment *e);

#endif
