/*
 * Reads YAML as a person writes a file of settings in it: one document of
 * mappings, sequences and scalars. Everything in YAML that makes a text mean
 * something else than it seems to is refused: anchors, aliases, tags,
 * directives, a second document, a key that stands twice, a tab that indents, a
 * byte order mark, invisible characters, text that is not UTF-8.
 *
 * Every refusal is logged as "line L, column C: what is wrong", both counted
 * from 1, the column in characters.
 */
#ifndef WIRE_IN_YAML_H
#define WIRE_IN_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"

/* Bytes of a document. */
#define IN_YAML_MAX ((size_t)64 << 10)
/* Mappings and sequences inside one another. */
#define IN_YAML_DEPTH_MAX 16
/* Mappings, sequences and scalars, without the keys. */
#define IN_YAML_NODES_MAX 1000

enum in_yaml_kind { IN_YAML_MAPPING, IN_YAML_SEQUENCE, IN_YAML_SCALAR };

struct in_yaml_place {
	size_t line;
	size_t column;
};

struct in_yaml {
	enum in_yaml_kind kind;
	struct in_yaml_place at;
	/* NULL unless it is in a mapping; UTF-8 without NUL */
	char *key;
	struct in_yaml_place key_at;
	/* of a scalar, NULL otherwise; UTF-8 without NUL */
	char *text;
	/* a scalar in quotes, or a block of text */
	bool quoted;
	/* what is in a mapping or sequence, in its order */
	struct in_yaml *first;
	struct in_yaml *last;
	struct in_yaml *next;
	struct in_yaml *parent;
};

/*
 * Parses a document, which must be a mapping. Free with in_yaml_free().
 * ERR_MALFORMED, ERR_TOO_LARGE (of bytes, depth or nodes), ERR_NOMEM.
 */
int in_yaml_parse(struct blob text, struct in_yaml **out);

/* Frees a document; NULL is permitted. */
void in_yaml_free(struct in_yaml *root);

/* The value of a key, or NULL. */
const struct in_yaml *in_yaml_get(
    const struct in_yaml *mapping, const char *key);

/*
 * `code`, logged with the place, for what a caller refuses.
 */
int in_yaml_refuse(struct in_yaml_place at, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Values that are in a mapping. ERR_FIELD for another type, logged with place,
 * key and how to write it right.
 */

/* Nothing but true and false, without quotes. */
int in_yaml_bool(const struct in_yaml *node, bool *out);

/*
 * A text, which is borrowed from the node. What YAML 1.1 or 1.2 takes for a
 * number, a boolean or null needs quotes, so that every reader takes it for the
 * same.
 */
int in_yaml_text(const struct in_yaml *node, const char **out);

int in_yaml_mapping(const struct in_yaml *node);

#endif
