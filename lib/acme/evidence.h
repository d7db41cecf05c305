/*
 * Is an attestation good for an order? Both acme-challenge, when it accepts
 * one, and acme-finalize, before it signs, ask here: what the database says
 * about an attestation is never enough for a certificate.
 */
#ifndef ACME_EVIDENCE_H
#define ACME_EVIDENCE_H

#include "store/enrollments.h"
#include "store/orders.h"
#include "wire/attest.h"

/*
 * Seconds from the leaf's notBefore in which an attestation is accepted.
 * Apple dates a leaf back by exactly 24 hours, and a device asks for one only
 * after it has the challenge's token.
 */
#define EVIDENCE_AGE_MAX (7 * 86400)

/*
 * Verifies an attestation object as attest_verify() does, with certificates
 * that are valid at `at`, and checks that it was made in the last
 * EVIDENCE_AGE_MAX seconds, for the order's token and for the serial number of
 * order and enrollment. The codes are those of attest_verify(), ERR_ATT_TIME
 * and ERR_ATT_IDENTITY. The caller releases *out with attest_release(); it is
 * empty after a failure.
 */
int evidence_verify(const struct attest_roots *roots, struct blob object,
    const struct enrollment *enrollment, const struct order *o, int64_t at,
    struct attestation *out);

/* The part of it that compares names: ERR_ATT_IDENTITY. */
int evidence_check_identity(const struct attestation *a,
    const struct enrollment *enrollment, const struct order *o);

/*
 * The part of it that looks at the attestation's age, `at` being the present:
 * ERR_ATT_TIME.
 */
int evidence_check_age(const struct attestation *a, int64_t at);

#endif
