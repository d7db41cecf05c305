/*
 * A tree of values: what the readers of JSON and of property lists give.
 * Getters take NULL and wrong types calmly and then answer "absent".
 */
#ifndef SIM_VALUE_H
#define SIM_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"

/* No document nests deeper. */
#define SIM_VALUE_DEPTH 32

enum sim_value_type {
	SIM_VALUE_NULL,
	SIM_VALUE_BOOL,
	SIM_VALUE_NUMBER,
	SIM_VALUE_TEXT,
	SIM_VALUE_DATA,
	SIM_VALUE_LIST,
	SIM_VALUE_DICT,
};

struct sim_value {
	enum sim_value_type type;
	char *name;     /* inside a dictionary, else NULL */
	uint8_t *bytes; /* text or data, NUL-terminated */
	size_t n;
	int64_t number; /* of a number or a bool */
	struct sim_value *first;
	struct sim_value *last;
	struct sim_value *next;
};

/* NULL when there is no memory. */
struct sim_value *sim_value_new(enum sim_value_type type);
void sim_value_free(struct sim_value *v);

/* Puts child, which is then owned by parent, at the end. */
void sim_value_append(struct sim_value *parent, struct sim_value *child);

/* The member of a dictionary; NULL when absent. */
const struct sim_value *sim_value_get(
    const struct sim_value *dict, const char *name);

/* The text of a member; NULL when absent or no text. */
const char *sim_value_text(const struct sim_value *dict, const char *name);

/* The data of a member; empty when absent. */
struct blob sim_value_data(const struct sim_value *dict, const char *name);

int64_t sim_value_number(
    const struct sim_value *dict, const char *name, int64_t otherwise);
bool sim_value_bool(
    const struct sim_value *dict, const char *name, bool otherwise);

/* The first element of a list or dictionary; step on by its `next`. */
const struct sim_value *sim_value_first(const struct sim_value *v);

#endif
