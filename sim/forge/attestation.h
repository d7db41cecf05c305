/*
 * What Apple's attestation service makes for a device's key: the certificate,
 * in the shape of a real one (fields, order of extensions, raw values), and the
 * attestation object of a device-attest-01 challenge: CBOR (RFC 8949) with
 * format "apple". Or one of the many ways to get either wrong.
 */
#ifndef ATTESTATION_H
#define ATTESTATION_H

#include "sim/forge/apple.h"

struct attestation {
	EVP_PKEY *key;     /* what is attested */
	struct blob token; /* of the challenge */
	const char *serial;
	const char *udid; /* as provisioned: 8 and 16 hex digits */
	const char *os_version;
	const char *board;
	const char *thumbprint; /* of the account key; NULL if unknown */
	const struct faults *faults;
};

/* Appends the certificate (the "leaf") in DER, signed by the given CA. */
int attestation_leaf(
    const struct attestation *a, const struct ca *issuer, struct buf *der);

/* Appends the object as bytes. */
int attestation_make(
    struct apple *apple, const struct attestation *a, struct buf *out);

/* Appends what a device sends when Apple gave it no attestation. */
void attestation_failed(struct buf *out);

#define ATTESTATION_BYTES 2
#define ATTESTATION_TEXT  3
#define ATTESTATION_ARRAY 4
#define ATTESTATION_MAP   5
#define ATTESTATION_TAG   6

/* The head of a CBOR value of a major type, in its shortest form. */
void attestation_head(struct buf *out, unsigned int major, uint64_t value);
void attestation_text(struct buf *out, const char *s);
void attestation_bytes(struct buf *out, struct blob b);

#endif
