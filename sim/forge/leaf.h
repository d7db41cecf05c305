/*
 * The certificate that Apple's attestation service makes for a device's key,
 * in the shape of a real one: fields, order of extensions, raw values.
 */
#ifndef LEAF_H
#define LEAF_H

#include "sim/forge/apple.h"
#include "sim/forge/fault.h"

struct leaf {
	EVP_PKEY *key;     /* what is attested */
	struct blob token; /* of the challenge */
	const char *serial;
	const char *udid; /* as provisioned: 8 and 16 hex digits */
	const char *os_version;
	const char *board;
	const char *thumbprint; /* of the account key; NULL if unknown */
	const struct faults *faults;
};

/* Appends the leaf in DER, signed by the given CA. */
int leaf_make(
    const struct leaf *leaf, const struct ca *issuer, struct buf *der);

#endif
