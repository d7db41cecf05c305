#include "wire/out_json.h"

#include <assert.h>
#include <inttypes.h>

#include "base/utf8.h"

void
out_json_init(struct out_json *w, struct buf *out)
{
	*w = (struct out_json){ .out = out };
}

/* A short escape of RFC 8259 section 7, or 0. */
static char
short_escape(uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

/* Invisible characters are escaped: people read JSON on terminals, too. */
static size_t
character(struct buf *out, struct blob s, size_t at)
{
	uint32_t c;
	size_t n = utf8_decode(s, at, &c);

	if (n == 0)
		buf_add_str(out, "\\ufffd");
	else if (n == 1 && short_escape(s.p[at]) != 0)
		buf_printf(out, "\\%c", short_escape(s.p[at]));
	else if (utf8_is_visible(c))
		buf_add(out, s.p + at, n);
	else if (c < 0x10000)
		buf_printf(out, "\\u%04x", (unsigned)c);
	else
		buf_printf(out, "\\u%04x\\u%04x",
		    0xd800u + (unsigned)((c - 0x10000) >> 10),
		    0xdc00u + (unsigned)((c - 0x10000) & 0x3ff));
	return n > 0 ? n : 1;
}

static void
quote(struct buf *out, struct blob s)
{
	size_t at = 0;

	buf_add_byte(out, '"');
	while (at < s.n)
		at += character(out, s, at);
	buf_add_byte(out, '"');
}

/* What stands before a value: a comma, a name. */
static void
lead(struct out_json *w, const char *name)
{
	bool member = w->depth > 0 && w->kind[w->depth - 1] == '{';

	assert(member == (name != NULL));
	assert(w->depth > 0 || !w->comma);
	if (w->comma)
		buf_add_byte(w->out, ',');
	w->comma = true;
	if (name == NULL)
		return;
	quote(w->out, blob_str(name));
	buf_add_byte(w->out, ':');
}

static void
open_level(struct out_json *w, const char *name, char kind)
{
	lead(w, name);
	assert(w->depth < OUT_JSON_DEPTH);
	w->kind[w->depth++] = kind;
	w->comma = false;
	buf_add_byte(w->out, (uint8_t)kind);
}

static void
close_level(struct out_json *w, char kind)
{
	assert(w->depth > 0 && w->kind[w->depth - 1] == kind);
	w->depth--;
	w->comma = true;
	buf_add_byte(w->out, kind == '{' ? '}' : ']');
}

void
out_json_open_object(struct out_json *w, const char *name)
{
	open_level(w, name, '{');
}

void
out_json_close_object(struct out_json *w)
{
	close_level(w, '{');
}

void
out_json_open_array(struct out_json *w, const char *name)
{
	open_level(w, name, '[');
}

void
out_json_close_array(struct out_json *w)
{
	close_level(w, '[');
}

void
out_json_string(struct out_json *w, const char *name, const char *s)
{
	if (s == NULL)
		out_json_null(w, name);
	else
		out_json_blob(w, name, blob_str(s));
}

void
out_json_blob(struct out_json *w, const char *name, struct blob s)
{
	lead(w, name);
	quote(w->out, s);
}

void
out_json_int(struct out_json *w, const char *name, int64_t v)
{
	lead(w, name);
	buf_printf(w->out, "%" PRId64, v);
}

void
out_json_bool(struct out_json *w, const char *name, bool v)
{
	lead(w, name);
	buf_add_str(w->out, v ? "true" : "false");
}

void
out_json_null(struct out_json *w, const char *name)
{
	lead(w, name);
	buf_add_str(w->out, "null");
}

void
out_json_raw(struct out_json *w, const char *name, struct blob json)
{
	assert(json.n > 0);
	lead(w, name);
	buf_add_blob(w->out, json);
}

int
out_json_end(const struct out_json *w)
{
	assert(w->depth == 0);
	return buf_status(w->out);
}
