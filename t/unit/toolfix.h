/* attestmdm in the process of a test. */
#ifndef UNIT_TOOLFIX_H
#define UNIT_TOOLFIX_H

#include "bin/cmd.h"

#define TOOLFIX_OUTPUT    65536
#define TOOLFIX_WORDS_MAX 16

/*
 * Runs a command with this configuration file; `words` follow the noun and end
 * with NULL. Returns the exit code, and what it printed; what it complains of
 * is not shown.
 */
int toolfix_run(const char *conf, const struct cli_noun *noun,
    const char *const *words, bool json, char out[TOOLFIX_OUTPUT]);

#endif
