#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "wire/in_plist.h"
#include "wire/plistlex.h"
#include "wire/plisttext.h"

#define NAME_MAX_BYTES   16
#define ENTITY_MAX_BYTES 10

const char plisttext_no_memory[] = "no memory for a property list";

enum element {
	NOTHING,
	DICT,
	ARRAY,
	KEY,
	STRING,
	DATA,
	DATE,
	INTEGER,
	REAL,
	TRUE_ELEMENT,
	FALSE_ELEMENT,
};

static const char *const names[] = {
	[NOTHING] = "",
	[DICT] = "dict",
	[ARRAY] = "array",
	[KEY] = "key",
	[STRING] = "string",
	[DATA] = "data",
	[DATE] = "date",
	[INTEGER] = "integer",
	[REAL] = "real",
	[TRUE_ELEMENT] = "true",
	[FALSE_ELEMENT] = "false",
};

struct frame {
	enum element kind; /* DICT or ARRAY */
	bool want_value;   /* in a dict: a key came, its value did not */
	size_t first_key;
};

struct scan {
	struct blob in;
	size_t at;
	size_t nodes;
	size_t depth;
	struct frame frames[IN_PLIST_DEPTH_MAX];
	/* Keys of all open dicts; their text, unescaped, is in `text`. */
	struct blob *keys;
	size_t n_keys;
	size_t cap_keys;
	uint8_t *text;
	size_t used;
};

static void
skip_space(struct scan *s)
{
	while (s->at < s->in.n && plistlex_is_space(s->in.p[s->at]))
		s->at++;
}

static bool
looking_at(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return s->in.n - s->at >= n && memcmp(s->in.p + s->at, word, n) == 0;
}

static bool
skip_word(struct scan *s, const char *word)
{
	if (!looking_at(s, word))
		return false;
	s->at += strlen(word);
	return true;
}

/*
 * Skips plain characters and whole double-quoted texts up to `end`, which is
 * skipped too. Whatever could hide another construct is refused.
 */
static bool
skip_plain(struct scan *s, const char *end, struct blob *body)
{
	size_t quotes = 0, start = s->at;

	while (s->at < s->in.n && !looking_at(s, end)) {
		uint8_t c = s->in.p[s->at++];

		if (strchr("<>[]&?'", c) != NULL || c > '~' ||
		    (c < ' ' && !plistlex_is_space(c)))
			return false;
		if (c == '"')
			quotes++;
	}
	*body = blob_of(s->in.p + start, s->at - start);
	return quotes % 2 == 0 && skip_word(s, end);
}

/* No declared encoding, or UTF-8. */
static bool
encoding_ok(struct blob declaration)
{
	static const char word[] = "encoding";
	const uint8_t *p =
	    memmem(declaration.p, declaration.n, word, strlen(word));
	size_t left;

	if (p == NULL)
		return true;
	p += strlen(word);
	left = declaration.n - (size_t)(p - declaration.p);
	return left >= 8 && strncasecmp((const char *)p, "=\"UTF-8\"", 8) == 0;
}

/* <plist> or <plist version="1.0"> */
static bool
scan_root(struct scan *s)
{
	if (!skip_word(s, "<plist"))
		return false;
	if (skip_word(s, " version=\"1.0\""))
		skip_space(s);
	return skip_word(s, ">");
}

static const char *
scan_prologue(struct scan *s)
{
	struct blob body;

	if (looking_at(s, "bplist"))
		return "the binary form";
	if (skip_word(s, "<?xml ") &&
	    (!skip_plain(s, "?>", &body) || !encoding_ok(body)))
		return "a strange XML declaration";
	skip_space(s);
	if (skip_word(s, "<!DOCTYPE plist") && !skip_plain(s, ">", &body))
		return "a strange DOCTYPE";
	skip_space(s);
	if (!scan_root(s))
		return "no plist element";
	return NULL;
}

/* Reads `<name>` or `<name/>`, white space before its end allowed. */
static const char *
scan_open(struct scan *s, enum element *kind, bool *empty)
{
	size_t start = s->at + 1, n;
	enum element i;

	if (s->at == s->in.n || s->in.p[s->at] != '<')
		return "text between elements";
	for (s->at++;
	     s->at < s->in.n && s->in.p[s->at] >= 'a' && s->in.p[s->at] <= 'z';)
		s->at++;
	n = s->at - start;
	*kind = NOTHING;
	for (i = DICT; i <= FALSE_ELEMENT; i++) {
		if (blob_eq_str(blob_of(s->in.p + start, n), names[i]))
			*kind = i;
	}
	skip_space(s);
	*empty = skip_word(s, "/>");
	if (*kind == NOTHING || (!*empty && !skip_word(s, ">")))
		return "an unknown element";
	return NULL;
}

static const char *
scan_close(struct scan *s, enum element kind)
{
	if (!skip_word(s, "</") || !skip_word(s, names[kind]) ||
	    !skip_word(s, ">"))
		return "an element that is not closed";
	return NULL;
}

/* The character of the entity at s->at, which is skipped; 0 if it is bad. */
static uint32_t
scan_entity(struct scan *s)
{
	static const struct {
		const char *name;
		uint32_t c;
	} entities[] = { { "lt", '<' }, { "gt", '>' }, { "amp", '&' },
		{ "quot", '"' }, { "apos", '\'' } };
	size_t i, start = ++s->at;
	struct blob name;

	while (s->at < s->in.n && s->in.p[s->at] != ';' &&
	    s->at - start < ENTITY_MAX_BYTES)
		s->at++;
	name = blob_of(s->in.p + start, s->at - start);
	if (!skip_word(s, ";"))
		return 0;
	for (i = 0; i < sizeof entities / sizeof entities[0]; i++) {
		if (blob_eq_str(name, entities[i].name))
			return entities[i].c;
	}
	return name.n > 0 && name.p[0] == '#' ? plistlex_reference(name) : 0;
}

/* Appends a character to the text of keys; the input is always longer. */
static void
put_utf8(struct scan *s, uint32_t c)
{
	uint8_t *p = s->text + s->used;

	if (c < 0x80) {
		p[0] = (uint8_t)c;
		s->used += 1;
	} else if (c < 0x800) {
		p[0] = (uint8_t)(0xc0 | c >> 6);
		p[1] = (uint8_t)(0x80 | (c & 63));
		s->used += 2;
	} else if (c < 0x10000) {
		p[0] = (uint8_t)(0xe0 | c >> 12);
		p[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		p[2] = (uint8_t)(0x80 | (c & 63));
		s->used += 3;
	} else {
		p[0] = (uint8_t)(0xf0 | c >> 18);
		p[1] = (uint8_t)(0x80 | (c >> 12 & 63));
		p[2] = (uint8_t)(0x80 | (c >> 6 & 63));
		p[3] = (uint8_t)(0x80 | (c & 63));
		s->used += 4;
	}
}

/* One sequence of plain text; false when it is not sound. */
static bool
scan_plain(struct scan *s, bool keep)
{
	size_t n = utf8_length(s->in, s->at);
	const uint8_t *p = s->in.p + s->at;

	if (n == 0 || (n == 1 && !plistlex_is_char(p[0])) ||
	    (n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe))
		return false;
	if (keep) {
		memcpy(s->text + s->used, p, n);
		s->used += n;
	}
	s->at += n;
	return true;
}

/* Text up to the next '<'; kept, unescaped, in s->text when it is a key. */
static const char *
scan_text(struct scan *s, bool keep)
{
	while (s->at < s->in.n && s->in.p[s->at] != '<') {
		uint32_t c;

		if (s->in.p[s->at] != '&') {
			if (!scan_plain(s, keep))
				return "a text that is not clean UTF-8";
			continue;
		}
		if (!plistlex_is_char(c = scan_entity(s)))
			return "an unknown entity";
		if (keep)
			put_utf8(s, c);
	}
	return NULL;
}

static const char *
scan_key(struct scan *s)
{
	size_t start = s->used;
	struct blob *keys = s->keys;
	const char *fault;

	if ((fault = scan_text(s, true)) != NULL ||
	    (fault = scan_close(s, KEY)) != NULL)
		return fault;
	if (s->used == start)
		return "an empty key";
	if (s->n_keys == s->cap_keys) {
		s->cap_keys = 2 * s->cap_keys + 64;
		keys = realloc(keys, s->cap_keys * sizeof *keys);
		if (keys == NULL)
			return plisttext_no_memory;
		s->keys = keys;
	}
	keys[s->n_keys++] = blob_of(s->text + start, s->used - start);
	return NULL;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int r = memcmp(x->p, y->p, n);

	if (r != 0)
		return r;
	return x->n < y->n ? -1 : x->n > y->n;
}

/* Forgets the keys of the dict that ends; false when one came twice. */
static bool
keys_differ(struct scan *s, size_t first)
{
	size_t i, n = s->n_keys - first;
	struct blob *keys;

	s->n_keys = first;
	if (n < 2)
		return true;
	keys = s->keys + first;
	qsort(keys, n, sizeof *keys, compare_keys);
	for (i = 1; i < n; i++) {
		if (blob_eq(keys[i - 1], keys[i]))
			return false;
	}
	return true;
}

static const char *
scan_scalar(struct scan *s, enum element kind)
{
	struct blob t = blob_of(s->in.p + s->at, 0);
	const char *fault;

	if ((fault = scan_text(s, false)) != NULL)
		return fault;
	t.n = s->at - (size_t)(t.p - s->in.p);
	if (kind == INTEGER && !plistlex_is_integer(t))
		return "an integer that is not one";
	if (kind == REAL && !plistlex_is_real(t))
		return "a real that is not one";
	if (kind == DATE && !plistlex_is_date(t))
		return "a date that is not one";
	if (kind == DATA && !plistlex_is_data(t))
		return "data that is not strict base64";
	if ((kind == TRUE_ELEMENT || kind == FALSE_ELEMENT) && t.n > 0)
		return "a text in a truth value";
	return scan_close(s, kind);
}

static const char *
scan_value(struct scan *s, enum element kind, bool empty)
{
	if (++s->nodes > IN_PLIST_NODES_MAX)
		return "too many values";
	if (s->depth > 0)
		s->frames[s->depth - 1].want_value = false;
	if (empty && (kind == INTEGER || kind == REAL || kind == DATE))
		return "a number or date that is empty";
	if (empty)
		return NULL;
	if (kind != DICT && kind != ARRAY)
		return scan_scalar(s, kind);
	if (s->depth == IN_PLIST_DEPTH_MAX)
		return "too many levels";
	s->frames[s->depth++] = (struct frame){ kind, false, s->n_keys };
	return NULL;
}

static const char *
scan_end(struct scan *s)
{
	struct frame *top = &s->frames[s->depth - 1];

	if (top->want_value)
		return "a key without a value";
	if (top->kind == DICT && !keys_differ(s, top->first_key))
		return "a key that comes twice";
	s->depth--;
	return scan_close(s, top->kind);
}

/* One step inside of the open dict or array. */
static const char *
scan_step(struct scan *s)
{
	struct frame *top = &s->frames[s->depth - 1];
	enum element kind;
	const char *fault;
	bool empty;

	skip_space(s);
	if (looking_at(s, "</"))
		return scan_end(s);
	if ((fault = scan_open(s, &kind, &empty)) != NULL)
		return fault;
	if (top->kind == DICT && !top->want_value) {
		if (kind != KEY || empty)
			return "a value without a key";
		top->want_value = true;
		return scan_key(s);
	}
	if (kind == KEY)
		return "a key out of place";
	return scan_value(s, kind, empty);
}

static const char *
scan_document(struct scan *s)
{
	enum element kind;
	const char *fault;
	bool empty;

	if ((fault = scan_prologue(s)) != NULL)
		return fault;
	skip_space(s);
	if ((fault = scan_open(s, &kind, &empty)) != NULL)
		return fault;
	if (kind != DICT)
		return "a root that is not a dict";
	fault = scan_value(s, kind, empty);
	while (fault == NULL && s->depth > 0)
		fault = scan_step(s);
	if (fault != NULL)
		return fault;
	skip_space(s);
	if (!skip_word(s, "</plist>"))
		return "more than one root";
	skip_space(s);
	return s->at == s->in.n ? NULL : "bytes after its end";
}

const char *
plisttext_fault(struct blob in)
{
	struct scan s = { .in = in };
	const char *fault;

	if (in.n == 0)
		return "no bytes";
	if ((s.text = malloc(in.n)) == NULL)
		return plisttext_no_memory;
	fault = scan_document(&s);
	free(s.text);
	free(s.keys);
	return fault;
}
