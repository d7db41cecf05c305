/* From a ready order to its certificate: RFC 8555 sections 7.4 and 7.4.2. */
#ifndef ACME_FINALIZE_H
#define ACME_FINALIZE_H

#include "acme/request.h"
#include "ca/authority.h"
#include "ca/generation.h"
#include "store/certificates.h"
#include "store/orders.h"
#include "wire/attest.h"

#define FINALIZE_STEP          "finalize"
#define FINALIZE_STEP_DOWNLOAD "certificate"

/* The key that acme-finalize alone holds, and the root of attestations. */
struct finalize_keys {
	/* the current generation of the ACME CA, and the names of its files */
	struct authority *ca;
	struct generation files;
	struct attest_roots *roots;
};

/*
 * Certifies the attested key, and no other. The certificate is signed first and
 * leaves this function only if the one transaction that makes the order valid,
 * stores the certificate and closes the enrollment commits; otherwise it is
 * forgotten. *out is the order as it is then; `replaces` gets what
 * order_predecessor() says.
 *
 * That the database calls an order ready is not enough: the attestation object
 * stored with it is verified once more with evidence_verify().
 *
 * ERR_NOT_FOUND when the order is not the account's; ERR_ORDER_NOT_READY in any
 * state but ready, and when it was made before attestation objects were kept;
 * ERR_EVIDENCE when the attestation of a ready order does not verify;
 * ERR_MALFORMED when `csr` is absent or not base64url; ERR_BAD_CSR, which the
 * order survives a few times; ERR_CSR_KEY, which it does not; ERR_UNAUTHORIZED
 * when the enrollment is over; and the codes of decision_check_issue().
 */
int finalize_order(struct request *rq, const struct finalize_keys *keys,
    const char *id, struct order *out, struct buf *replaces);

/*
 * POST-as-GET on a certificate: appends the PEM chain. ERR_NOT_FOUND when it
 * is not of the account's order; ERR_UNAUTHORIZED when it was revoked;
 * and the codes of decision_check_issue().
 */
int finalize_download(struct request *rq, const struct finalize_keys *keys,
    const char *id, struct buf *out);

#endif
