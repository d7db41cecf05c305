#include "config.h"

#include <plist/plist.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/utf8.h"
#include "wire/out_plist.h"

/* A dict or array of the tree, kept in a list so that the document frees it. */
struct out_plist_node {
	plist_t native;
	struct out_plist *doc;
	struct out_plist_node *next;
};

struct out_plist {
	struct out_plist_node root;
	bool failed;
};

struct out_plist *
out_plist_new(void)
{
	struct out_plist *doc = calloc(1, sizeof *doc);

	if (doc == NULL)
		return NULL;
	if ((doc->root.native = plist_new_dict()) == NULL) {
		free(doc);
		return NULL;
	}
	doc->root.doc = doc;
	return doc;
}

void
out_plist_free(struct out_plist *doc)
{
	struct out_plist_node *node, *next;

	if (doc == NULL)
		return;
	for (node = doc->root.next; node != NULL; node = next) {
		next = node->next;
		free(node);
	}
	plist_free(doc->root.native);
	free(doc);
}

struct out_plist_node *
out_plist_root(struct out_plist *doc)
{
	return doc == NULL ? NULL : &doc->root;
}

/* What XML 1.0 can carry, without the control characters it could. */
static bool
text_ok(const char *text)
{
	const char *p;

	if (text == NULL || !utf8_valid(blob_str(text)))
		return false;
	for (p = text; *p != '\0'; p++) {
		bool space = *p == '\t' || *p == '\n' || *p == '\r';

		if (((unsigned char)*p < 0x20 && !space) || *p == 0x7f)
			return false;
	}
	return true;
}

/* Puts a new value in its place, or drops it and marks the document. */
static bool
put(struct out_plist_node *to, const char *key, plist_t value)
{
	bool array;

	if (to == NULL) {
		plist_free(value);
		return false;
	}
	array = plist_get_node_type(to->native) == PLIST_ARRAY;
	if (value == NULL || array != (key == NULL) ||
	    (!array &&
		(!text_ok(key) || *key == '\0' ||
		    plist_dict_get_item(to->native, key) != NULL))) {
		plist_free(value);
		to->doc->failed = true;
		return false;
	}
	if (array)
		plist_array_append_item(to->native, value);
	else
		plist_dict_set_item(to->native, key, value);
	return true;
}

void
out_plist_string(struct out_plist_node *to, const char *key, const char *text)
{
	put(to, key, text_ok(text) ? plist_new_string(text) : NULL);
}

void
out_plist_data(struct out_plist_node *to, const char *key, struct blob bytes)
{
	const char *p = bytes.n > 0 ? (const char *)bytes.p : "";

	put(to, key, plist_new_data(p, bytes.n));
}

void
out_plist_int(struct out_plist_node *to, const char *key, int64_t number)
{
	/* libplist before 2.3 cannot write a negative number. */
	put(to, key, number >= 0 ? plist_new_uint((uint64_t)number) : NULL);
}

void
out_plist_bool(struct out_plist_node *to, const char *key, bool yes)
{
	put(to, key, plist_new_bool(yes));
}

static struct out_plist_node *
put_node(struct out_plist_node *to, const char *key, plist_t value)
{
	struct out_plist_node *node = calloc(1, sizeof *node);

	if (node == NULL) {
		plist_free(value);
		value = NULL;
	}
	if (!put(to, key, value)) {
		free(node);
		return NULL;
	}
	node->native = value;
	node->doc = to->doc;
	node->next = to->doc->root.next;
	to->doc->root.next = node;
	return node;
}

struct out_plist_node *
out_plist_dict(struct out_plist_node *to, const char *key)
{
	return put_node(to, key, plist_new_dict());
}

struct out_plist_node *
out_plist_array(struct out_plist_node *to, const char *key)
{
	return put_node(to, key, plist_new_array());
}

int
out_plist_write(const struct out_plist *doc, struct buf *out)
{
	uint32_t n = 0;
	char *xml = NULL;
	int r;

	if (doc == NULL)
		return fail(ERR_NOMEM, "no memory for a property list");
	if (doc->failed)
		return fail(ERR_INTERNAL, "a value does not fit its plist");
	plist_to_xml(doc->root.native, &xml, &n);
	if (xml == NULL)
		return fail(ERR_NOMEM, "no memory to write a property list");
	r = buf_add(out, xml, n);
#ifdef HAVE_PLIST_MEM_FREE
	plist_mem_free(xml);
#else
	plist_to_xml_free(xml);
#endif
	return r;
}
