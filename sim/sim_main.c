/* attestmdm-sim: a simulated Apple device and a stand-in for Apple. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sim/sim_apple.h"
#include "sim/sim_enroll.h"
#include "sim/sim_fleet.h"
#include "sim/sim_help.h"
#include "sim/sim_knob.h"
#include "sim/sim_make.h"
#include "sim/sim_opt.h"
#include "sim/sim_poll.h"

/* Exit codes: 0 done, 1 failed, 2 not understood, 3 the server refused. */
static int
sim_main_exit(int rc)
{
	if (rc == OK)
		return 0;
	if (rc == ERR_USAGE)
		return 2;
	return rc == ERR_UNAUTHORIZED ? 3 : 1;
}

static int
sim_main_apple(int argc, char **argv)
{
	struct sim_apple apple;
	int rc;

	if (argc != 1)
		return fail(ERR_USAGE, "attestmdm-sim apple DIR");
	sim_apple_init(&apple);
	rc = sim_apple_make(&apple);
	if (rc == OK)
		rc = sim_apple_save(argv[0], &apple);
	sim_apple_release(&apple);
	return rc;
}

/* Options of other commands are let pass: wrappers add them everywhere. */
static int
sim_main_knobs(int argc, char **argv)
{
	bool tabs = false;

	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--tabs") == 0)
			tabs = true;
	sim_knob_list(stdout, tabs);
	return OK;
}

static const struct {
	const char *name;
	int (*run)(int, char **);
} sim_main_table[] = {
	{ "apple", sim_main_apple },
	{ "authenticate", sim_enroll_check_in },
	{ "checkout", sim_enroll_check_in },
	{ "enroll", sim_enroll_run },
	{ "fleet", sim_fleet_run },
	{ "get-bootstrap-token", sim_enroll_check_in },
	{ "knobs", sim_main_knobs },
	{ "make", sim_make_run },
	{ "poll", sim_poll_run },
	{ "set-bootstrap-token", sim_enroll_check_in },
	{ "token-update", sim_enroll_check_in },
};

static bool
sim_main_wants_help(int argc, char **argv)
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
sim_main_take_clock(int argc, char **argv)
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
	argc = sim_main_take_clock(argc, argv);
	if (sim_main_wants_help(argc, argv)) {
		sim_help_print(stdout, argc > 1 ? argv[1] : NULL);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("attestmdm-sim " PACKAGE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < SIM_OPT_COUNT(sim_main_table); i++)
		if (strcmp(argv[1], sim_main_table[i].name) == 0)
			return sim_main_exit(
			    sim_main_table[i].run(argc - 2, argv + 2));
	fprintf(stderr, "attestmdm-sim: no command is called %s\n", argv[1]);
	return 2;
}
