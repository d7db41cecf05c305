/* revokeCert: RFC 8555 section 7.6. */
#ifndef ACME_REVOCATION_H
#define ACME_REVOCATION_H

#include "acme/request.h"

#define REVOCATION_STEP "revocation"

/*
 * Revokes a certificate of this enrollment; the next published list holds it.
 * The signer is the account that ordered it, another one of the enrollment that
 * holds a valid authorization for its device, or the certificate's own key.
 *
 * ERR_MALFORMED, ERR_REVOCATION_REASON, ERR_NOT_FOUND when it is none of ours,
 * ERR_UNAUTHORIZED for any other signer, ERR_ALREADY_REVOKED.
 */
int revocation_request(struct request *rq);

#endif
