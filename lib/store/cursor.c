#include "store/cursor.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/log.h"

#define ORDER_MAX 8
#define NUMBER_TEXT 24
/* order, value, number and id, with their NULs */
#define BYTES_MAX (ORDER_MAX + 1 + CURSOR_VALUE_TEXT + NUMBER_TEXT + 65)

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
	buf_printf(&bytes, "%" PRId64, cursor->number);
	buf_add_byte(&bytes, '\0');
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
part_number(struct blob *bytes, int64_t *out)
{
	char text[NUMBER_TEXT], *end;

	if (!part(bytes, text, sizeof text))
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

static bool
decode(const char *text, const char *order, struct cursor *out)
{
	char name[ORDER_MAX + 1];
	struct cursor cursor;
	struct buf bytes;
	struct blob rest;
	bool good;

	buf_init(&bytes, BYTES_MAX);
	good = strlen(text) < CURSOR_TEXT &&
	    enc_base64url_decode(blob_str(text), &bytes) == OK && bytes.n > 0;
	rest = buf_blob(&bytes);
	good = good && part(&rest, name, sizeof name) &&
	    strcmp(name, order) == 0 &&
	    part(&rest, cursor.value, sizeof cursor.value) &&
	    part_number(&rest, &cursor.number) &&
	    part(&rest, cursor.id, sizeof cursor.id) && rest.n == 0;
	buf_release(&bytes);
	if (good)
		*out = cursor;
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
	if (text == NULL || *text == '\0' || decode(text, order, out))
		return OK;
	return fail(
	    ERR_FIELD, "this is not a cursor of this list in this order");
}

void
cursor_of_serials(
    const char *search, char first[CURSOR_VALUE_TEXT], struct cursor *end)
{
	char *p;

	snprintf(first, CURSOR_VALUE_TEXT, "%.64s", search);
	for (p = first; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	*end = (struct cursor){ .number = 0 };
	snprintf(end->value, sizeof end->value, "%s\U0010ffff", first);
}
