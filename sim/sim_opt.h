/* Command-line options: --name VALUE, --name=VALUE and --flag. */
#ifndef SIM_OPT_H
#define SIM_OPT_H

#include <stdbool.h>
#include <stddef.h>

/* Exactly one of text, flag and number is not NULL. */
struct sim_opt {
	const char *name; /* without its dashes; "o" stands for -o */
	const char **text;
	bool *flag;
	long *number;
	bool required; /* text must end up not NULL */
};

#define SIM_OPT_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Reads the arguments into the table's variables; what is no option stays in
 * argv[0..*argc). ERR_USAGE for an unknown option, a missing value, a wrong
 * number or a required option that is absent.
 */
int sim_opt_parse(
    int *argc, char **argv, const struct sim_opt *table, size_t count);

#endif
