/* Writing CBOR (RFC 8949), right and wrong. */
#ifndef SIM_CBOR_H
#define SIM_CBOR_H

#include <stdint.h>

#include "base/buf.h"

#define SIM_CBOR_BYTES 2
#define SIM_CBOR_TEXT  3
#define SIM_CBOR_ARRAY 4
#define SIM_CBOR_MAP   5
#define SIM_CBOR_TAG   6

/* A head in its shortest form, or with a four-byte argument. */
void sim_cbor_head(struct buf *out, unsigned int major, uint64_t value);
void sim_cbor_long_head(struct buf *out, unsigned int major, uint32_t value);

/* Head with indefinite length, and the break that ends it. */
void sim_cbor_open(struct buf *out, unsigned int major);
void sim_cbor_break(struct buf *out);

void sim_cbor_text(struct buf *out, const char *s);
void sim_cbor_bytes(struct buf *out, struct blob b);

#endif
