/*
 * The certificate that Apple's attestation service makes for a device's key,
 * in the shape of a real one: fields, order of extensions, raw values.
 */
#ifndef SIM_LEAF_H
#define SIM_LEAF_H

#include "sim/sim_apple.h"
#include "sim/sim_knob.h"

struct sim_leaf {
	EVP_PKEY *key;     /* what is attested */
	struct blob token; /* of the challenge */
	const char *serial;
	const char *udid; /* as provisioned: 8 and 16 hex digits */
	const char *os_version;
	const char *board;
	const char *thumbprint; /* of the account key; NULL if unknown */
	const struct sim_knobs *knobs;
};

/* Appends the leaf in DER, signed by the given CA. */
int sim_leaf_make(
    const struct sim_leaf *leaf, const struct sim_ca *issuer, struct buf *der);

#endif
