/* Writing DER (X.690): elements around bytes that are DER already. */
#ifndef WIRE_OUT_DER_H
#define WIRE_OUT_DER_H

#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

/*
 * Appends one element: identifier octet, the shortest length, content. `out`
 * must not be what `content` points into. OK or buf's code.
 */
int out_der_add(struct buf *out, uint8_t tag, struct blob content);

/* The same, and empties `content` for the next use. */
int out_der_wrap(struct buf *out, uint8_t tag, struct buf *content);

/*
 * Appends an OBJECT IDENTIFIER from dotted text. ERR_INTERNAL when it is none:
 * the texts are ours.
 */
int out_der_oid(struct buf *out, const char *dotted);

/* Appends an AlgorithmIdentifier with NULL parameters. */
int out_der_algorithm(struct buf *out, const char *dotted);

/* Appends an INTEGER of one byte below 128. */
int out_der_small(struct buf *out, uint8_t value);

/*
 * Appends IssuerAndSerialNumber (RFC 5652 section 10.2.4) of a certificate in
 * DER. ERR_MALFORMED.
 */
int out_der_issuer_and_serial(struct buf *out, struct blob certificate);

#endif
