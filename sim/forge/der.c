#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "sim/forge/der.h"

size_t
der_open(struct buf *b, uint8_t tag)
{
	buf_add_byte(b, tag);
	return b->n;
}

static size_t
length_octets(size_t n, uint8_t out[9])
{
	size_t count = 0, i;

	if (n < 0x80) {
		out[0] = (uint8_t)n;
		return 1;
	}
	for (size_t rest = n; rest > 0; rest >>= 8)
		count++;
	out[0] = (uint8_t)(0x80 | count);
	for (i = 0; i < count; i++)
		out[1 + i] = (uint8_t)(n >> (8 * (count - 1 - i)));
	return 1 + count;
}

void
der_close(struct buf *b, size_t mark)
{
	uint8_t length[9];
	size_t n, count;

	if (buf_status(b) != OK || b->n < mark)
		return;
	n = b->n - mark;
	count = length_octets(n, length);
	if (buf_add(b, length, count) != OK)
		return;
	memmove(b->p + mark + count, b->p + mark, n);
	memcpy(b->p + mark, length, count);
}

void
der_open_indefinite(struct buf *b, uint8_t tag)
{
	buf_add_byte(b, tag);
	buf_add_byte(b, 0x80);
}

void
der_end_of_contents(struct buf *b)
{
	buf_add(b, "\0\0", 2);
}

void
der_put(struct buf *b, uint8_t tag, struct blob value)
{
	uint8_t length[9];
	size_t count = length_octets(value.n, length);

	buf_add_byte(b, tag);
	buf_add(b, length, count);
	buf_add_blob(b, value);
}

void
der_put_int(struct buf *b, uint64_t v)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(v >> (8 * (7 - i)));
	der_put_unsigned(b, blob_of(bytes, sizeof bytes));
}

void
der_put_unsigned(struct buf *b, struct blob magnitude)
{
	size_t mark;

	while (magnitude.n > 1 && magnitude.p[0] == 0) {
		magnitude.p++;
		magnitude.n--;
	}
	mark = der_open(b, DER_INTEGER);
	if (magnitude.n == 0 || (magnitude.p[0] & 0x80) != 0)
		buf_add_byte(b, 0);
	buf_add_blob(b, magnitude);
	der_close(b, mark);
}

void
der_put_true(struct buf *b)
{
	der_put(b, DER_BOOLEAN, blob_of("\xff", 1));
}

void
der_put_bits(struct buf *b, struct blob bits)
{
	size_t mark = der_open(b, DER_BITS);

	buf_add_byte(b, 0);
	buf_add_blob(b, bits);
	der_close(b, mark);
}

static void
put_base128(struct buf *b, unsigned long v)
{
	uint8_t digits[10];
	size_t n = 0;

	do {
		digits[n++] = (uint8_t)(v & 0x7f);
		v >>= 7;
	} while (v > 0);
	while (n-- > 0)
		buf_add_byte(b, (uint8_t)(digits[n] | (n > 0 ? 0x80 : 0)));
}

void
der_put_oid(struct buf *b, const char *dotted)
{
	size_t mark = der_open(b, DER_OID);
	char *end = NULL;
	unsigned long first = strtoul(dotted, &end, 10);
	unsigned long arc = *end == '.' ? strtoul(end + 1, &end, 10) : 0;

	put_base128(b, first * 40 + arc);
	while (*end == '.') {
		const char *digits = end + 1;

		arc = strtoul(digits, &end, 10);
		if (end == digits)
			break;
		put_base128(b, arc);
	}
	der_close(b, mark);
}

void
der_put_time(struct buf *b, int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm;
	char text[32];

	if (gmtime_r(&when, &tm) == NULL)
		memset(&tm, 0, sizeof tm);
	if (tm.tm_year < 150) {
		strftime(text, sizeof text, "%y%m%d%H%M%SZ", &tm);
		der_put(b, DER_UTC_TIME, blob_str(text));
	} else {
		strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
		der_put(b, DER_TIME, blob_str(text));
	}
}
