/* Command-line options: --name VALUE, --name=VALUE and --flag. */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>
#include <stddef.h>

/* Exactly one of text, flag and number is not NULL. */
struct args {
	const char *name; /* without its dashes; "o" stands for -o */
	const char **text;
	bool *flag;
	long *number;
	bool required; /* text must end up not NULL */
};

#define ARGS_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Reads the arguments into the table's variables; what is no option stays in
 * argv[0..*argc). ERR_USAGE for an unknown option, a missing value, a wrong
 * number or a required option that is absent.
 */
int args_parse(int *argc, char **argv, const struct args *table, size_t count);

#endif
