/*
 * Takes the items of a CBOR text one by one (RFC 8949), and only those that a
 * deterministic encoder of strings, arrays and maps writes (section 4.2):
 * definite lengths, shortest heads, no tags, numbers, floats or simple values.
 *
 * No tree is built and nothing is allocated, so that a head that claims a
 * large count costs nothing: libcbor's cbor_load() touches gigabytes for five
 * bytes. All answer and do not log: the caller knows the place. On false
 * nothing is changed.
 */
#ifndef WIRE_IN_CBOR_H
#define WIRE_IN_CBOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"

/*
 * Takes the head of a map or an array off `rest`; *count is the number of
 * pairs or of elements claimed. The caller bounds it, and takes each.
 */
bool in_cbor_map(struct blob *rest, uint64_t *count);
bool in_cbor_array(struct blob *rest, uint64_t *count);

/* Takes a whole string off `rest`; the text is valid UTF-8. */
bool in_cbor_text(struct blob *rest, struct blob *out);
bool in_cbor_bytes(struct blob *rest, struct blob *out);

#endif
