/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, no U+110000. */
#ifndef WIRE_UTF8_H
#define WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"

/*
 * The length, 1 to 4, of the well-formed sequence that starts at in.p[at];
 * 0 when there is none (at >= in.n included).
 */
size_t utf8_length(struct blob in, size_t at);

/* True when all of `in` is well formed; the empty text is. */
bool utf8_valid(struct blob in);

#endif
