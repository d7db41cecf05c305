/*
 * The attestation object of challenge device-attest-01 in the one shape that
 * Apple's clients send:
 *   { "fmt": "apple", "attStmt": { "x5c": [ bytes, … ] } }
 * An "authData" of bytes is let pass and ignored, as the draft's section 5
 * suggests; nothing else is.
 */
#ifndef WIRE_ATTOBJ_H
#define WIRE_ATTOBJ_H

#include "base/blob.h"

#define ATTOBJ_CERTIFICATES    4
#define ATTOBJ_CERTIFICATE_MAX 4096

/* The certificates, leaf first; they point into the parsed bytes. */
struct attobj {
	struct blob x5c[ATTOBJ_CERTIFICATES];
	size_t n;
};

/*
 *   ERR_ATT_CBOR    another shape, or bytes after the end
 *   ERR_ATT_FORMAT  "fmt" is not "apple"
 *   ERR_ATT_NONE    x5c is empty: the device could not attest
 *   ERR_ATT_CHAIN   not 2..4 certificates, or one empty or too large
 */
int attobj_parse(struct blob object, struct attobj *out);

#endif
