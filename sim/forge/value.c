#include <stdlib.h>
#include <string.h>

#include "sim/forge/value.h"

struct value *
value_new(enum value_type type)
{
	struct value *v = calloc(1, sizeof *v);

	if (v != NULL)
		v->type = type;
	return v;
}

void
value_free(struct value *v)
{
	while (v != NULL) {
		struct value *next = v->next;

		/* No deeper than VALUE_DEPTH. */
		value_free(v->first);
		free(v->name);
		free(v->bytes);
		free(v);
		v = next;
	}
}

void
value_append(struct value *parent, struct value *child)
{
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

const struct value *
value_get(const struct value *dict, const char *name)
{
	if (dict == NULL || dict->type != VALUE_DICT)
		return NULL;
	for (const struct value *v = dict->first; v != NULL; v = v->next)
		if (v->name != NULL && strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

const char *
value_text(const struct value *dict, const char *name)
{
	const struct value *v = value_get(dict, name);

	if (v == NULL || v->type != VALUE_TEXT)
		return NULL;
	return (const char *)v->bytes;
}

struct blob
value_data(const struct value *dict, const char *name)
{
	const struct value *v = value_get(dict, name);

	if (v == NULL || v->type != VALUE_DATA)
		return blob_of(NULL, 0);
	return blob_of(v->bytes, v->n);
}

int64_t
value_number(const struct value *dict, const char *name, int64_t otherwise)
{
	const struct value *v = value_get(dict, name);

	return v != NULL && v->type == VALUE_NUMBER ? v->number : otherwise;
}

bool
value_bool(const struct value *dict, const char *name, bool otherwise)
{
	const struct value *v = value_get(dict, name);

	return v != NULL && v->type == VALUE_BOOL ? v->number != 0 : otherwise;
}

const struct value *
value_first(const struct value *v)
{
	return v != NULL ? v->first : NULL;
}
