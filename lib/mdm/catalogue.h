/*
 * The commands that Apple's devices know (Apple: device management, "Commands
 * and Queries"), to check what an administrator sends with attestmdm command
 * send.
 */
#ifndef MDM_CATALOGUE_H
#define MDM_CATALOGUE_H

#include <stddef.h>

#include "wire/in_plist.h"

#define CATALOGUE_KEYS 3

struct catalogue_entry {
	/* its RequestType */
	const char *type;
	/* what it does that is hard to undo, to follow "it"; NULL: nothing */
	const char *danger;
	/* keys of Command without which no device accepts it; the rest NULL */
	const char *required[CATALOGUE_KEYS];
};

/* All entries by name. */
const struct catalogue_entry *catalogue_all(size_t *n);

/* NULL when there is none of this name. */
const struct catalogue_entry *catalogue_find(const char *type);

/* The first required key that the dict Command lacks; NULL when it has all. */
const char *catalogue_missing(
    const struct catalogue_entry *e, const struct in_plist_node *command);

#endif
