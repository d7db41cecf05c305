/*
 * Who is let in: what was true when a certificate was issued must still be when
 * it is first used, for a device may keep one unused, or skip a message.
 */
#ifndef MDM_FIRST_USE_H
#define MDM_FIRST_USE_H

#include "mdm/mdm_request.h"

/*
 * Inside of the transaction, for a certificate that was never used.
 * ERR_MDM_CERTIFICATE: it was left unused for too long, or is over;
 * ERR_MDM_BLOCKED: it renews a revoked one; and the codes of
 * decision_check_use(). One exception:
 * with "Require hardware attestation" alone, a renewed certificate of an
 * attested host is let in that was made without attestation before the setting
 * was switched on. The device has no other any more.
 */
int first_use_check(struct mdm_request *c);

/*
 * Every message but Authenticate: the sender is a host of ours with its present
 * certificate, or with a renewed one, which then takes the present one's place.
 * Not with Authenticate: a device whose profile then fails to install goes on
 * with its old identity. The codes above, and those of identity_recognize().
 */
int first_use_admit(struct mdm_request *c);

#endif
