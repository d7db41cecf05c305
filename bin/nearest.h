/* Which word of a list somebody meant who mistyped it. */
#ifndef BIN_NEAREST_H
#define BIN_NEAREST_H

#include <stddef.h>

/*
 * How many letters are wrong, missing, too many or swapped with their
 * neighbour; a large number for words too long to be compared.
 */
unsigned nearest_distance(const char *a, const char *b);

/* Is this near enough to be what was meant? */
#define NEAREST_ENOUGH 2

#endif
