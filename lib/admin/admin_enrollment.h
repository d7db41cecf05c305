/* Enrollments as an administrator sees them. */
#ifndef ADMIN_ENROLLMENT_H
#define ADMIN_ENROLLMENT_H

#include "store/enrollments.h"

/*
 * How far it got: the name of its state, or "refused" or "expired" for an open
 * one whose last step failed or that has no time left.
 */
int admin_enrollment_status(
    struct db *db, const struct enrollment *e, const char **out);

#endif
