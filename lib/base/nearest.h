/* Finds out which known word a mistyped one stands for. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

/*
 * How many letters are wrong, missing, superfluous or swapped with their
 * neighbour; a large number for words that are too long to be compared.
 */
unsigned nearest_distance(const char *a, const char *b);

/* The largest distance at which a word is offered as what was meant. */
#define NEAREST_ENOUGH 2

/* The best word so far; begin with { NULL, 0 }. */
struct nearest {
	/* NULL while none is similar enough */
	const char *word;
	unsigned distance;
};

/* Compares `word`, which `given` may stand for, with the best so far. */
void nearest_offer(struct nearest *best, const char *given, const char *word);

#endif
