#include "wire/in_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/log.h"
#include "base/utf8.h"
#include "wire/yamlword.h"

#define REASON_TEXT 400

/* The tree as it grows. */
struct builder {
	struct in_yaml *root;
	/* the innermost mapping or sequence that is open */
	struct in_yaml *open;
	unsigned depth;
	size_t nodes;
	bool has_document;
	/* of a mapping, until its value comes */
	char *key;
	struct in_yaml_place key_at;
};

int
in_yaml_refuse(struct in_yaml_place at, int code, const char *fmt, ...)
{
	char what[REASON_TEXT];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	return fail(code, "line %zu, column %zu: %s", at.line, at.column, what);
}

/* Where the character at a byte stands. */
static struct in_yaml_place
place_of(struct blob text, size_t byte)
{
	struct in_yaml_place at = { 1, 1 };

	for (size_t i = 0; i < byte && i < text.n; i++) {
		if (text.p[i] == '\n')
			at = (struct in_yaml_place){ at.line + 1, 1 };
		else if ((text.p[i] & 0xc0) != 0x80)
			at.column++;
	}
	return at;
}

/* What is wrong with the character, or NULL. */
static const char *
find_wrong(struct blob text, size_t i, uint32_t c, bool indents)
{
	if (c == 0xfeff && i == 0)
		return "a byte order mark; save the file as UTF-8 without one";
	if (c == '\t')
		return indents ? "a tab indents; use spaces" : NULL;
	if (c == '\n')
		return NULL;
	if (c == '\r')
		return i + 1 < text.n && text.p[i + 1] == '\n'
		    ? NULL
		    : "a carriage return without a line feed";
	return utf8_is_visible(c) ? NULL : "an invisible character";
}

/* What libyaml would let pass, or would count as the end of a line. */
static int
check_text(struct blob text)
{
	bool indents = true;
	const char *wrong;
	uint32_t c = 0;
	size_t n;

	if (text.n > IN_YAML_MAX)
		return fail(
		    ERR_TOO_LARGE, "YAML of more than %zu bytes", IN_YAML_MAX);
	for (size_t i = 0; i < text.n; i += n) {
		if ((n = utf8_decode(text, i, &c)) == 0)
			return in_yaml_refuse(place_of(text, i), ERR_MALFORMED,
			    "a byte that is not UTF-8");
		if ((wrong = find_wrong(text, i, c, indents)) != NULL)
			return in_yaml_refuse(place_of(text, i), ERR_MALFORMED,
			    "%s (U+%04X)", wrong, (unsigned)c);
		indents = c == '\n' || (indents && c == ' ');
	}
	return OK;
}

static struct in_yaml_place
begin_of(const yaml_event_t *e)
{
	return (struct in_yaml_place){ e->start_mark.line + 1,
		e->start_mark.column + 1 };
}

static int
refuse_event(const yaml_event_t *e, int code, const char *what)
{
	return in_yaml_refuse(begin_of(e), code, "%s", what);
}

/* Adds an empty node to what is open. */
static int
add_node(struct builder *b, const yaml_event_t *e, enum in_yaml_kind kind,
    struct in_yaml **out)
{
	struct in_yaml *node;

	*out = NULL;
	if (++b->nodes > IN_YAML_NODES_MAX)
		return refuse_event(e, ERR_TOO_LARGE, "too many values");
	if ((node = calloc(1, sizeof *node)) == NULL)
		return fail(ERR_NOMEM, "no memory for YAML");
	*node = (struct in_yaml){ .kind = kind,
		.at = begin_of(e),
		.key = b->key,
		.key_at = b->key_at,
		.parent = b->open };
	b->key = NULL;
	if (b->open == NULL)
		b->root = node;
	else if (b->open->first == NULL)
		b->open->first = node;
	else
		b->open->last->next = node;
	if (b->open != NULL)
		b->open->last = node;
	*out = node;
	return OK;
}

static bool
is_key_next(const struct builder *b)
{
	return b->open != NULL && b->open->kind == IN_YAML_MAPPING &&
	    b->key == NULL;
}

static int
open_node(struct builder *b, const yaml_event_t *e, enum in_yaml_kind kind)
{
	struct in_yaml *node;
	int r;

	if (is_key_next(b))
		return refuse_event(
		    e, ERR_MALFORMED, "a key must be a word, not a structure");
	if (++b->depth > IN_YAML_DEPTH_MAX)
		return refuse_event(e, ERR_TOO_LARGE, "nested too deep");
	if ((r = add_node(b, e, kind, &node)) == OK)
		b->open = node;
	return r;
}

static int
close_node(struct builder *b)
{
	if (b->open == NULL)
		return fail(ERR_INTERNAL, "libyaml ends what it did not begin");
	b->depth--;
	b->open = b->open->parent;
	return OK;
}

static int
take_key(struct builder *b, const yaml_event_t *e, char *text)
{
	const struct in_yaml *other = in_yaml_get(b->open, text);

	b->key = text;
	b->key_at = begin_of(e);
	if (*text == '\0')
		return refuse_event(e, ERR_MALFORMED, "a key is missing");
	if (other != NULL)
		return in_yaml_refuse(b->key_at, ERR_MALFORMED,
		    "%s stands twice, first in line %zu", text,
		    other->key_at.line);
	return OK;
}

static int
take_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *value = (const char *)e->data.scalar.value;
	bool is_key = is_key_next(b);
	struct in_yaml *node;
	char *text;
	int r;

	if (memchr(value, 0, e->data.scalar.length) != NULL)
		return refuse_event(e, ERR_MALFORMED, "a text with U+0000");
	if ((text = strdup(value)) == NULL)
		return fail(ERR_NOMEM, "no memory for YAML");
	if (is_key)
		return take_key(b, e, text);
	if ((r = add_node(b, e, IN_YAML_SCALAR, &node)) != OK) {
		free(text);
		return r;
	}
	node->text = text;
	node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return OK;
}

static int
begin_document(struct builder *b, const yaml_event_t *e)
{
	if (b->has_document)
		return refuse_event(e, ERR_MALFORMED,
		    "a second document begins; the file holds one");
	b->has_document = true;
	if (e->data.document_start.version_directive != NULL ||
	    e->data.document_start.tag_directives.start !=
		e->data.document_start.tag_directives.end)
		return refuse_event(e, ERR_MALFORMED,
		    "directives (%YAML, %TAG) are not supported");
	return OK;
}

/* What changes the meaning of a node from a distance. */
static int
check_decoration(
    const yaml_event_t *e, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		return refuse_event(
		    e, ERR_MALFORMED, "anchors (&name) are not supported");
	if (tag != NULL)
		return refuse_event(
		    e, ERR_MALFORMED, "tags (!name) are not supported");
	return OK;
}

static int
take_event(struct builder *b, const yaml_event_t *e)
{
	int r;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		return begin_document(b, e);
	case YAML_ALIAS_EVENT:
		return refuse_event(
		    e, ERR_MALFORMED, "aliases (*name) are not supported");
	case YAML_SCALAR_EVENT:
		r = check_decoration(
		    e, e->data.scalar.anchor, e->data.scalar.tag);
		return r == OK ? take_scalar(b, e) : r;
	case YAML_MAPPING_START_EVENT:
		r = check_decoration(
		    e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
		return r == OK ? open_node(b, e, IN_YAML_MAPPING) : r;
	case YAML_SEQUENCE_START_EVENT:
		r = check_decoration(e, e->data.sequence_start.anchor,
		    e->data.sequence_start.tag);
		return r == OK ? open_node(b, e, IN_YAML_SEQUENCE) : r;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return close_node(b);
	default:
		return OK;
	}
}

/* What libyaml does not understand. */
static int
explain(const yaml_parser_t *p, struct blob text)
{
	struct in_yaml_place at = { p->problem_mark.line + 1,
		p->problem_mark.column + 1 };

	if (p->error == YAML_MEMORY_ERROR)
		return fail(ERR_NOMEM, "no memory for YAML");
	/* It has no mark yet. */
	if (p->error == YAML_READER_ERROR)
		at = place_of(text, p->problem_offset);
	return in_yaml_refuse(at, ERR_MALFORMED, "%s%s%s",
	    p->context != NULL ? p->context : "",
	    p->context != NULL ? ": " : "", p->problem);
}

static int
read_events(struct builder *b, struct blob text)
{
	yaml_parser_t parser;
	yaml_event_t event;
	bool more = true;
	int r = OK;

	if (yaml_parser_initialize(&parser) == 0)
		return fail(ERR_NOMEM, "no memory for YAML");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, text.p, text.n);
	while (r == OK && more) {
		if (yaml_parser_parse(&parser, &event) == 0) {
			r = explain(&parser, text);
			break;
		}
		r = take_event(b, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return r;
}

int
in_yaml_parse(struct blob text, struct in_yaml **out)
{
	struct builder b = { .root = NULL };
	int r;

	*out = NULL;
	if ((r = check_text(text)) == OK)
		r = read_events(&b, text);
	if (r == OK && b.root == NULL)
		r = in_yaml_refuse((struct in_yaml_place){ 1, 1 },
		    ERR_MALFORMED, "the document is empty");
	else if (r == OK && b.root->kind != IN_YAML_MAPPING)
		r = in_yaml_refuse(b.root->at, ERR_MALFORMED,
		    "the document must consist of keys and values");
	free(b.key);
	if (r != OK)
		in_yaml_free(b.root);
	else
		*out = b.root;
	return r;
}

void
in_yaml_free(struct in_yaml *node)
{
	struct in_yaml *next;

	if (node == NULL)
		return;
	for (struct in_yaml *child = node->first; child != NULL; child = next) {
		next = child->next;
		in_yaml_free(child);
	}
	free(node->key);
	free(node->text);
	free(node);
}

const struct in_yaml *
in_yaml_get(const struct in_yaml *mapping, const char *key)
{
	const struct in_yaml *child = mapping->first;

	while (child != NULL && strcmp(child->key, key) != 0)
		child = child->next;
	return child;
}

static int
refuse_type(const struct in_yaml *node, const char *what)
{
	return in_yaml_refuse(node->at, ERR_FIELD, "%s %s", node->key, what);
}

static bool
is_plain(const struct in_yaml *node, const char *word)
{
	return node->kind == IN_YAML_SCALAR && !node->quoted &&
	    strcmp(node->text, word) == 0;
}

int
in_yaml_bool(const struct in_yaml *node, bool *out)
{
	const char *quote = node->quoted ? "\"" : "";

	*out = is_plain(node, "true");
	if (*out || is_plain(node, "false"))
		return OK;
	if (is_plain(node, ""))
		return refuse_type(node, "has no value; write true or false");
	if (node->kind != IN_YAML_SCALAR)
		return refuse_type(node, "must be true or false");
	return in_yaml_refuse(node->at, ERR_FIELD,
	    "%s must be true or false, in lower case and without quotes; it is "
	    "%s%s%s",
	    node->key, quote, node->text, quote);
}

int
in_yaml_text(const struct in_yaml *node, const char **out)
{
	*out = NULL;
	if (node->kind != IN_YAML_SCALAR)
		return refuse_type(node, "must be a text");
	if (is_plain(node, ""))
		return refuse_type(node,
		    "has no value; write \"\" for none, or leave the key out");
	if (!node->quoted && yamlword_is_special(node->text))
		return in_yaml_refuse(node->at, ERR_FIELD,
		    "%s must be a text; write it in quotes: \"%s\"", node->key,
		    node->text);
	*out = node->text;
	return OK;
}

int
in_yaml_mapping(const struct in_yaml *node)
{
	if (node->kind != IN_YAML_MAPPING)
		return refuse_type(node, "must hold further keys, or {} for none");
	return OK;
}
