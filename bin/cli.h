/*
 * What every subcommand of attestmdm shares: options, the configuration and
 * the database opened as the subcommand needs them, one way to answer people
 * and scripts, exit codes.
 */
#ifndef BIN_CLI_H
#define BIN_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/admin_actor.h"
#include "base/blob.h"
#include "base/buf.h"
#include "base/conf.h"
#include "store/db.h"
#include "wire/out_json.h"

/* Exit codes, as attestmdm(8) documents them. */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_FAILURE = 1,
	CLI_EXIT_USAGE = 2,
	CLI_EXIT_NOT_FOUND = 3,
	CLI_EXIT_REFUSED = 4,
};

#define CLI_OPTIONS_MAX   16
#define CLI_ARGUMENTS_MAX 1000

enum cli_needs {
	CLI_NOTHING,
	/* the configuration */
	CLI_CONF,
	/* and the database, to read */
	CLI_READ,
	/* and the database, to change */
	CLI_WRITE,
};

struct cli_option {
	/* without the dashes; NULL ends a list */
	const char *name;
	/* what its value is called in the help; NULL: takes none */
	const char *value;
	const char *help;
	bool required;
};

struct cli;

struct cli_verb {
	/* NULL when the noun itself is the command, as in "attestmdm check" */
	const char *name;
	/* its arguments, for the help */
	const char *arguments;
	const char *help;
	const struct cli_option *options;
	int least;
	int most;
	enum cli_needs needs;
	int (*run)(struct cli *cli);
};

struct cli_noun {
	const char *name;
	const char *help;
	/* ends with an entry whose run is NULL */
	const struct cli_verb *verbs;
};

struct cli {
	const char *conf_path;
	bool json;
	struct conf conf;
	struct db *db;
	/* "cli:USER" with the role admin */
	struct admin_actor admin;
	char actor[DB_ACTOR_TEXT];
	/* arguments after noun and verb */
	const char *arguments[CLI_ARGUMENTS_MAX];
	int count;
	/* the object that --json prints, open at its top level */
	struct out_json out;
	struct buf text;
	/* on failure too, what was written there is printed */
	bool answered;

	const struct cli_verb *verb;
	struct {
		const char *name;
		const char *value;
	} given[CLI_OPTIONS_MAX];
	int given_count;
};

/* Finds noun and verb, reads the options, runs; returns the exit code. */
int cli_main(
    const struct cli_noun *const *nouns, int argc, const char *const *argv);

/*
 * Opens what a verb needs, for one that finds out late (CLI_NOTHING in its
 * entry): configuration, database.
 */
int cli_open(struct cli *cli, enum cli_needs needs);

/* The value of an option, or NULL when it was not given. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);

/* The value as a number, `initial` when absent; ERR_USAGE out of bounds. */
int cli_number(const struct cli *cli, const char *name, int least, int most,
    int initial, int *out);

/*
 * One sentence on what was done: to people only. Scripts read the members that
 * the command writes into cli->out.
 */
void cli_say(const struct cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The exit code that belongs to a code of err.def. */
int cli_exit_code(int code);

/* True when standard output is a terminal that takes colours. */
bool cli_in_colour(const struct cli *cli);

/*
 * Writes text to standard output as utf8_show() shows it, but line ends as they
 * are, because names and reasons may come from untrusted devices. cli_say()
 * does the same.
 */
void cli_print(const char *text);

#endif
