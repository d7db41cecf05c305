#include <stdlib.h>
#include <string.h>

#include "sim/sim_value.h"

struct sim_value *
sim_value_new(enum sim_value_type type)
{
	struct sim_value *v = calloc(1, sizeof *v);

	if (v != NULL)
		v->type = type;
	return v;
}

void
sim_value_free(struct sim_value *v)
{
	while (v != NULL) {
		struct sim_value *next = v->next;

		/* No deeper than SIM_VALUE_DEPTH. */
		sim_value_free(v->first);
		free(v->name);
		free(v->bytes);
		free(v);
		v = next;
	}
}

void
sim_value_append(struct sim_value *parent, struct sim_value *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

const struct sim_value *
sim_value_get(const struct sim_value *dict, const char *name)
{
	if (dict == NULL || dict->type != SIM_VALUE_DICT)
		return NULL;
	for (const struct sim_value *v = dict->first; v != NULL; v = v->next)
		if (v->name != NULL && strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

const char *
sim_value_text(const struct sim_value *dict, const char *name)
{
	const struct sim_value *v = sim_value_get(dict, name);

	if (v == NULL || v->type != SIM_VALUE_TEXT)
		return NULL;
	return (const char *)v->bytes;
}

struct blob
sim_value_data(const struct sim_value *dict, const char *name)
{
	const struct sim_value *v = sim_value_get(dict, name);

	if (v == NULL || v->type != SIM_VALUE_DATA)
		return blob_of(NULL, 0);
	return blob_of(v->bytes, v->n);
}

int64_t
sim_value_number(
    const struct sim_value *dict, const char *name, int64_t otherwise)
{
	const struct sim_value *v = sim_value_get(dict, name);

	return v != NULL && v->type == SIM_VALUE_NUMBER ? v->number : otherwise;
}

bool
sim_value_bool(const struct sim_value *dict, const char *name, bool otherwise)
{
	const struct sim_value *v = sim_value_get(dict, name);

	return v != NULL && v->type == SIM_VALUE_BOOL ? v->number != 0
						      : otherwise;
}

const struct sim_value *
sim_value_first(const struct sim_value *v)
{
	return v != NULL ? v->first : NULL;
}
