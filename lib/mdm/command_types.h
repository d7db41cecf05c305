/*
 * The commands that Apple's devices know (Apple: device management, "Commands
 * and Queries"), to check what an administrator sends with attestmdm command
 * send.
 */
#ifndef MDM_COMMAND_TYPES_H
#define MDM_COMMAND_TYPES_H

#include <stddef.h>

#include "wire/in_plist.h"

#define COMMAND_TYPES_KEYS 3

struct command_type {
	/* its RequestType */
	const char *type;
	/* what it does that is hard to undo, to follow "it"; NULL: nothing */
	const char *danger;
	/* keys of Command without which no device accepts it; the rest NULL */
	const char *required[COMMAND_TYPES_KEYS];
};

/* All entries by name. */
const struct command_type *command_types_all(size_t *n);

/* NULL when there is none of this name. */
const struct command_type *command_types_find(const char *type);

/* The first required key that the dict Command lacks; NULL when it has all. */
const char *command_types_missing(
    const struct command_type *e, const struct in_plist_node *command);

#endif
