/* Finds out which known word a mistyped one stands for. */
#ifndef BIN_NEAREST_H
#define BIN_NEAREST_H

#include <stddef.h>

/*
 * How many letters are wrong, missing, superfluous or swapped with their
 * neighbour; a large number for words that are too long to be compared.
 */
unsigned nearest_distance(const char *a, const char *b);

/* The largest distance at which a word is offered as what was meant. */
#define NEAREST_ENOUGH 2

#endif
