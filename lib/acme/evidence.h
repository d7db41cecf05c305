/*
 * Does an attestation prove what an order needs? acme-challenge asks when it
 * accepts one, and acme-finalize asks again before it signs, because what the
 * database says about an attestation is never enough for a certificate.
 */
#ifndef ACME_EVIDENCE_H
#define ACME_EVIDENCE_H

#include "store/enrollments.h"
#include "store/orders.h"
#include "wire/attest.h"

/*
 * How many seconds after the leaf's notBefore an attestation is still accepted.
 * Apple dates the leaf back by exactly 24 hours, and a device asks for one only
 * after it has the challenge's token, so that an honest one is much younger.
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

/*
 * After such a code of evidence_verify() nothing is known about the object, for
 * want of memory, database or configuration. All others, also those of the
 * server's own faults, come of what is in it.
 */
bool evidence_is_unchecked(int code);

/*
 * The part of evidence_verify() that looks at age and serial numbers:
 * ERR_ATT_TIME, ERR_ATT_IDENTITY.
 */
int evidence_check(const struct attestation *a,
    const struct enrollment *enrollment, const struct order *o, int64_t at);

#endif
