#include "scep/query.h"

#include <string.h>

#include "base/enc.h"
#include "base/err.h"
#include "scep/pkimessage.h"

struct blob
query_value(const char *query, const char *name)
{
	size_t n = strlen(name);

	while (*query != '\0') {
		size_t all = strcspn(query, "&");

		if (all > n && strncmp(query, name, n) == 0 && query[n] == '=')
			return blob_of(query + n + 1, all - n - 1);
		query += all + (query[all] == '&');
	}
	return blob_of(NULL, 0);
}

static uint8_t
base64_of(uint8_t c)
{
	switch (c) {
	case ' ':
	case '-':
		return '+';
	case '_':
		return '/';
	default:
		return c;
	}
}

int
query_message(struct blob text, struct buf *out)
{
	struct buf base64;
	size_t i;
	int r;

	buf_init(&base64, 2 * PKIMESSAGE_BYTES_MAX);
	r = enc_percent_decode(text, &base64);
	for (i = 0; i < base64.n; i++)
		base64.p[i] = base64_of(base64.p[i]);
	while (r == OK && base64.n % 4 != 0)
		r = buf_add_byte(&base64, '=');
	if (r == OK)
		r = enc_base64_decode(buf_blob(&base64), out);
	buf_release(&base64);
	return r;
}
