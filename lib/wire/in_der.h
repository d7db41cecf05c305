/*
 * Bounds on BER and DER before any library sees it, and small readers for
 * strict DER (X.690). They answer and do not log: the caller knows which code
 * a fault has in its place.
 */
#ifndef WIRE_IN_DER_H
#define WIRE_IN_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"

#define IN_DER_DEPTH_MAX 64
#define IN_DER_ITEMS_MAX 8192

/* Identifier octets of the tags that our protocols use. */
enum in_der_tag {
	IN_DER_BOOLEAN = 0x01,
	IN_DER_INTEGER = 0x02,
	IN_DER_BIT_STRING = 0x03,
	IN_DER_OCTET_STRING = 0x04,
	IN_DER_NULL = 0x05,
	IN_DER_OID = 0x06,
	IN_DER_UTF8 = 0x0c,
	IN_DER_NUMERIC = 0x12,
	IN_DER_PRINTABLE = 0x13,
	IN_DER_T61 = 0x14,
	IN_DER_IA5 = 0x16,
	IN_DER_UTC_TIME = 0x17,
	IN_DER_GENERALIZED_TIME = 0x18,
	IN_DER_UNIVERSAL = 0x1c,
	IN_DER_BMP = 0x1e,
	IN_DER_SEQUENCE = 0x30,
	IN_DER_SET = 0x31,
};

/* [n] of the context class, primitive and constructed. */
#define IN_DER_CONTEXT(n)             (0x80 | (n))
#define IN_DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

/* One element: its identifier octet, its content, and all of its bytes. */
struct in_der {
	uint8_t tag;
	struct blob value;
	struct blob whole;
};

/*
 * Walks the whole of `in`, which must be exactly one element: at most
 * IN_DER_DEPTH_MAX levels and IN_DER_ITEMS_MAX elements, every length inside
 * its parent, every tag number under 31. BER may use indefinite lengths;
 * `strict` demands DER's definite, minimal lengths and primitive strings.
 * NULL when sound, else a few words that say what is wrong.
 */
const char *in_der_fault(struct blob in, bool strict);

/*
 * Takes the first element off `rest`. False, with both untouched, when there
 * is none or it is not strict DER.
 */
bool in_der_next(struct blob *rest, struct in_der *out);

/* The same for an element whose identifier octet must be `tag`. */
bool in_der_take(struct blob *rest, uint8_t tag, struct blob *value);

/* True when the first element of `rest` has this identifier octet. */
bool in_der_peek(struct blob rest, uint8_t tag);

/* Content of an INTEGER as a number: minimal, not negative, at most 2^63-1. */
bool in_der_uint(struct blob value, int64_t *out);

/* Content of a BOOLEAN: one byte, 00 or FF. */
bool in_der_bool(struct blob value, bool *out);

/*
 * A UTCTime (1950 to 2049) or GeneralizedTime to the second and in UTC, as
 * RFC 5652 section 11.3 wants them, in seconds since 1970.
 */
bool in_der_time(const struct in_der *element, int64_t *out);

/* Content of an OBJECT IDENTIFIER compared with its dotted text. */
bool in_der_oid_is(struct blob value, const char *dotted);

/* Content of an OBJECT IDENTIFIER as dotted text with a NUL. */
bool in_der_oid_text(struct blob value, char *out, size_t outlen);

/* Content of a BIT STRING without unused bits. */
bool in_der_bit_string(struct blob value, struct blob *out);

#endif
