#include "wire/utf8.h"

static bool
utf8_tail(struct blob in, size_t at, size_t n)
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

/* The second byte's lower and upper bound shut out what RFC 3629 forbids. */
static bool
utf8_second(uint8_t first, uint8_t second)
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
	if (!utf8_tail(in, at, n) || !utf8_second(c, in.p[at + 1]))
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
