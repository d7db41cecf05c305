/* attestmdm-sim: a simulated Apple device and a stand-in for Apple. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/commands/verbs.h"
#include "sim/forge/apple.h"

static int
make_apple(int argc, char **argv)
{
	SCRATCH_APPLE(apple);
	int r;

	if (argc != 1)
		return fail(ERR_USAGE, "attestmdm-sim apple DIR");
	r = apple_make(&apple);
	return r == OK ? apple_save(argv[0], &apple) : r;
}

static int
list_faults(int argc, char **argv)
{
	fault_list(stdout, argc > 0 && strcmp(argv[0], "--tabs") == 0);
	return OK;
}

static const struct {
	const char *name;
	int (*run)(int, char **);
} commands[] = {
	{ "apple", make_apple },
	{ "authenticate", check_in_run },
	{ "checkout", check_in_run },
	{ "enroll", enroll_run },
	{ "faults", list_faults },
	{ "fleet", fleet_run },
	{ "get-bootstrap-token", check_in_run },
	{ "make", make_run },
	{ "poll", poll_run },
	{ "set-bootstrap-token", check_in_run },
	{ "token-update", check_in_run },
};

/* --clock-offset is understood everywhere: take it out of the arguments. */
static int
take_clock(int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--clock-offset") == 0 && i + 1 < argc)
			clock_set_offset(strtol(argv[++i], NULL, 10));
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

/* Exit codes: 0 done, 1 failed, 2 not understood, 3 the server refused. */
static int
exit_code(int r)
{
	if (r == OK)
		return 0;
	if (r == ERR_USAGE)
		return 2;
	return r == ERR_UNAUTHORIZED ? 3 : 1;
}

int
main(int argc, char **argv)
{
	log_open("attestmdm-sim", LOG_NOTICE);
	signal(SIGPIPE, SIG_IGN);
	argc = take_clock(argc, argv);
	if (argc < 2 || strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[argc - 1], "--help") == 0) {
		fputs(usage_text, stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("attestmdm-sim " PACKAGE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return exit_code(commands[i].run(argc - 2, argv + 2));
	fprintf(stderr, "attestmdm-sim: no command is called %s\n", argv[1]);
	return 2;
}
