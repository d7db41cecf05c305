/*
 * Who is let in: what was true when a certificate was issued must still be when
 * it is first used, for a device may keep one unused, or skip a message.
 */
#ifndef MDM_ADMISSION_H
#define MDM_ADMISSION_H

#include "mdm/contact.h"
#include "store/enrollments.h"

/*
 * Inside of the transaction, for a certificate of this enrollment that was
 * never used. ERR_MDM_CERTIFICATE: the enrollment was revoked, or its
 * certificate left unused for too long; ERR_ENROLL_BUSINESS: by hand or not
 * assigned, and that is not allowed; ERR_ENROLL_METHOD: not attested, and all
 * have to be; ERR_ENROLL_UNASSIGNED: taken away by Business Manager;
 * ERR_ENROLL_DOWNGRADE: SCEP for a serial number that attested before, while
 * attestation is required; ERR_MDM_BLOCKED: it renews a revoked one.
 */
int admission_of_certificate(struct contact *c, const struct enrollment *e);

/*
 * Every message but Authenticate: the sender is a host of ours with its present
 * certificate, or with a renewed one, which then takes the present one's place.
 * Not with Authenticate: a device whose profile then fails to install goes on
 * with its old identity. The codes above, and those of identity_recognize().
 */
int admission_of_message(struct contact *c);

#endif
