/*
 * PKCSReq and RenewalReq (RFC 8894 section 3.3.1): a certificate for the key of
 * a request that belongs to an enrollment, as
 * scep/scep_authorization.h says.
 */
#ifndef SCEP_PKCSREQ_H
#define SCEP_PKCSREQ_H

#include "base/buf.h"
#include "ca/authority.h"
#include "scep/pkimessage.h"
#include "store/context.h"
#include "wire/enveloped.h"

#define PKCSREQ_STEP "scep"
/* A step of its own: repetitions push out no row of what happened first. */
#define PKCSREQ_STEP_AGAIN "scep-again"

/* How long a repeated request gets the same certificate again. */
#define PKCSREQ_RETRY_SECONDS 600

/* The SCEP server, with the request in hand. */
struct scep {
	struct context context;
	/* the CA that the profile named: opens requests and signs answers */
	const struct authority *ca;
	/* the current one, which signs certificates, and its list */
	const struct authority *issuer;
	const char *crl_file;
};

/*
 * Answers a verified message: opens the envelope, checks request and challenge,
 * signs, and stores certificate, used challenge and event in one transaction.
 * Appends the certificate's DER. The same transaction with the same key for the
 * same enrollment gets the same certificate again for PKCSREQ_RETRY_SECONDS.
 *
 * ERR_SCEP_ALGORITHM: the envelope's cipher or key transport is not allowed.
 * ERR_SCEP_MESSAGE: the envelope cannot be opened, or holds no sound request
 * for the signer's key; one answer for all of these. ERR_SCEP_REQUEST: the key
 * was certified before, or the signer of a RenewalReq may not have one, or
 * signed it before that was so. ERR_SCEP_CHALLENGE: absent, unknown, used or
 * expired; one answer for all of these. And the codes of issuance_check_scep().
 * The caller adds refusals to the event log.
 */
int pkcsreq_serve(struct scep *scep, const struct pkimessage *m,
    enum enveloped_cipher *cipher, struct buf *out);

#endif
