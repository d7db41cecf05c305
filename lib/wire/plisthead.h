/*
 * Finds a few members of a property list that cannot be read as a whole,
 * because it is too large, has too many values or is damaged.
 */
#ifndef WIRE_PLISTHEAD_H
#define WIRE_PLISTHEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"

#define PLISTHEAD_TEXT 128

struct plisthead_member {
	const char *key;
	/* The root dict has this key, whatever its value. */
	bool present;
	/* its value when that is a string of printable ASCII without markup and
	 * shorter than PLISTHEAD_TEXT, else "" */
	char text[PLISTHEAD_TEXT];
};

/*
 * Fills in `present` and `text` of the n members from an XML property list
 * whose root is a dict. Members of inner dicts, and what looks like a member
 * inside a string, data, comment or CDATA section, are skipped. Reading ends
 * without an error where the root dict ends or the document breaks off.
 * Allocates nothing, and takes time in proportion to the length. ERR_MALFORMED,
 * unlogged: the document is of another kind, or one of the keys comes twice;
 * then all texts are "".
 */
int plisthead_find(
    struct blob in, struct plisthead_member *members, size_t n);

#endif
