/* The texts of --help. */
#ifndef SIM_HELP_H
#define SIM_HELP_H

#include <stdio.h>

/* Help for one command, or an overview when topic is none. */
void sim_help_print(FILE *f, const char *topic);

#endif
