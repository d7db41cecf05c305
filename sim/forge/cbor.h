/* Writing CBOR (RFC 8949), right and wrong. */
#ifndef CBOR_H
#define CBOR_H

#include <stdint.h>

#include "base/buf.h"

#define CBOR_BYTES 2
#define CBOR_TEXT  3
#define CBOR_ARRAY 4
#define CBOR_MAP   5
#define CBOR_TAG   6

/* A head in its shortest form, or with a four-byte argument. */
void cbor_head(struct buf *out, unsigned int major, uint64_t value);
void cbor_long_head(struct buf *out, unsigned int major, uint32_t value);

/* Head with indefinite length, and the break that ends it. */
void cbor_open(struct buf *out, unsigned int major);
void cbor_break(struct buf *out);

void cbor_text(struct buf *out, const char *s);
void cbor_bytes(struct buf *out, struct blob b);

#endif
