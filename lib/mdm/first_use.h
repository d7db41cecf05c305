/*
 * The first use of a certificate: what was true when it was issued must still
 * be true, for a device may keep one unused, or skip a message.
 */
#ifndef MDM_FIRST_USE_H
#define MDM_FIRST_USE_H

#include "mdm/mdm_request.h"

/*
 * Inside the transaction, for a certificate that was never used.
 * ERR_MDM_CERTIFICATE: it was left unused for too long, or has expired;
 * ERR_MDM_BLOCKED: it renews a revoked one; and the codes of
 * decision_check_use(). One exception: with "Require hardware attestation"
 * alone, a renewed certificate of an attested host is accepted that was issued
 * without attestation before the setting was switched on. The device has no
 * other any more.
 */
int first_use_check(struct mdm_request *req);

/*
 * After identity_recognize(), with any message but Authenticate: does nothing
 * for the host's present certificate; a renewed one takes its place after
 * first_use_check(). Not with Authenticate: a device whose profile then fails
 * to install goes on with its old identity. ERR_MDM_CERTIFICATE: the renewal
 * was revoked; and the codes above.
 */
int first_use_replace(struct mdm_request *req);

#endif
