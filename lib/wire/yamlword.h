/* What YAML makes of a word without quotes. */
#ifndef WIRE_YAMLWORD_H
#define WIRE_YAMLWORD_H

#include <stdbool.h>

/*
 * True when some version of YAML takes the word for a number, a boolean or null
 * (YAML 1.1: types bool, float, int, null, and the numbers with colons; YAML
 * 1.2.2 sections 10.2 and 10.3).
 */
bool yamlword_is_special(const char *word);

#endif
