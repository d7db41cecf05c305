#include "store/datum.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

struct datum
datum_null(void)
{
	return (struct datum){ .type = DATUM_NULL };
}

struct datum
datum_int(int64_t v)
{
	return (struct datum){ .type = DATUM_INT, .number = v };
}

struct datum
datum_time(int64_t t)
{
	return t == 0 ? datum_null() : datum_int(t);
}

struct datum
datum_text(const char *v)
{
	return (struct datum){ .type = DATUM_TEXT,
		.bytes = blob_str(v == NULL ? "" : v) };
}

struct datum
datum_text_or_null(const char *v)
{
	return v == NULL || *v == '\0' ? datum_null() : datum_text(v);
}

struct datum
datum_cut(const char *v, size_t max)
{
	struct datum text = datum_text(v);

	assert(max > 0);
	if (text.bytes.n >= max) {
		text.bytes.n = max - 1;
		/* not in the middle of a character */
		while (text.bytes.n > 0 &&
		    (text.bytes.p[text.bytes.n] & 0xc0) == 0x80)
			text.bytes.n--;
	}
	return text;
}

struct datum
datum_blob(struct blob v)
{
	return (struct datum){ .type = DATUM_BLOB, .bytes = v };
}

struct datum
datum_blob_or_null(struct blob v)
{
	return v.n == 0 ? datum_null() : datum_blob(v);
}

struct datum
datum_digest(const uint8_t v[SECRET_SHA256])
{
	return datum_blob(blob_of(v, SECRET_SHA256));
}

int
datum_fold(struct blob text, struct buf *out)
{
	size_t at;
	struct buf lower;
	int r;

	buf_init(&lower, text.n);
	r = utf8_lower(text, &lower);
	for (at = 0; r == OK && at < lower.n; at++) {
		switch (lower.p[at]) {
		case '%':
			r = buf_add_str(out, "\uff05");
			break;
		case '_':
			r = buf_add_str(out, "\uff3f");
			break;
		case '\\':
			r = buf_add_str(out, "\uff3c");
			break;
		default:
			r = buf_add_byte(out, lower.p[at]);
			break;
		}
	}
	buf_release(&lower);
	return r;
}

struct datum
datum_search(const char *text, char out[DATUM_SEARCH_TEXT])
{
	size_t n = 0;

	out[n++] = '%';
	for (; text != NULL && *text != '\0' && n + 4 < DATUM_SEARCH_TEXT;
	     text++) {
		if (*text == '%' || *text == '_' || *text == '\\')
			out[n++] = '\\';
		out[n++] = (char)tolower((unsigned char)*text);
	}
	out[n++] = '%';
	out[n] = '\0';
	return datum_text(out);
}

void
datum_copy(char *out, size_t size, const char *v)
{
	struct blob bytes = datum_cut(v, size).bytes;

	memcpy(out, bytes.p, bytes.n);
	out[bytes.n] = '\0';
}
