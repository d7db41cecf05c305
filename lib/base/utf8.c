#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static bool
tail(struct blob in, size_t at, size_t n)
{
	size_t i;

	if (in.n - at < n)
		return false;
	for (i = 1; i < n; i++) {
		if ((in.p[at + i] & 0xc0) != 0x80)
			return false;
	}
	return true;
}

/* Bounds on the second byte exclude what RFC 3629 forbids. */
static bool
is_second(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	default:
		return true;
	}
}

size_t
utf8_length(struct blob in, size_t at)
{
	uint8_t c;
	size_t n;

	if (at >= in.n)
		return 0;
	c = in.p[at];
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (!tail(in, at, n) || !is_second(c, in.p[at + 1]))
		return 0;
	return n;
}

bool
utf8_valid(struct blob in)
{
	size_t at, n;

	for (at = 0; at < in.n; at += n) {
		if ((n = utf8_length(in, at)) == 0)
			return false;
	}
	return true;
}

size_t
utf8_decode(struct blob in, size_t at, uint32_t *character)
{
	size_t n = utf8_length(in, at);
	uint32_t c;

	if (n == 0)
		return 0;
	c = n == 1 ? in.p[at] : in.p[at] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (in.p[at + i] & 0x3fu);
	*character = c;
	return n;
}

bool
utf8_is_visible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0, 0x1f },
		{ 0x7f, 0x9f },
		{ 0xad, 0xad },
		{ 0x61c, 0x61c },
		{ 0x180e, 0x180e },
		{ 0x200b, 0x200b },
		{ 0x200e, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2060, 0x206f },
		{ 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb },
		{ 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return true;
}

size_t
utf8_show(struct blob in, size_t at, char out[UTF8_SHOWN])
{
	uint32_t c = in.p[at];
	size_t n = utf8_decode(in, at, &c);

	if (n > 0 && utf8_is_visible(c)) {
		memcpy(out, in.p + at, n);
		out[n] = '\0';
	} else if (c < 0x100)
		snprintf(out, UTF8_SHOWN, "\\x%02x", (unsigned)c);
	else
		snprintf(out, UTF8_SHOWN, "\\u{%x}", (unsigned)c);
	return n > 0 ? n : 1;
}

void
utf8_show_all(struct blob in, char *out, size_t outlen)
{
	char shown[UTF8_SHOWN];
	size_t at, n, o = 0;

	for (at = 0; at < in.n; o += n) {
		at += utf8_show(in, at, shown);
		n = strlen(shown);
		if (o + n >= outlen)
			break;
		memcpy(out + o, shown, n);
	}
	out[o] = '\0';
}

/*
 * Unicode's simple lower-case mappings of these alphabets, and the final sigma
 * as any other. In a range with step 2, capital and small letter alternate.
 */
static const struct {
	uint32_t first, last, step;
	int32_t to;
} capitals[] = {
	{ 0x41, 0x5a, 1, 32 },
	{ 0xc0, 0xd6, 1, 32 },
	{ 0xd8, 0xde, 1, 32 },
	{ 0x100, 0x12e, 2, 1 },
	{ 0x130, 0x130, 1, 0x69 - 0x130 },
	{ 0x132, 0x136, 2, 1 },
	{ 0x139, 0x147, 2, 1 },
	{ 0x14a, 0x176, 2, 1 },
	{ 0x178, 0x178, 1, 0xff - 0x178 },
	{ 0x179, 0x17d, 2, 1 },
	{ 0x18f, 0x18f, 1, 0x259 - 0x18f },
	{ 0x1a0, 0x1a0, 1, 1 },
	{ 0x1af, 0x1af, 1, 1 },
	{ 0x1cd, 0x1db, 2, 1 },
	{ 0x1de, 0x1ee, 2, 1 },
	{ 0x1f8, 0x21e, 2, 1 },
	{ 0x222, 0x232, 2, 1 },
	{ 0x386, 0x386, 1, 0x3ac - 0x386 },
	{ 0x388, 0x38a, 1, 37 },
	{ 0x38c, 0x38c, 1, 0x3cc - 0x38c },
	{ 0x38e, 0x38f, 1, 63 },
	{ 0x391, 0x3a1, 1, 32 },
	{ 0x3a3, 0x3ab, 1, 32 },
	{ 0x3c2, 0x3c2, 1, 1 },
	{ 0x400, 0x40f, 1, 80 },
	{ 0x410, 0x42f, 1, 32 },
	{ 0x460, 0x480, 2, 1 },
	{ 0x48a, 0x4be, 2, 1 },
	{ 0x4c1, 0x4cd, 2, 1 },
	{ 0x4d0, 0x52e, 2, 1 },
	{ 0x531, 0x556, 1, 48 },
	{ 0x1e00, 0x1e94, 2, 1 },
	{ 0x1e9e, 0x1e9e, 1, 0xdf - 0x1e9e },
	{ 0x1ea0, 0x1efe, 2, 1 },
};

static uint32_t
lower(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof capitals / sizeof capitals[0]; i++)
		if (c >= capitals[i].first && c <= capitals[i].last &&
		    (c - capitals[i].first) % capitals[i].step == 0)
			return c + (uint32_t)capitals[i].to;
	return c;
}

/* Characters up to U+FFFF: no others are changed. */
static int
add_character(struct buf *out, uint32_t c)
{
	uint8_t bytes[3];

	if (c < 0x80)
		return buf_add_byte(out, (uint8_t)c);
	if (c < 0x800) {
		bytes[0] = (uint8_t)(0xc0 | c >> 6);
		bytes[1] = (uint8_t)(0x80 | (c & 0x3f));
		return buf_add(out, bytes, 2);
	}
	bytes[0] = (uint8_t)(0xe0 | c >> 12);
	bytes[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	bytes[2] = (uint8_t)(0x80 | (c & 0x3f));
	return buf_add(out, bytes, 3);
}

int
utf8_lower(struct blob in, struct buf *out)
{
	uint32_t c = 0, small;
	size_t at, n;

	for (at = 0; at < in.n; at += n) {
		n = utf8_decode(in, at, &c);
		small = n == 0 ? 0 : lower(c);
		if (n == 0)
			n = 1;
		if (small == 0 || small == c)
			buf_add(out, in.p + at, n);
		else
			add_character(out, small);
	}
	return buf_status(out);
}
