#include "store/cursor.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/log.h"

#define ORDER_MAX 8
/* order, value and id, with their NULs */
#define BYTES_MAX (ORDER_MAX + CURSOR_VALUE_TEXT + 67)

_Static_assert(CURSOR_TEXT > (BYTES_MAX + 2) / 3 * 4, "a cursor has room");

void
cursor_write(
    const char *order, const struct cursor *cursor, char out[CURSOR_TEXT])
{
	struct buf bytes, text;

	assert(strlen(order) <= ORDER_MAX);
	buf_init(&bytes, BYTES_MAX);
	buf_init(&text, CURSOR_TEXT - 1);
	buf_add(&bytes, order, strlen(order) + 1);
	buf_add(&bytes, cursor->value, strlen(cursor->value) + 1);
	buf_add(&bytes, cursor->id, strlen(cursor->id) + 1);
	/* without memory there is no cursor, and the list ends */
	if (buf_status(&bytes) != OK ||
	    enc_base64url(buf_blob(&bytes), &text) != OK)
		buf_reset(&text);
	memcpy(out, buf_str(&text), text.n + 1);
	buf_release(&bytes);
	buf_release(&text);
}

/* Takes the text up to the next NUL, and the NUL. */
static bool
part(struct blob *bytes, char *out, size_t size)
{
	const uint8_t *end = memchr(bytes->p, '\0', bytes->n);
	size_t n = end == NULL ? size : (size_t)(end - bytes->p);

	if (n >= size)
		return false;
	memcpy(out, bytes->p, n + 1);
	*bytes = blob_of(bytes->p + n + 1, bytes->n - n - 1);
	return true;
}

static bool
decode(const char *text, const char *order, struct cursor *out)
{
	char name[ORDER_MAX + 1];
	struct buf bytes;
	struct blob rest;
	bool good;

	buf_init(&bytes, BYTES_MAX);
	good = strlen(text) < CURSOR_TEXT &&
	    enc_base64url_decode(blob_str(text), &bytes) == OK && bytes.n > 0;
	rest = buf_blob(&bytes);
	good = good && part(&rest, name, sizeof name) &&
	    strcmp(name, order) == 0 &&
	    part(&rest, out->value, sizeof out->value) &&
	    part(&rest, out->id, sizeof out->id) && rest.n == 0;
	buf_release(&bytes);
	return good;
}

bool
cursor_is(const char *text, const char *order)
{
	struct cursor cursor;

	return text != NULL && *text != '\0' && decode(text, order, &cursor);
}

int
cursor_read(const char *text, const char *order, struct cursor *out)
{
	*out = (struct cursor){ .value = "" };
	if (text == NULL || *text == '\0' || decode(text, order, out))
		return OK;
	*out = (struct cursor){ .value = "" };
	return fail(ERR_FIELD, "this is no cursor of this list in this order");
}

void
cursor_write_number(
    const char *order, int64_t number, const char *id, char out[CURSOR_TEXT])
{
	struct cursor cursor;

	snprintf(cursor.value, sizeof cursor.value, "%" PRId64, number);
	snprintf(cursor.id, sizeof cursor.id, "%s", id);
	cursor_write(order, &cursor, out);
}

int
cursor_read_number(
    const char *text, const char *order, int64_t *number, struct cursor *out)
{
	char *end;
	int r = cursor_read(text, order, out);

	*number = 0;
	if (r != OK || text == NULL || *text == '\0')
		return r;
	errno = 0;
	*number = strtoll(out->value, &end, 10);
	if (errno == 0 && end != out->value && *end == '\0')
		return OK;
	*number = 0;
	*out = (struct cursor){ .value = "" };
	return fail(ERR_FIELD, "this is no cursor of this list in this order");
}
