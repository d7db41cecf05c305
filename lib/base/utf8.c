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
