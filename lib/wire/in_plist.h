/*
 * Property lists from devices: XML only (Apple's DTD PropertyList-1.0), checked
 * by a strict scan of our own before libplist builds the tree.
 */
#ifndef WIRE_IN_PLIST_H
#define WIRE_IN_PLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"

#define IN_PLIST_DEPTH_MAX 64
#define IN_PLIST_NODES_MAX 100000

struct in_plist;      /* a document, owned by the caller */
struct in_plist_node; /* borrowed; lives as long as its document */

enum in_plist_type {
	IN_PLIST_NONE, /* of a NULL node */
	IN_PLIST_STRING,
	IN_PLIST_INTEGER,
	IN_PLIST_REAL,
	IN_PLIST_BOOL,
	IN_PLIST_DATE,
	IN_PLIST_DATA,
	IN_PLIST_ARRAY,
	IN_PLIST_DICT,
};

/*
 * Reads an XML property list of at most `max` bytes whose root is a dict.
 * Refused: binary property lists, other encodings than UTF-8, an internal DTD
 * subset, comments, CDATA, unknown entities and elements, more than
 * IN_PLIST_DEPTH_MAX levels or IN_PLIST_NODES_MAX values, a key twice in one
 * dict, control characters, base64 or numbers or dates that are not strict,
 * integers outside of int64_t, bytes after </plist> that are not white space.
 * *out is released with in_plist_free. ERR_MALFORMED, ERR_TOO_LARGE.
 */
int in_plist_parse(struct blob in, size_t max, struct in_plist **out);
void in_plist_free(struct in_plist *doc);

/* The root, always a dict. */
const struct in_plist_node *in_plist_root(const struct in_plist *doc);

/* The value under `key`, or NULL. `dict` may be NULL or of another type. */
const struct in_plist_node *in_plist_get(
    const struct in_plist_node *dict, const char *key);

enum in_plist_type in_plist_type(const struct in_plist_node *node);

/*
 * Typed members of a dict: OK; ERR_NOT_FOUND, unlogged, when there is no such
 * key; ERR_MALFORMED when it has another type. Texts are UTF-8 with a NUL and
 * without one inside; all results are borrowed from the document.
 */
int in_plist_string(
    const struct in_plist_node *dict, const char *key, const char **out);
int in_plist_data(
    const struct in_plist_node *dict, const char *key, struct blob *out);
int in_plist_bool(const struct in_plist_node *dict, const char *key, bool *out);
int in_plist_int(
    const struct in_plist_node *dict, const char *key, int64_t *out);
int in_plist_dict(const struct in_plist_node *dict, const char *key,
    const struct in_plist_node **out);
int in_plist_array(const struct in_plist_node *dict, const char *key,
    const struct in_plist_node **out);

/* How many items an array has, and the item at `i` or NULL. */
size_t in_plist_count(const struct in_plist_node *array);
const struct in_plist_node *in_plist_item(
    const struct in_plist_node *array, size_t i);

/* The text of a string node, or NULL for another type. */
const char *in_plist_text(const struct in_plist_node *node);

#endif
