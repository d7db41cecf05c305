/*
 * A new enrollment together with what its profile needs: one place for every
 * way to one, by Automated Device Enrollment, by a link or by a renewal.
 */
#ifndef ENROLL_NEW_ENROLLMENT_H
#define ENROLL_NEW_ENROLLMENT_H

#include "store/context.h"
#include "store/enrollments.h"
#include "store/scep_challenges.h"

/* Holds a secret: wiped with new_enrollment_wipe(). */
struct new_enrollment {
	struct enrollment enrollment;
	/* SCEP: the one-time challenge; else "" */
	char challenge[SCEP_CHALLENGES_TEXT];
};

/*
 * Inside of a transaction: stores new->enrollment, of which the caller filled
 * in who it is for and how, as one that lives `hours`, and for SCEP makes its
 * challenge. What its profile says of the server is what `renewed` notes, or
 * for a first enrollment (NULL) what push certificate and configuration say. The
 * context is about this enrollment from then on. ERR_CONFIG: a text for the
 * profile is longer than 255 bytes; ERR_NO_TOPIC: there is no push certificate;
 * ERR_FIELD: no serial number.
 */
int new_enrollment_create(struct context *c, const struct enrollment *renewed,
    int hours, struct new_enrollment *new);
void new_enrollment_wipe(struct new_enrollment *new);

#endif
