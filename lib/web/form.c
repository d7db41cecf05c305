#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "base/utf8.h"
#include "web/form.h"

#define FORM_MAX (64u << 10)

struct form_field {
	char *name;
	char *value;
};

struct form {
	struct form_field fields[FORM_FIELDS_MAX];
	size_t count;
};

static int
hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Text that may go into a page or the database. */
static bool
text_ok(struct blob text)
{
	size_t at, n;
	uint32_t c;

	for (at = 0; at < text.n; at += n) {
		if ((n = utf8_decode(text, at, &c)) == 0)
			return false;
		if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') ||
		    (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}

/* Undoes '+' and %XX; *out is malloc'ed text. */
static int
decode(struct blob in, char **out)
{
	struct buf b;
	size_t i, n;
	int high, low, r = ERR_MALFORMED;

	*out = NULL;
	buf_init(&b, FORM_MAX);
	for (i = 0; i < in.n; i++) {
		if (in.p[i] != '%') {
			buf_add_byte(&b, in.p[i] == '+' ? ' ' : in.p[i]);
			continue;
		}
		high = in.n - i > 2 ? hex(in.p[i + 1]) : -1;
		low = high >= 0 ? hex(in.p[i + 2]) : -1;
		if (low < 0)
			goto bad;
		buf_add_byte(&b, (uint8_t)(high * 16 + low));
		i += 2;
	}
	/* An empty text has a byte of its own too: the NUL. */
	if (buf_add(&b, "", 0) != OK)
		r = fail(buf_status(&b), "no memory for a form");
	else if (text_ok(buf_blob(&b)))
		r = OK;
	if (r == OK)
		*out = (char *)buf_steal(&b, &n);
bad:
	buf_wipe(&b);
	return r == ERR_MALFORMED ? fail(r, "a form holds bytes no text has")
				  : r;
}

/* The first field of that name. */
static const struct form_field *
find(const struct form *form, const char *name)
{
	size_t i;

	for (i = 0; i < form->count; i++)
		if (strcmp(form->fields[i].name, name) == 0)
			return &form->fields[i];
	return NULL;
}

static int
add(struct form *form, struct blob pair)
{
	const uint8_t *equals = memchr(pair.p, '=', pair.n);
	size_t name_len = equals != NULL ? (size_t)(equals - pair.p) : pair.n;
	struct form_field *f;
	struct blob value = { NULL, 0 };
	int r;

	if (form->count == FORM_FIELDS_MAX)
		return fail(ERR_MALFORMED, "a form has too many fields");
	if (equals != NULL)
		value = blob_of(equals + 1, pair.n - name_len - 1);
	f = &form->fields[form->count++];
	if ((r = decode(blob_of(pair.p, name_len), &f->name)) != OK ||
	    (r = decode(value, &f->value)) != OK)
		return r;
	if (find(form, f->name) != f)
		return fail(ERR_MALFORMED, "a field of a form comes twice");
	return OK;
}

int
form_parse(struct blob in, struct form **out)
{
	struct form *form;
	const uint8_t *mark;
	size_t n;
	int r;

	*out = NULL;
	if (in.n > FORM_MAX)
		return fail(ERR_TOO_LARGE, "a form of %zu bytes", in.n);
	if ((form = calloc(1, sizeof *form)) == NULL)
		return fail(ERR_NOMEM, "no memory for a form");
	while (in.n > 0) {
		mark = memchr(in.p, '&', in.n);
		n = mark != NULL ? (size_t)(mark - in.p) : in.n;
		if (n > 0 && (r = add(form, blob_of(in.p, n))) != OK) {
			form_free(form);
			return r;
		}
		n += mark != NULL;
		in = blob_of(in.p + n, in.n - n);
	}
	*out = form;
	return OK;
}

void
form_free(struct form *form)
{
	struct form_field *f;
	size_t i;

	if (form == NULL)
		return;
	for (i = 0; i < form->count; i++) {
		f = &form->fields[i];
		/* It may be a password. */
		if (f->value != NULL)
			explicit_bzero(f->value, strlen(f->value));
		free(f->name);
		free(f->value);
	}
	free(form);
}

const char *
form_get(const struct form *form, const char *name)
{
	const struct form_field *f = find(form, name);

	return f != NULL ? f->value : NULL;
}

const char *
form_text(const struct form *form, const char *name)
{
	const char *value = form_get(form, name);

	return value != NULL ? value : "";
}

static bool
is_among(const char *name, const char *const *known)
{
	for (; *known != NULL; known++)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

const char *
form_unknown(const struct form *form, const char *const *known)
{
	for (size_t i = 0; i < form->count; i++)
		if (!is_among(form->fields[i].name, known))
			return form->fields[i].name;
	return NULL;
}

int
form_encode(const char *text, struct buf *out)
{
	return enc_percent(text, out);
}

int
form_cookie(const char *header, const char *name, char *out, size_t outlen)
{
	size_t name_len = strlen(name);
	const char *p = header, *found = NULL;
	size_t found_len = 0, n;

	out[0] = '\0';
	while (p != NULL && *p != '\0') {
		p += strspn(p, " ;");
		n = strcspn(p, ";");
		if (n > name_len && p[name_len] == '=' &&
		    memcmp(p, name, name_len) == 0) {
			if (found != NULL)
				return ERR_NOT_FOUND;
			found = p + name_len + 1;
			found_len = n - name_len - 1;
		}
		p += n;
	}
	if (found == NULL || found_len >= outlen)
		return ERR_NOT_FOUND;
	memcpy(out, found, found_len);
	out[found_len] = '\0';
	return OK;
}
