/*
 * Which enrollment a SCEP request is for: the one whose one-time challenge it
 * holds, or, in a RenewalReq (RFC 8894 section 3.3.1), the open renewal of the
 * host whose present certificate signed it.
 */
#ifndef SCEP_ENTITLEMENT_H
#define SCEP_ENTITLEMENT_H

#include <stdbool.h>

#include "store/db.h"
#include "store/enrollments.h"
#include "store/scep_challenges.h"
#include "wire/csr.h"

struct entitlement {
	/* `enrollment` is proven to be the sender's, if only its former one */
	bool known;
	struct enrollment enrollment;
	/* when the renewal was, in seconds since 1970; 0 by challenge */
	int64_t opened_at;
	/* of that enrollment; says whether it was used, and by which key */
	struct scep_challenge challenge;
};

/* ERR_SCEP_CHALLENGE: there is none in the request, or nobody knows it. */
int entitlement_by_challenge(
    struct db *db, const struct csr *csr, struct entitlement *out);

/*
 * By the signer's certificate, whose signature the caller has verified. It is
 * in use, within its dates, and its enrolled host has a renewal open that is
 * for SCEP: whether and when a host is renewed is not the client's to choose.
 * Otherwise ERR_SCEP_REQUEST.
 */
int entitlement_by_certificate(struct db *db,
    const uint8_t signer_sha256[SECRET_SHA256], struct entitlement *out);

#endif
