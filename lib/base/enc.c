#include <stdbool.h>
#include <string.h>

#include "base/enc.h"
#include "base/err.h"

static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet_std[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
encode64(struct blob in, const char *alphabet, bool pad, struct buf *out)
{
	uint32_t bits = 0;
	int have = 0;
	size_t i;

	for (i = 0; i < in.n; i++) {
		bits = bits << 8 | in.p[i];
		for (have += 8; have >= 6; have -= 6)
			buf_add_byte(
			    out, (uint8_t)alphabet[bits >> (have - 6) & 63]);
	}
	if (have > 0)
		buf_add_byte(out, (uint8_t)alphabet[bits << (6 - have) & 63]);
	if (pad && in.n % 3 != 0)
		buf_add(out, "==", 3 - in.n % 3);
	return buf_add(out, "", 0);
}

int
enc_base64url(struct blob in, struct buf *out)
{
	return encode64(in, alphabet_url, false, out);
}

int
enc_base64(struct blob in, struct buf *out)
{
	return encode64(in, alphabet_std, true, out);
}

/* The six bits of a character, or -1. */
static int
sextet(uint8_t c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)alphabet[62])
		return 62;
	return c == (uint8_t)alphabet[63] ? 63 : -1;
}

static int
decode64(struct blob in, const char *alphabet, struct buf *out)
{
	uint32_t bits = 0;
	int have = 0, v;
	size_t i;

	if (in.n % 4 == 1)
		return ERR_MALFORMED;
	for (i = 0; i < in.n; i++) {
		if ((v = sextet(in.p[i], alphabet)) < 0)
			return ERR_MALFORMED;
		bits = bits << 6 | (uint32_t)v;
		if ((have += 6) >= 8) {
			have -= 8;
			buf_add_byte(out, (uint8_t)(bits >> have & 255));
		}
	}
	if ((bits & ((1u << have) - 1)) != 0)
		return ERR_MALFORMED;
	return buf_add(out, "", 0);
}

int
enc_base64url_decode(struct blob in, struct buf *out)
{
	return decode64(in, alphabet_url, out);
}

int
enc_base64_decode(struct blob in, struct buf *out)
{
	if (in.n % 4 != 0)
		return ERR_MALFORMED;
	if (in.n > 0 && in.p[in.n - 1] == '=') {
		in.n--;
		if (in.p[in.n - 1] == '=')
			in.n--;
	}
	return decode64(in, alphabet_std, out);
}

int
enc_hex(struct blob in, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < in.n; i++) {
		buf_add_byte(out, (uint8_t)digits[in.p[i] >> 4]);
		buf_add_byte(out, (uint8_t)digits[in.p[i] & 15]);
	}
	return buf_add(out, "", 0);
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
enc_hex_decode(struct blob in, struct buf *out)
{
	int high, low;
	size_t i;

	if (in.n % 2 != 0)
		return ERR_MALFORMED;
	for (i = 0; i < in.n; i += 2) {
		high = hex_digit(in.p[i]);
		low = hex_digit(in.p[i + 1]);
		if (high < 0 || low < 0)
			return ERR_MALFORMED;
		buf_add_byte(out, (uint8_t)(high << 4 | low));
	}
	return buf_add(out, "", 0);
}

int
enc_percent(const char *text, struct buf *out)
{
	static const char unreserved[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-._~";

	for (; *text != '\0'; text++) {
		if (strchr(unreserved, *text) != NULL)
			buf_add_byte(out, (uint8_t)*text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
	return buf_status(out);
}

int
enc_percent_decode(struct blob in, struct buf *out)
{
	size_t i;
	int r;

	for (i = 0; i < in.n; i++) {
		if (in.p[i] != '%') {
			buf_add_byte(out, in.p[i]);
			continue;
		}
		if (in.n - i < 3)
			return ERR_MALFORMED;
		if ((r = enc_hex_decode(blob_of(in.p + i + 1, 2), out)) != OK)
			return r;
		i += 2;
	}
	return buf_status(out);
}

bool
enc_is_base64url(const char *s, size_t max)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		if (n == max || sextet((uint8_t)s[n], alphabet_url) < 0)
			return false;
	return n > 0;
}
