/*
 * Builds property lists key by key and writes them as XML. Failures (no
 * memory, a text that XML cannot carry) are sticky: build everything, then ask
 * out_plist_write() once.
 */
#ifndef WIRE_OUT_PLIST_H
#define WIRE_OUT_PLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

struct out_plist;      /* a document, owned by the caller */
struct out_plist_node; /* a dict or array in it, borrowed */

/* An empty document whose root is a dict; NULL without memory. */
struct out_plist *out_plist_new(void);
void out_plist_free(struct out_plist *doc);

/* The root dict. NULL for a NULL document, which every function accepts. */
struct out_plist_node *out_plist_root(struct out_plist *doc);

/*
 * Add a value to a dict under `key`, or with key NULL to the end of an array.
 * Values are copied. Texts are UTF-8 without control characters other than
 * tab, line feed and carriage return; a NULL text is a failure. A key that is
 * there already is a failure, and so is a negative number.
 */
void out_plist_string(
    struct out_plist_node *to, const char *key, const char *text);
void out_plist_data(
    struct out_plist_node *to, const char *key, struct blob bytes);
void out_plist_int(struct out_plist_node *to, const char *key, int64_t number);
void out_plist_bool(struct out_plist_node *to, const char *key, bool yes);

/* Add an empty dict or array and return it to be filled. */
struct out_plist_node *out_plist_dict(
    struct out_plist_node *to, const char *key);
struct out_plist_node *out_plist_array(
    struct out_plist_node *to, const char *key);

/*
 * Appends the document as XML with its declaration and DOCTYPE.
 * ERR_NOMEM, ERR_INTERNAL when a value could not be added, or buf's code.
 */
int out_plist_write(const struct out_plist *doc, struct buf *out);

#endif
