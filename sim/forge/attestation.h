/*
 * The attestation object of a device-attest-01 challenge: CBOR with format
 * "apple" and the certificates, or one of the many ways to get it wrong.
 */
#ifndef ATTESTATION_H
#define ATTESTATION_H

#include "sim/forge/leaf.h"

/* Appends the object as bytes. */
int attestation_make(
    struct apple *apple, const struct leaf *leaf, struct buf *out);

/* Appends what a device sends when Apple gave it no attestation. */
void attestation_failed(struct buf *out);

#endif
