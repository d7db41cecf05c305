/*
 * The attestation object of a device-attest-01 challenge: CBOR with format
 * "apple" and the certificates, or one of the many ways to get it wrong.
 */
#ifndef SIM_ATTEST_H
#define SIM_ATTEST_H

#include "sim/sim_leaf.h"

/* Appends the object as bytes. */
int sim_attest_make(
    struct sim_apple *apple, const struct sim_leaf *leaf, struct buf *out);

/* Appends what a device sends when Apple gave it no attestation. */
void sim_attest_failed(struct buf *out);

#endif
