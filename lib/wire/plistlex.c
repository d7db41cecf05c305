#include "wire/plistlex.h"

bool
plistlex_is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
plistlex_is_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c != 0x7f && (c < 0xd800 || c > 0xdfff) && c != 0xfffe &&
	    c != 0xffff && c <= 0x10ffff;
}

static int
digit_of(uint8_t c, unsigned base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (base == 16 && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (base == 16 && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

uint32_t
plistlex_reference(struct blob name)
{
	unsigned base = name.n > 1 && name.p[1] == 'x' ? 16 : 10;
	size_t i = base == 16 ? 2 : 1;
	uint32_t c = 0;

	if (i >= name.n || name.n - i > 7)
		return 0;
	for (; i < name.n; i++) {
		int d = digit_of(name.p[i], base);

		if (d < 0)
			return 0;
		c = c * base + (uint32_t)d;
	}
	return c;
}

bool
plistlex_is_integer(struct blob t)
{
	bool negative = t.n > 0 && t.p[0] == '-';
	uint64_t v = 0, most = (uint64_t)INT64_MAX + negative;
	size_t i = negative ? 1 : 0;

	if (i == t.n || t.n - i > 19 || (t.p[i] == '0' && t.n != 1))
		return false;
	for (; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		v = 10 * v + (uint64_t)(t.p[i] - '0');
	}
	return v <= most;
}

static size_t
count_digits(struct blob t, size_t at)
{
	size_t n = 0;

	while (at + n < t.n && t.p[at + n] >= '0' && t.p[at + n] <= '9')
		n++;
	return n;
}

bool
plistlex_is_real(struct blob t)
{
	size_t at = 0, n;

	if (t.n > 40)
		return false;
	if (at < t.n && (t.p[at] == '-' || t.p[at] == '+'))
		at++;
	if ((n = count_digits(t, at)) == 0)
		return false;
	at += n;
	if (at < t.n && t.p[at] == '.') {
		if ((n = count_digits(t, at + 1)) == 0)
			return false;
		at += 1 + n;
	}
	if (at < t.n && (t.p[at] == 'e' || t.p[at] == 'E')) {
		at++;
		if (at < t.n && (t.p[at] == '-' || t.p[at] == '+'))
			at++;
		if ((n = count_digits(t, at)) == 0)
			return false;
		at += n;
	}
	return at == t.n;
}

bool
plistlex_is_date(struct blob t)
{
	static const char shape[] = "9999-19-39T29:59:69Z";
	size_t i;

	if (t.n != strlen(shape))
		return false;
	for (i = 0; i < t.n; i++) {
		bool digit = shape[i] >= '0' && shape[i] <= '9';

		if (digit ? t.p[i] < '0' || t.p[i] > (uint8_t)shape[i]
			  : t.p[i] != (uint8_t)shape[i])
			return false;
	}
	return true;
}

static int
sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

bool
plistlex_is_data(struct blob t)
{
	size_t i, n = 0, pad = 0;
	int v, last = 0;

	for (i = 0; i < t.n; i++) {
		if (plistlex_is_space(t.p[i]))
			continue;
		n++;
		if (t.p[i] == '=') {
			pad++;
			continue;
		}
		if (pad > 0 || (v = sextet(t.p[i])) < 0)
			return false;
		last = v;
	}
	if (n % 4 != 0 || pad > 2)
		return false;
	return pad == 0 || (last & (pad == 1 ? 3 : 15)) == 0;
}
