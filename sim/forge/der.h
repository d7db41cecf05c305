/*
 * Writing DER (X.690) and, where Apple's clients do, BER with indefinite
 * lengths. Everything appends to a buffer whose failure is sticky; ask
 * buf_status() once at the end.
 */
#ifndef DER_H
#define DER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Identifier octets that are used here. */
#define DER_BOOLEAN      0x01
#define DER_INTEGER      0x02
#define DER_BITS         0x03
#define DER_OCTETS       0x04
#define DER_NULL         0x05
#define DER_OID          0x06
#define DER_UTF8         0x0c
#define DER_PRINTABLE    0x13
#define DER_IA5          0x16
#define DER_UTC_TIME     0x17
#define DER_TIME         0x18
#define DER_SEQUENCE     0x30
#define DER_SET          0x31
#define DER_CONTEXT      0x80 /* [0] primitive; add the number */
#define DER_CONTEXT_CONS 0xa0 /* [0] constructed; add the number */

/* Opens a value of definite length; give the mark to der_close. */
size_t der_open(struct buf *b, uint8_t tag);
void der_close(struct buf *b, size_t mark);

/* Opens a value of indefinite length (BER) and ends the innermost one. */
void der_open_indefinite(struct buf *b, uint8_t tag);
void der_end_of_contents(struct buf *b);

void der_put(struct buf *b, uint8_t tag, struct blob value);
void der_put_int(struct buf *b, uint64_t v);

/* An INTEGER from big-endian bytes without sign. */
void der_put_unsigned(struct buf *b, struct blob magnitude);

/* A BOOLEAN that is TRUE. */
void der_put_true(struct buf *b);

/* A BIT STRING without unused bits. */
void der_put_bits(struct buf *b, struct blob bits);

/* An OBJECT IDENTIFIER from its dotted text. */
void der_put_oid(struct buf *b, const char *dotted);

/* UTCTime before 2050, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
void der_put_time(struct buf *b, int64_t t);

#endif
