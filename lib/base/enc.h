/*
 * Strict encoders and decoders: base64url without padding (RFC 4648 section 5,
 * as RFC 8555 section 6.1 demands), base64 with padding (section 4), hex.
 * Decoders refuse white space, foreign characters, wrong padding and unused
 * bits that are not zero, so that one value has exactly one spelling.
 */
#ifndef BASE_ENC_H
#define BASE_ENC_H

#include "base/blob.h"
#include "base/buf.h"

/* Append the encoding of `in` to `out`; OK or buf's sticky code. */
int enc_base64url(struct blob in, struct buf *out);
int enc_base64(struct blob in, struct buf *out);
int enc_hex(struct blob in, struct buf *out);

/* Append the decoded bytes to `out`; ERR_MALFORMED when `in` is not strict. */
int enc_base64url_decode(struct blob in, struct buf *out);
int enc_base64_decode(struct blob in, struct buf *out);

/* Upper or lower case digits; the length must be even. */
int enc_hex_decode(struct blob in, struct buf *out);

/*
 * URL escapes (RFC 3986 section 2.1): all but the unreserved characters of
 * section 2.3 become %XX.
 */
int enc_percent(const char *text, struct buf *out);

/*
 * The reverse: every %XX becomes its byte, all else stays as it is, '+' too.
 * ERR_MALFORMED for a '%' without two hex digits.
 */
int enc_percent_decode(struct blob in, struct buf *out);

/* True when every byte is from the base64url alphabet and n is 1..max. */
bool enc_is_base64url(const char *s, size_t max);

#endif
