/* Times as text (RFC 3339). */
#ifndef WIRE_RFC3339_H
#define WIRE_RFC3339_H

#include <stdint.h>

#include "base/blob.h"

/*
 * Seconds since 1970 of "2026-11-23T21:30:00Z", also with a fraction, which is
 * dropped, or with an offset such as "+02:00". ERR_MALFORMED, unlogged, for
 * anything else and for times outside of the years 1970 to 9999.
 */
int rfc3339_read(struct blob text, int64_t *out);

#endif
