/*
 * The answer to a device-attest-01 challenge: draft-ietf-acme-device-attest
 * section 5, Apple's guide "Managed Device Attestation".
 */
#ifndef ACME_CHALLENGE_H
#define ACME_CHALLENGE_H

#include "acme/request.h"
#include "store/orders.h"
#include "wire/attest.h"

#define CHALLENGE_STEP "challenge"

/*
 * Judges the answer at once and for good. *out is the order as it is
 * afterwards: a bad attestation is no failure of this function but makes
 * challenge, authorization and order invalid, with the reason in out->error. A
 * challenge that is not pending is returned as it is, whatever the payload; so
 * is any to POST-as-GET.
 *
 * A statement is accepted only if evidence_verify() accepts it, its device is
 * assigned to us now, and its key was never seen in an account, an attestation
 * or a certificate. The attestation object is stored in the transaction that
 * makes the order ready.
 *
 * ERR_NOT_FOUND when it is not the account's; ERR_MALFORMED when the payload is
 * no JSON object or attObj no string: nothing changes then.
 */
int challenge_answer(struct request *rq, const struct attest_roots *roots,
    const char *id, struct order *out);

/* Reads a normal-form EC SubjectPublicKeyInfo as a JWK; ERR_ATT_KEY. */
int challenge_key_of(struct blob spki, struct jwk *out);

#endif
