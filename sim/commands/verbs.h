/*
 * The commands of attestmdm-sim and their options: --name VALUE, --name=VALUE
 * and --flag.
 */
#ifndef VERBS_H
#define VERBS_H

#include "sim/client/player.h"

/* Exactly one of text, flag, number and faults is not NULL. */
struct args {
	const char *name; /* without its dashes; "o" stands for -o */
	const char **text;
	bool required; /* the text is "" and must not stay so */
	bool *flag;
	long *number;
	struct faults *faults; /* a comma-separated list of their names */
};

#define ARGS_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Reads the arguments into the table's variables; what is no option stays in
 * argv[0..*argc). ERR_USAGE for an unknown option, a missing value, a wrong
 * number, an unknown fault or a required option that is absent.
 */
int args_parse(int *argc, char **argv, const struct args *table, size_t count);

/* The options of a player: how many, and the options. */
#define ARGS_PLAYER 20
void args_player(struct player *p, struct args table[ARGS_PLAYER]);

/*
 * Each command takes the arguments that come after its name, which is argv[-1],
 * and returns OK or an error code.
 */
int enroll_run(int argc, char **argv);
int poll_run(int argc, char **argv);
int wait_run(int argc, char **argv);
int check_in_run(int argc, char **argv);
int fleet_run(int argc, char **argv);
int make_run(int argc, char **argv);
int apns_run(int argc, char **argv);
int push_certificate_run(int argc, char **argv);
int business_service_run(int argc, char **argv);
int server_token_run(int argc, char **argv);
int provider_run(int argc, char **argv);

#endif
