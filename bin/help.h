/* What `attestmdm help` prints, from the table of subcommands. */
#ifndef BIN_HELP_H
#define BIN_HELP_H

#include <stdio.h>

struct cli_noun;

/* All commands, or with a noun its own with their options. */
void help_print(
    FILE *to, const struct cli_noun *const *nouns, const struct cli_noun *noun);

#endif
