#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/client/args.h"

static bool
args_matches(const struct args *o, const char *arg, const char **value)
{
	size_t n = strlen(o->name);

	*value = NULL;
	if (n == 1)
		return arg[1] == o->name[0] && arg[2] == '\0';
	if (arg[1] != '-' || strncmp(arg + 2, o->name, n) != 0)
		return false;
	if (arg[2 + n] == '=')
		*value = arg + 2 + n + 1;
	return arg[2 + n] == '\0' || arg[2 + n] == '=';
}

static int
args_store(const struct args *o, const char *value)
{
	char *end = NULL;

	if (o->text != NULL) {
		*o->text = value;
		return OK;
	}
	*o->number = strtol(value, &end, 10);
	if (end == value || *end != '\0')
		return fail(ERR_USAGE, "--%s wants a number", o->name);
	return OK;
}

static int
args_take(int argc, char **argv, int *i, const struct args *table, size_t count)
{
	const char *value = NULL;

	for (size_t t = 0; t < count; t++) {
		if (!args_matches(&table[t], argv[*i], &value))
			continue;
		if (table[t].flag != NULL) {
			*table[t].flag = true;
			return OK;
		}
		if (value == NULL && *i + 1 < argc)
			value = argv[++*i];
		if (value == NULL)
			return fail(ERR_USAGE, "%s wants a value", argv[*i]);
		return args_store(&table[t], value);
	}
	return fail(ERR_USAGE, "unknown option: %s", argv[*i]);
}

int
args_parse(int *argc, char **argv, const struct args *table, size_t count)
{
	int kept = 0, rc = OK;

	for (int i = 0; i < *argc && rc == OK; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			rc = args_take(*argc, argv, &i, table, count);
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	for (size_t t = 0; t < count && rc == OK; t++)
		if (table[t].required && *table[t].text == NULL)
			rc = fail(ERR_USAGE, "--%s is needed", table[t].name);
	return rc;
}
