/*
 * Certificate requests (PKCS#10, RFC 2986). Nothing of a request but its key
 * reaches a certificate; what else it asks for is checked so that a strange
 * request is refused with a reason and not silently changed.
 */
#ifndef WIRE_CSR_H
#define WIRE_CSR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/secret.h"

#define CSR_BYTES_MAX 8192

/* Accept RSA keys of 2048..4096 bits with an odd exponent from 65537 on. */
#define CSR_ALLOW_RSA 1u
/* Accept a SHA-1 signature of an RSA key: for older SCEP clients. */
#define CSR_ALLOW_SHA1 2u

#define CSR_CHALLENGE_MAX 255

struct csr {
	/* DER of SubjectPublicKeyInfo; EC: named curve, uncompressed point. */
	struct blob spki;
	uint8_t spki_sha256[SECRET_SHA256];
	/* SAN PermanentIdentifier (RFC 4043): its identifierValue or NULL ...
	 */
	char *permanent_identifier;
	/* ... and the dotted OID of its assigner, or NULL. */
	char *permanent_assigner;
	/* A SAN HardwareModuleName (RFC 4108) is asked for. */
	bool hardware_module;
	/* challengePassword (RFC 2985 section 5.4.1), a secret. */
	bool has_challenge;
	struct blob challenge;
	/* The request itself, which the blobs point into. */
	uint8_t *der;
	size_t der_len;
};

/*
 * Reads and checks one request: strict DER without trailing bytes, version 0,
 * key EC P-256 or P-384 (or RSA by flag), signature by that key with ECDSA or
 * RSA and SHA-256/384/512 (SHA-1 by flag), at most one challengePassword of at
 * most CSR_CHALLENGE_MAX bytes, at most one extensionRequest and no extension
 * in it twice, no control byte in any name, neither CA:TRUE nor keyCertSign nor
 * cRLSign nor an unknown critical extension asked for, at most one
 * PermanentIdentifier, which has a value. *out is the caller's to release with
 * csr_free, which wipes. ERR_BAD_CSR.
 */
int csr_parse(struct blob der, unsigned flags, struct csr **out);

/*
 * The same, of a request that has to be for the key with this DER of
 * SubjectPublicKeyInfo (empty: for any); the signature by another key is not
 * even tried.
 */
int csr_parse_for(
    struct blob der, struct blob spki, unsigned flags, struct csr **out);
void csr_free(struct csr *csr);

#endif
