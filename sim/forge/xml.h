/* Property lists in XML: written by hand, read with libplist. */
#ifndef XML_H
#define XML_H

#include <stdbool.h>
#include <stdint.h>

#include <plist/plist.h>

#include "base/buf.h"

struct xml {
	struct buf *out;
	int depth;
};

/* Begins a document with an open dictionary, and ends it. */
void xml_start(struct xml *x, struct buf *out);
void xml_finish(struct xml *x);

/* Opens and closes "dict" or "array". Keys are NULL inside arrays. */
void xml_open(struct xml *x, const char *key, const char *tag);
void xml_close(struct xml *x, const char *tag);

/* Writes nothing when value is NULL. */
void xml_string(struct xml *x, const char *key, const char *value);
void xml_data(struct xml *x, const char *key, struct blob value);
void xml_bool(struct xml *x, const char *key, bool value);
void xml_int(struct xml *x, const char *key, int64_t value);
void xml_real(struct xml *x, const char *key, double value);

/* Reads a document; free it with plist_free. ERR_MALFORMED if it is none. */
int xml_parse(struct blob text, plist_t *out);

/*
 * A member of a dictionary, or the value itself when name is NULL; what is
 * absent or of another type is NULL, empty or `otherwise`. Texts and data are
 * the document's.
 */
plist_t xml_get(plist_t dict, const char *name);
const char *xml_get_text(plist_t dict, const char *name);
struct blob xml_get_data(plist_t dict, const char *name);
int64_t xml_get_int(plist_t dict, const char *name, int64_t otherwise);
bool xml_get_bool(plist_t dict, const char *name);

/* A member of an array; NULL behind its end and when it is none. */
plist_t xml_item(plist_t array, uint32_t i);

#endif
