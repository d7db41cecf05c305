#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/plist.h"

#define PLIST_TAG 16

struct plist_reader {
	const uint8_t *p;
	const uint8_t *end;
	int depth;
};

/* One tag: its name with a leading slash when it ends an element. */
struct plist_tag {
	char name[PLIST_TAG];
	bool empty; /* <tag/> */
};

static struct value *plist_value(
    struct plist_reader *r, const struct plist_tag *tag);

/* The text up to the next tag, entities as they are. */
static struct blob
plist_text(struct plist_reader *r)
{
	const uint8_t *start = r->p;

	while (r->p < r->end && *r->p != '<')
		r->p++;
	return blob_of(start, (size_t)(r->p - start));
}

/* Skips text, comments and declarations; false at the end. */
static bool
plist_next(struct plist_reader *r, struct plist_tag *tag)
{
	const uint8_t *start, *close;
	size_t n = 0;

	do {
		plist_text(r);
		if (r->p >= r->end)
			return false;
		start = ++r->p;
		close = memchr(start, '>', (size_t)(r->end - start));
		if (close == NULL)
			return false;
		r->p = close + 1;
	} while (start < close && (*start == '?' || *start == '!'));
	tag->empty = close > start && close[-1] == '/';
	for (; start + n < close && n < PLIST_TAG - 1; n++) {
		if (start[n] == ' ' || (n > 0 && start[n] == '/'))
			break;
		tag->name[n] = (char)start[n];
	}
	tag->name[n] = '\0';
	return true;
}

static bool
plist_is(const struct plist_tag *tag, const char *name)
{
	return strcmp(tag->name, name) == 0;
}

static size_t
plist_entity(struct blob in, struct buf *out)
{
	static const struct {
		const char *name;
		char c;
	} table[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' } };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		size_t n = strlen(table[i].name);

		if (in.n >= n && memcmp(in.p, table[i].name, n) == 0) {
			buf_add_byte(out, (uint8_t)table[i].c);
			return n;
		}
	}
	buf_add_byte(out, '&');
	return 1;
}

/* The malloc'ed text of an element whose tag was read, and its end tag. */
static uint8_t *
plist_string(struct plist_reader *r, const struct plist_tag *tag, size_t *n)
{
	struct blob raw = { NULL, 0 };
	struct plist_tag end;
	struct buf out;

	buf_init(&out, (size_t)16 << 20);
	if (!tag->empty) {
		raw = plist_text(r);
		if (!plist_next(r, &end) || end.name[0] != '/')
			return NULL;
	}
	for (size_t i = 0; i < raw.n;) {
		if (raw.p[i] == '&') {
			i += plist_entity(blob_of(raw.p + i, raw.n - i), &out);
			continue;
		}
		buf_add_byte(&out, raw.p[i++]);
	}
	if (buf_add_byte(&out, 0) != OK) {
		buf_release(&out);
		return NULL;
	}
	*n = out.n - 1;
	return buf_steal(&out, &(size_t){ 0 });
}

static bool
plist_decode(struct value *v)
{
	struct buf tight, out;
	bool good;

	buf_init(&tight, (size_t)16 << 20);
	buf_init(&out, (size_t)16 << 20);
	for (size_t i = 0; i < v->n; i++)
		if (v->bytes[i] > ' ')
			buf_add_byte(&tight, v->bytes[i]);
	good = enc_base64_decode(buf_blob(&tight), &out) == OK;
	if (good) {
		free(v->bytes);
		v->n = out.n;
		buf_add_byte(&out, 0);
		v->bytes = buf_steal(&out, &(size_t){ 0 });
		good = v->bytes != NULL;
	}
	buf_release(&tight);
	buf_release(&out);
	return good;
}

static struct value *
plist_leaf(
    struct plist_reader *r, const struct plist_tag *tag, enum value_type type)
{
	struct value *v = value_new(type);

	if (v == NULL)
		return NULL;
	v->bytes = plist_string(r, tag, &v->n);
	if (v->bytes != NULL && type == VALUE_NUMBER)
		v->number = strtoll((const char *)v->bytes, NULL, 10);
	if (v->bytes != NULL && (type != VALUE_DATA || plist_decode(v)))
		return v;
	value_free(v);
	return NULL;
}

/* One element of a container; the tag that begins it was read. */
static bool
plist_member(
    struct plist_reader *r, struct value *parent, struct plist_tag *tag)
{
	struct value *child = NULL;
	char *name = NULL;
	size_t n;

	if (parent->type == VALUE_DICT) {
		if (!plist_is(tag, "key"))
			return false;
		name = (char *)plist_string(r, tag, &n);
		if (name != NULL && plist_next(r, tag))
			child = plist_value(r, tag);
	} else {
		child = plist_value(r, tag);
	}
	if (child == NULL) {
		free(name);
		return false;
	}
	child->name = name;
	value_append(parent, child);
	return true;
}

static struct value *
plist_container(struct plist_reader *r, bool empty, enum value_type type)
{
	const char *end = type == VALUE_DICT ? "/dict" : "/array";
	struct value *v = value_new(type);
	struct plist_tag tag;
	bool good = v != NULL;

	if (!good || empty)
		return v;
	while (good && (good = plist_next(r, &tag)) && !plist_is(&tag, end))
		good = plist_member(r, v, &tag);
	if (good)
		return v;
	value_free(v);
	return NULL;
}

static struct value *
plist_bool(bool truth)
{
	struct value *v = value_new(VALUE_BOOL);

	if (v != NULL)
		v->number = truth;
	return v;
}

static struct value *
plist_value(struct plist_reader *r, const struct plist_tag *tag)
{
	struct value *v = NULL;

	if (++r->depth > VALUE_DEPTH)
		return NULL;
	if (plist_is(tag, "dict"))
		v = plist_container(r, tag->empty, VALUE_DICT);
	else if (plist_is(tag, "array"))
		v = plist_container(r, tag->empty, VALUE_LIST);
	else if (plist_is(tag, "data"))
		v = plist_leaf(r, tag, VALUE_DATA);
	else if (plist_is(tag, "integer"))
		v = plist_leaf(r, tag, VALUE_NUMBER);
	else if (plist_is(tag, "true") || plist_is(tag, "false"))
		v = plist_bool(plist_is(tag, "true"));
	else if (plist_is(tag, "string") || plist_is(tag, "date") ||
	    plist_is(tag, "real"))
		v = plist_leaf(r, tag, VALUE_TEXT);
	r->depth--;
	return v;
}

int
plist_parse(struct blob xml, struct value **out)
{
	struct plist_reader r = { xml.p, xml.p + xml.n, 0 };
	struct plist_tag tag;

	*out = NULL;
	if (xml.n > 0 && plist_next(&r, &tag) && plist_is(&tag, "plist") &&
	    plist_next(&r, &tag))
		*out = plist_value(&r, &tag);
	if (*out == NULL)
		return fail(ERR_MALFORMED, "the answer is no property list");
	return OK;
}
