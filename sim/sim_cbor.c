#include "sim/sim_cbor.h"

static void
sim_cbor_argument(struct buf *out, unsigned int major, unsigned int info,
    uint64_t value, unsigned int bytes)
{
	buf_add_byte(out, (uint8_t)(major << 5 | info));
	while (bytes-- > 0)
		buf_add_byte(out, (uint8_t)(value >> (8 * bytes)));
}

void
sim_cbor_head(struct buf *out, unsigned int major, uint64_t value)
{
	if (value < 24)
		sim_cbor_argument(out, major, (unsigned int)value, 0, 0);
	else if (value <= UINT8_MAX)
		sim_cbor_argument(out, major, 24, value, 1);
	else if (value <= UINT16_MAX)
		sim_cbor_argument(out, major, 25, value, 2);
	else if (value <= UINT32_MAX)
		sim_cbor_argument(out, major, 26, value, 4);
	else
		sim_cbor_argument(out, major, 27, value, 8);
}

void
sim_cbor_long_head(struct buf *out, unsigned int major, uint32_t value)
{
	sim_cbor_argument(out, major, 26, value, 4);
}

void
sim_cbor_open(struct buf *out, unsigned int major)
{
	sim_cbor_argument(out, major, 31, 0, 0);
}

void
sim_cbor_break(struct buf *out)
{
	buf_add_byte(out, 0xff);
}

void
sim_cbor_text(struct buf *out, const char *s)
{
	sim_cbor_head(out, SIM_CBOR_TEXT, strlen(s));
	buf_add_str(out, s);
}

void
sim_cbor_bytes(struct buf *out, struct blob b)
{
	sim_cbor_head(out, SIM_CBOR_BYTES, b.n);
	buf_add_blob(out, b);
}
