#include "wire/in_json.h"

#include <json-c/json.h>

#include "base/log.h"
#include "wire/jsontext.h"

/*
 * struct json is never defined: a pointer to it is json-c's pointer under
 * another name, so that no other file needs json-c's header.
 */
static struct json_object *
inner(const struct json *node)
{
	return (struct json_object *)(uintptr_t)node;
}

static struct json *
outer(struct json_object *o)
{
	return (struct json *)o;
}

/* Counts the members of all objects in the tree. */
static size_t
count_members(struct json_object *o)
{
	struct json_object_iterator it, end;
	size_t i, n = 0;

	if (json_object_is_type(o, json_type_array)) {
		for (i = 0; i < json_object_array_length(o); i++)
			n += count_members(json_object_array_get_idx(o, i));
		return n;
	}
	if (!json_object_is_type(o, json_type_object))
		return 0;
	it = json_object_iter_begin(o);
	end = json_object_iter_end(o);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		n += 1 + count_members(json_object_iter_peek_value(&it));
	return n;
}

static int
build(struct blob text, unsigned max_depth, struct json_object **out)
{
	struct json_tokener *tok;
	int r = OK;

	*out = NULL;
	if ((tok = json_tokener_new_ex((int)max_depth + 2)) == NULL)
		return fail(ERR_NOMEM, "no memory for a JSON reader");
	/*
	 * No strict flag: jsontext_check() was stricter already, and that of
	 * json-c 0.18 takes every byte over 0x7f for a control character.
	 */
	*out = json_tokener_parse_ex(tok, (const char *)text.p, (int)text.n);
	if (*out == NULL)
		r = fail(ERR_MALFORMED, "JSON: %s",
		    json_tokener_error_desc(json_tokener_get_error(tok)));
	json_tokener_free(tok);
	return r;
}

int
in_json_parse(struct blob text, unsigned max_depth, struct json **out)
{
	struct json_object *o = NULL;
	size_t members = 0;
	int r;

	*out = NULL;
	if (text.n > IN_JSON_MAX)
		return fail(ERR_TOO_LARGE, "JSON of %zu bytes", text.n);
	if ((r = jsontext_check(text, max_depth, &members)) != OK ||
	    (r = build(text, max_depth, &o)) != OK)
		return r;
	/*
	 * json-c keeps the last of several members of one name, with whatever
	 * escapes the name was written: only then are fewer in the tree than
	 * in the text.
	 */
	if (count_members(o) != members) {
		json_object_put(o);
		return fail(ERR_MALFORMED, "JSON names a member twice");
	}
	*out = outer(o);
	return OK;
}

int
in_json_parse_object(struct blob text, unsigned max_depth, struct json **out)
{
	int r;

	if ((r = in_json_parse(text, max_depth, out)) != OK)
		return r;
	if (in_json_is_object(*out))
		return OK;
	in_json_free(*out);
	*out = NULL;
	return fail(ERR_MALFORMED, "JSON is an array, not an object");
}

void
in_json_free(struct json *doc)
{
	json_object_put(inner(doc));
}

bool
in_json_has(const struct json *object, const char *name)
{
	return json_object_object_get_ex(inner(object), name, NULL);
}

bool
in_json_has_string(const struct json *object, const char *name)
{
	struct json_object *o;

	return json_object_object_get_ex(inner(object), name, &o) &&
	    json_object_is_type(o, json_type_string);
}

static int
member(const struct json *object, const char *name, json_type type,
    struct json_object **out)
{
	struct json_object *o;

	if (!json_object_object_get_ex(inner(object), name, &o))
		return fail(ERR_MALFORMED, "JSON member %s is missing", name);
	if (!json_object_is_type(o, type))
		return fail(ERR_MALFORMED, "JSON member %s is not of type %s",
		    name, json_type_to_name(type));
	*out = o;
	return OK;
}

static struct blob
text_of(struct json_object *o)
{
	return blob_of(
	    json_object_get_string(o), (size_t)json_object_get_string_len(o));
}

int
in_json_string(const struct json *object, const char *name, struct blob *out)
{
	struct json_object *o;
	int r;

	*out = blob_of(NULL, 0);
	if ((r = member(object, name, json_type_string, &o)) != OK)
		return r;
	*out = text_of(o);
	return OK;
}

int
in_json_opt_string(
    const struct json *object, const char *name, struct blob *out)
{
	*out = blob_of(NULL, 0);
	if (!in_json_has(object, name))
		return OK;
	return in_json_string(object, name, out);
}

int
in_json_int(const struct json *object, const char *name, int64_t min,
    int64_t max, int64_t *out)
{
	struct json_object *o;
	int64_t v;
	int r;

	*out = 0;
	if ((r = member(object, name, json_type_int, &o)) != OK)
		return r;
	v = json_object_get_int64(o);
	if (v < min || v > max)
		return fail(
		    ERR_MALFORMED, "JSON member %s is out of range", name);
	*out = v;
	return OK;
}

int
in_json_seconds(const struct json *object, const char *name, int64_t min,
    int64_t max, int64_t *out)
{
	struct json_object *o;
	double v;

	*out = 0;
	if (!json_object_object_get_ex(inner(object), name, &o) ||
	    !json_object_is_type(o, json_type_double))
		return in_json_int(object, name, min, max, out);
	v = json_object_get_double(o);
	if (!(v >= (double)min && v <= (double)max))
		return fail(
		    ERR_MALFORMED, "JSON member %s is out of range", name);
	*out = (int64_t)v;
	return OK;
}

int
in_json_bool(const struct json *object, const char *name, bool *out)
{
	struct json_object *o;
	int r;

	*out = false;
	if ((r = member(object, name, json_type_boolean, &o)) != OK)
		return r;
	*out = json_object_get_boolean(o) != 0;
	return OK;
}

int
in_json_object(const struct json *object, const char *name, struct json **out)
{
	struct json_object *o;
	int r;

	*out = NULL;
	if ((r = member(object, name, json_type_object, &o)) != OK)
		return r;
	*out = outer(o);
	return OK;
}

int
in_json_array(const struct json *object, const char *name, struct json **out)
{
	struct json_object *o;
	int r;

	*out = NULL;
	if ((r = member(object, name, json_type_array, &o)) != OK)
		return r;
	*out = outer(o);
	return OK;
}

size_t
in_json_count(const struct json *node)
{
	struct json_object *o = inner(node);

	if (json_object_is_type(o, json_type_array))
		return json_object_array_length(o);
	if (json_object_is_type(o, json_type_object))
		return (size_t)json_object_object_length(o);
	return 0;
}

bool
in_json_is_object(const struct json *node)
{
	return json_object_is_type(inner(node), json_type_object) != 0;
}

static enum in_json_type
type_of(struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_boolean:
		return IN_JSON_BOOL;
	case json_type_double:
	case json_type_int:
		return IN_JSON_NUMBER;
	case json_type_string:
		return IN_JSON_STRING;
	case json_type_array:
		return IN_JSON_ARRAY;
	case json_type_object:
		return IN_JSON_OBJECT;
	case json_type_null:
		break;
	}
	return IN_JSON_NULL;
}

bool
in_json_member(const struct json *object, size_t i, const char **name,
    enum in_json_type *type)
{
	struct json_object_iterator it, end;

	*name = "";
	*type = IN_JSON_NULL;
	if (!in_json_is_object(object))
		return false;
	it = json_object_iter_begin(inner(object));
	end = json_object_iter_end(inner(object));
	for (; !json_object_iter_equal(&it, &end) && i > 0; i--)
		json_object_iter_next(&it);
	if (json_object_iter_equal(&it, &end))
		return false;
	*name = json_object_iter_peek_name(&it);
	*type = type_of(json_object_iter_peek_value(&it));
	return true;
}

static int
at(const struct json *array, size_t i, json_type type, struct json_object **out)
{
	struct json_object *o;

	if (i >= in_json_count(array))
		return fail(ERR_MALFORMED, "JSON array has no element %zu", i);
	o = json_object_array_get_idx(inner(array), i);
	if (!json_object_is_type(o, type))
		return fail(ERR_MALFORMED, "JSON element %zu is not of type %s",
		    i, json_type_to_name(type));
	*out = o;
	return OK;
}

int
in_json_at_string(const struct json *array, size_t i, struct blob *out)
{
	struct json_object *o;
	int r;

	*out = blob_of(NULL, 0);
	if ((r = at(array, i, json_type_string, &o)) != OK)
		return r;
	*out = text_of(o);
	return OK;
}

int
in_json_at_object(const struct json *array, size_t i, struct json **out)
{
	struct json_object *o;
	int r;

	*out = NULL;
	if ((r = at(array, i, json_type_object, &o)) != OK)
		return r;
	*out = outer(o);
	return OK;
}

int
in_json_write(const struct json *node, struct buf *out)
{
	const char *s;

	s = json_object_to_json_string_ext(inner(node),
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (s == NULL)
		return fail(ERR_NOMEM, "no memory to write JSON");
	return buf_add_str(out, s);
}
