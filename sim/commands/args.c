#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sim/commands/verbs.h"

static bool
matches(const struct args *o, const char *arg, const char **value)
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
store(const struct args *o, const char *value)
{
	char *end = NULL;

	if (o->faults != NULL)
		return fault_set(o->faults, value);
	if (o->text != NULL) {
		*o->text = value;
		return OK;
	}
	*o->number = strtol(value, &end, 10);
	if (end == value || *end != '\0')
		return fail(ERR_USAGE, "--%s wants a number", o->name);
	return OK;
}

/* Takes the option at argv[*i], and its value. */
static int
take(int argc, char **argv, int *i, const struct args *table, size_t count)
{
	const char *value = NULL;

	for (size_t t = 0; t < count; t++) {
		if (!matches(&table[t], argv[*i], &value))
			continue;
		if (table[t].flag != NULL) {
			*table[t].flag = true;
			return OK;
		}
		if (value == NULL && *i + 1 < argc)
			value = argv[++*i];
		if (value == NULL)
			return fail(ERR_USAGE, "%s wants a value", argv[*i]);
		return store(&table[t], value);
	}
	return fail(ERR_USAGE, "unknown option: %s", argv[*i]);
}

int
args_parse(int *argc, char **argv, const struct args *table, size_t count)
{
	int kept = 0, r = OK;

	for (int i = 0; i < *argc && r == OK; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			r = take(*argc, argv, &i, table, count);
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	for (size_t t = 0; t < count && r == OK; t++)
		if (table[t].required && **table[t].text == '\0')
			r = fail(ERR_USAGE, "--%s is needed", table[t].name);
	return r;
}

void
args_player(struct player *p, struct args table[ARGS_PLAYER])
{
	const struct args all[ARGS_PLAYER] = {
		{ "server", .text = &p->server },
		{ "link", .text = &p->link },
		{ "apple", .text = &p->apple_dir },
		{ "state", .text = &p->state },
		{ "serial", .text = &p->serial },
		{ "product", .text = &p->product },
		{ "os-version", .text = &p->os_version },
		{ "build", .text = &p->build },
		{ "udid", .text = &p->udid },
		{ "sign-in", .text = &p->sign_in },
		{ "provider-ca", .text = &p->config.provider_ca },
		{ "fault", .faults = &p->faults },
		{ "awaiting", .flag = &p->awaiting },
		{ "no-mdm", .flag = &p->no_mdm },
		{ "unix-socket", .text = &p->config.unix_socket },
		{ "connect", .text = &p->config.connect },
		{ "cacert", .text = &p->config.cacert },
		{ "insecure", .flag = &p->config.insecure },
		{ "verbose", .flag = &p->config.verbose },
		{ "timeout", .number = &p->config.timeout },
	};

	memcpy(table, all, sizeof all);
}
