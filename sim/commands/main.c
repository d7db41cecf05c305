/* attestmdm-sim: a simulated Apple device and a stand-in for Apple. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/forge/apple.h"
#include "sim/client/enroll.h"
#include "sim/client/fleet.h"
#include "sim/commands/usage.h"
#include "sim/forge/fault.h"
#include "sim/commands/make.h"
#include "sim/client/args.h"
#include "sim/client/poll.h"

/* Exit codes: 0 done, 1 failed, 2 not understood, 3 the server refused. */
static int
main_exit(int rc)
{
	if (rc == OK)
		return 0;
	if (rc == ERR_USAGE)
		return 2;
	return rc == ERR_UNAUTHORIZED ? 3 : 1;
}

static int
main_apple(int argc, char **argv)
{
	struct apple apple;
	int rc;

	if (argc != 1)
		return fail(ERR_USAGE, "attestmdm-sim apple DIR");
	apple_init(&apple);
	rc = apple_make(&apple);
	if (rc == OK)
		rc = apple_save(argv[0], &apple);
	apple_release(&apple);
	return rc;
}

/* Options of other commands are let pass: wrappers add them everywhere. */
static int
main_faults(int argc, char **argv)
{
	bool tabs = false;

	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--tabs") == 0)
			tabs = true;
	fault_list(stdout, tabs);
	return OK;
}

static const struct {
	const char *name;
	int (*run)(int, char **);
} main_table[] = {
	{ "apple", main_apple },
	{ "authenticate", enroll_check_in },
	{ "checkout", enroll_check_in },
	{ "enroll", enroll_run },
	{ "fleet", fleet_run },
	{ "get-bootstrap-token", enroll_check_in },
	{ "faults", main_faults },
	{ "make", make_run },
	{ "poll", poll_run },
	{ "set-bootstrap-token", enroll_check_in },
	{ "token-update", enroll_check_in },
};

static bool
main_wants_help(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "help") == 0)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

/* --clock-offset is understood everywhere: take it out of the arguments. */
static int
main_take_clock(int argc, char **argv)
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

int
main(int argc, char **argv)
{
	log_open("attestmdm-sim", LOG_NOTICE);
	signal(SIGPIPE, SIG_IGN);
	argc = main_take_clock(argc, argv);
	if (main_wants_help(argc, argv)) {
		usage_print(stdout, argc > 1 ? argv[1] : NULL);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("attestmdm-sim " PACKAGE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARGS_COUNT(main_table); i++)
		if (strcmp(argv[1], main_table[i].name) == 0)
			return main_exit(main_table[i].run(argc - 2, argv + 2));
	fprintf(stderr, "attestmdm-sim: no command is called %s\n", argv[1]);
	return 2;
}
