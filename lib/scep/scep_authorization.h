/*
 * Which enrollment a SCEP request is for: the one whose one-time challenge it
 * holds, or, in a RenewalReq (RFC 8894 section 3.3.1), the open renewal of the
 * host whose present certificate signed it.
 */
#ifndef SCEP_SCEP_AUTHORIZATION_H
#define SCEP_SCEP_AUTHORIZATION_H

#include "store/context.h"
#include "store/enrollments.h"
#include "store/scep_challenges.h"
#include "wire/csr.h"

struct scep_authorization {
	struct enrollment enrollment;
	/* of that enrollment; says whether it was used, and by which key */
	struct scep_challenge challenge;
	/* seconds since 1970; 0 by challenge */
	int64_t renewal_opened_at;
};

/*
 * ERR_SCEP_CHALLENGE: there is none in the request, or nobody knows it. From
 * here on *c names the enrollment.
 */
int scep_authorization_by_challenge(
    struct context *c, const struct csr *csr, struct scep_authorization *out);

/*
 * By the signer's certificate, whose signature the caller has verified. It is
 * in use, within its dates, and its enrolled host has a renewal open that is
 * for SCEP: whether and when a host is renewed is not the client's to choose.
 * Otherwise ERR_SCEP_REQUEST, and *c names the enrollment that the certificate
 * was issued for.
 */
int scep_authorization_by_certificate(struct context *c,
    const uint8_t signer_sha256[SECRET_SHA256], struct scep_authorization *out);

#endif
