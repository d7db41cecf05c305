/* The texts of --help. */
#ifndef USAGE_H
#define USAGE_H

#include <stdio.h>

/* Help for one command, or an overview when topic is none. */
void usage_print(FILE *f, const char *topic);

#endif
