/*
 * A tree of values: what the readers of JSON and of property lists give.
 * Getters take NULL and wrong types calmly and then answer "absent".
 */
#ifndef VALUE_H
#define VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"

/* No document nests deeper. */
#define VALUE_DEPTH 32

enum value_type {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_DATA,
	VALUE_LIST,
	VALUE_DICT,
};

struct value {
	enum value_type type;
	char *name;     /* inside a dictionary, else NULL */
	uint8_t *bytes; /* text or data, NUL-terminated */
	size_t n;
	int64_t number; /* of a number or a bool */
	struct value *first;
	struct value *last;
	struct value *next;
};

/* NULL when there is no memory. */
struct value *value_new(enum value_type type);
void value_free(struct value *v);

/* Puts child, which is then owned by parent, at the end. */
void value_append(struct value *parent, struct value *child);

/* The member of a dictionary; NULL when absent. */
const struct value *value_get(const struct value *dict, const char *name);

/* The text of a member; NULL when absent or no text. */
const char *value_text(const struct value *dict, const char *name);

/* The data of a member; empty when absent. */
struct blob value_data(const struct value *dict, const char *name);

int64_t value_number(
    const struct value *dict, const char *name, int64_t otherwise);
bool value_bool(const struct value *dict, const char *name, bool otherwise);

/* The first element of a list or dictionary; step on by its `next`. */
const struct value *value_first(const struct value *v);

#endif
