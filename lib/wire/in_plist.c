#include <plist/plist.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/in_plist.h"
#include "wire/plisttext.h"

/* libplist calls every node `void *`; ours is the same pointer with a type. */
struct in_plist {
	plist_t root;
};

static plist_t
native(const struct in_plist_node *node)
{
	plist_t p;

	/* libplist's readers take no const. */
	memcpy(&p, &node, sizeof p);
	return p;
}

int
in_plist_parse(struct blob in, size_t max, struct in_plist **out)
{
	struct in_plist *doc;
	const char *fault;

	*out = NULL;
	if (in.n > max || in.n > UINT32_MAX)
		return fail(ERR_TOO_LARGE, "property list of %zu bytes", in.n);
	if ((fault = plisttext_fault(in)) == plisttext_no_memory)
		return fail(ERR_NOMEM, "%s", fault);
	if (fault != NULL)
		return fail(ERR_MALFORMED, "property list has %s", fault);
	if ((doc = calloc(1, sizeof *doc)) == NULL)
		return fail(ERR_NOMEM, "no memory for a property list");
	plist_from_xml((const char *)in.p, (uint32_t)in.n, &doc->root);
	if (in_plist_type(in_plist_root(doc)) != IN_PLIST_DICT) {
		in_plist_free(doc);
		return fail(ERR_MALFORMED, "property list cannot be read");
	}
	*out = doc;
	return OK;
}

void
in_plist_free(struct in_plist *doc)
{
	if (doc == NULL)
		return;
	if (doc->root != NULL)
		plist_free(doc->root);
	free(doc);
}

const struct in_plist_node *
in_plist_root(const struct in_plist *doc)
{
	return doc->root;
}

enum in_plist_type
in_plist_type(const struct in_plist_node *node)
{
	if (node == NULL)
		return IN_PLIST_NONE;
	switch (plist_get_node_type(native(node))) {
	case PLIST_STRING:
		return IN_PLIST_STRING;
	case PLIST_UINT:
		return IN_PLIST_INTEGER;
	case PLIST_REAL:
		return IN_PLIST_REAL;
	case PLIST_BOOLEAN:
		return IN_PLIST_BOOL;
	case PLIST_DATE:
		return IN_PLIST_DATE;
	case PLIST_DATA:
		return IN_PLIST_DATA;
	case PLIST_ARRAY:
		return IN_PLIST_ARRAY;
	case PLIST_DICT:
		return IN_PLIST_DICT;
	default:
		return IN_PLIST_NONE;
	}
}

const struct in_plist_node *
in_plist_get(const struct in_plist_node *dict, const char *key)
{
	if (in_plist_type(dict) != IN_PLIST_DICT)
		return NULL;
	return plist_dict_get_item(native(dict), key);
}

/* The member `key`, which must be of the type. */
static int
member(const struct in_plist_node *dict, const char *key,
    enum in_plist_type type, plist_t *out)
{
	const struct in_plist_node *node = in_plist_get(dict, key);

	if (node == NULL)
		return ERR_NOT_FOUND;
	if (in_plist_type(node) != type)
		return fail(ERR_MALFORMED, "%s has another type", key);
	*out = native(node);
	return OK;
}

int
in_plist_string(
    const struct in_plist_node *dict, const char *key, const char **out)
{
	plist_t node;
	int r;

	*out = NULL;
	if ((r = member(dict, key, IN_PLIST_STRING, &node)) == OK)
		*out = in_plist_text(node);
	return r;
}

int
in_plist_data(
    const struct in_plist_node *dict, const char *key, struct blob *out)
{
	plist_t node;
	uint64_t n = 0;
	const char *p;
	int r;

	*out = blob_of(NULL, 0);
	if ((r = member(dict, key, IN_PLIST_DATA, &node)) != OK)
		return r;
	p = plist_get_data_ptr(node, &n);
	*out = blob_of(p, p == NULL ? 0 : (size_t)n);
	return OK;
}

int
in_plist_bool(const struct in_plist_node *dict, const char *key, bool *out)
{
	plist_t node;
	uint8_t v = 0;
	int r;

	*out = false;
	if ((r = member(dict, key, IN_PLIST_BOOL, &node)) != OK)
		return r;
	plist_get_bool_val(node, &v);
	*out = v != 0;
	return OK;
}

int
in_plist_int(const struct in_plist_node *dict, const char *key, int64_t *out)
{
	plist_t node;
	uint64_t v = 0;
	int r;

	*out = 0;
	if ((r = member(dict, key, IN_PLIST_INTEGER, &node)) != OK)
		return r;
	/* A negative number comes as its two's complement; the scan bounds it.
	 */
	plist_get_uint_val(node, &v);
	*out = (int64_t)v;
	return OK;
}

int
in_plist_dict(const struct in_plist_node *dict, const char *key,
    const struct in_plist_node **out)
{
	plist_t node;
	int r;

	*out = NULL;
	if ((r = member(dict, key, IN_PLIST_DICT, &node)) == OK)
		*out = node;
	return r;
}

int
in_plist_array(const struct in_plist_node *dict, const char *key,
    const struct in_plist_node **out)
{
	plist_t node;
	int r;

	*out = NULL;
	if ((r = member(dict, key, IN_PLIST_ARRAY, &node)) == OK)
		*out = node;
	return r;
}

size_t
in_plist_count(const struct in_plist_node *array)
{
	if (in_plist_type(array) != IN_PLIST_ARRAY)
		return 0;
	return plist_array_get_size(native(array));
}

const struct in_plist_node *
in_plist_item(const struct in_plist_node *array, size_t i)
{
	if (i >= in_plist_count(array))
		return NULL;
	return plist_array_get_item(native(array), (uint32_t)i);
}

const char *
in_plist_text(const struct in_plist_node *node)
{
	const char *text;

	if (in_plist_type(node) != IN_PLIST_STRING)
		return NULL;
	text = plist_get_string_ptr(native(node), NULL);
	return text != NULL ? text : "";
}
