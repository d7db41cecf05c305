#include "sim/forge/cbor.h"

static void
cbor_argument(struct buf *out, unsigned int major, unsigned int info,
    uint64_t value, unsigned int bytes)
{
	buf_add_byte(out, (uint8_t)(major << 5 | info));
	while (bytes-- > 0)
		buf_add_byte(out, (uint8_t)(value >> (8 * bytes)));
}

void
cbor_head(struct buf *out, unsigned int major, uint64_t value)
{
	if (value < 24)
		cbor_argument(out, major, (unsigned int)value, 0, 0);
	else if (value <= UINT8_MAX)
		cbor_argument(out, major, 24, value, 1);
	else if (value <= UINT16_MAX)
		cbor_argument(out, major, 25, value, 2);
	else if (value <= UINT32_MAX)
		cbor_argument(out, major, 26, value, 4);
	else
		cbor_argument(out, major, 27, value, 8);
}

void
cbor_long_head(struct buf *out, unsigned int major, uint32_t value)
{
	cbor_argument(out, major, 26, value, 4);
}

void
cbor_open(struct buf *out, unsigned int major)
{
	cbor_argument(out, major, 31, 0, 0);
}

void
cbor_break(struct buf *out)
{
	buf_add_byte(out, 0xff);
}

void
cbor_text(struct buf *out, const char *s)
{
	cbor_head(out, CBOR_TEXT, strlen(s));
	buf_add_str(out, s);
}

void
cbor_bytes(struct buf *out, struct blob b)
{
	cbor_head(out, CBOR_BYTES, b.n);
	buf_add_blob(out, b);
}
