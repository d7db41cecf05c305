#include "config.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "base/wake.h"
#include "bin/cli.h"
#include "bin/help.h"

#define CLI_TEXT_MAX (64 * 1024 * 1024)

int
cli_exit_code(int code)
{
	switch (code) {
	case OK:
		return CLI_EXIT_OK;
	case ERR_USAGE:
		return CLI_EXIT_USAGE;
	case ERR_NOT_FOUND:
		return CLI_EXIT_NOT_FOUND;
	case ERR_EXISTS:
	case ERR_CONFLICT:
	case ERR_FIELD:
	case ERR_MALFORMED:
	case ERR_TOO_LARGE:
	case ERR_LICENSE:
	case ERR_GITOPS:
	case ERR_ROLE:
	case ERR_LAST_ADMIN:
	case ERR_UNCONFIRMED:
	case ERR_UNAUTHORIZED:
	case ERR_ALREADY_REVOKED:
	case ERR_REVOCATION_REASON:
	case ERR_MDM_BLOCKED:
	case ERR_ENROLL_UNASSIGNED:
	case ERR_ENROLL_METHOD:
	case ERR_ENROLL_OTHER_DEVICE:
	case ERR_ENROLL_OS_TOO_OLD:
	case ERR_ENROLL_DOWNGRADE:
	case ERR_ENROLL_LINK:
	case ERR_ENROLL_BUSINESS:
	case ERR_ENROLL_SIGN_IN:
	case ERR_SIGN_IN_UNSET:
	case ERR_ADE_TOKEN:
	case ERR_ADE_OTHER_SERVICE:
		return CLI_EXIT_REFUSED;
	default:
		return CLI_EXIT_FAILURE;
	}
}

const char *
cli_option(const struct cli *cli, const char *name)
{
	int i;

	for (i = 0; i < cli->given_count; i++) {
		if (strcmp(cli->given[i].name, name) == 0)
			return cli->given[i].value;
	}
	return NULL;
}

bool
cli_flag(const struct cli *cli, const char *name)
{
	return cli_option(cli, name) != NULL;
}

int
cli_number(const struct cli *cli, const char *name, int least, int most,
    int initial, int *out)
{
	const char *text = cli_option(cli, name);
	char *end;
	long v;

	*out = initial;
	if (text == NULL)
		return OK;
	v = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0' || v < least || v > most)
		return fail(ERR_USAGE, "--%s takes a number from %d to %d",
		    name, least, most);
	*out = (int)v;
	return OK;
}

void
cli_print(const char *text)
{
	struct blob in = blob_str(text);
	char shown[UTF8_SHOWN];

	for (size_t at = 0; at < in.n;) {
		if (in.p[at] == '\n') {
			putchar(in.p[at++]);
			continue;
		}
		at += utf8_show(in, at, shown);
		fputs(shown, stdout);
	}
}

void
cli_say(const struct cli *cli, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (cli->json)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	cli_print(text != NULL ? text : "no memory");
	free(text);
	putchar('\n');
}

bool
cli_in_colour(const struct cli *cli)
{
	return !cli->json && isatty(STDOUT_FILENO) != 0;
}

static const struct cli_option *
find_option(const struct cli_verb *verb, const char *name, size_t n)
{
	const struct cli_option *o = verb == NULL ? NULL : verb->options;

	for (; o != NULL && o->name != NULL; o++) {
		if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
			return o;
	}
	return NULL;
}

static int
take(struct cli *cli, const char *name, const char *value)
{
	if (cli_option(cli, name) != NULL)
		return fail(ERR_USAGE, "--%s is given twice", name);
	if (cli->given_count == CLI_OPTIONS_MAX)
		return fail(ERR_USAGE, "too many options");
	cli->given[cli->given_count].name = name;
	cli->given[cli->given_count++].value = value;
	return OK;
}

static int
refuse_option(const struct cli *cli, const char *given)
{
	const struct cli_option *o;
	struct nearest near = { NULL, 0 };

	o = cli->verb == NULL ? NULL : cli->verb->options;
	for (; o != NULL && o->name != NULL; o++)
		nearest_offer(&near, given + 2, o->name);
	if (near.word != NULL)
		return fail(ERR_USAGE,
		    "there is no option %s here; did you mean --%s?", given,
		    near.word);
	return fail(ERR_USAGE, "there is no option %s here", given);
}

/* --name VALUE, --name=VALUE or --flag at argv[*i]; *i stays on its last. */
static int
read_option(struct cli *cli, int argc, const char *const *argv, int *i)
{
	static const struct cli_option config = { "config", "FILE", NULL, 0 };
	static const struct cli_option json = { "json", NULL, NULL, 0 };
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t n = equals == NULL ? strlen(name) : (size_t)(equals - name);
	const struct cli_option *o = find_option(cli->verb, name, n);

	if (o == NULL && n == 6 && strncmp(name, "config", n) == 0)
		o = &config;
	if (o == NULL && n == 4 && strncmp(name, "json", n) == 0)
		o = &json;
	if (o == NULL)
		return refuse_option(cli, argv[*i]);
	if (o->value == NULL)
		return equals == NULL
		    ? take(cli, o->name, "")
		    : fail(ERR_USAGE, "--%s takes no value", o->name);
	if (equals != NULL)
		return take(cli, o->name, equals + 1);
	if (*i + 1 >= argc)
		return fail(ERR_USAGE, "--%s needs its %s", o->name, o->value);
	return take(cli, o->name, argv[++*i]);
}

static int
check_arguments(const struct cli *cli)
{
	const struct cli_option *o;

	if (cli->count < cli->verb->least)
		return fail(ERR_USAGE, "an argument is missing: %s",
		    cli->verb->arguments);
	if (cli->count > cli->verb->most)
		return fail(ERR_USAGE, "there is an argument too many: %s",
		    cli->arguments[cli->verb->most]);
	for (o = cli->verb->options; o != NULL && o->name != NULL; o++) {
		if (o->required && !cli_flag(cli, o->name))
			return fail(ERR_USAGE, "--%s %s is missing", o->name,
			    o->value == NULL ? "" : o->value);
	}
	return OK;
}

static int
read_arguments(struct cli *cli, int argc, const char *const *argv)
{
	bool options = true;
	int i, r;

	for (i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			continue;
		}
		if (options && strncmp(argv[i], "--", 2) == 0) {
			if ((r = read_option(cli, argc, argv, &i)) != OK)
				return r;
			continue;
		}
		if (cli->count == CLI_ARGUMENTS_MAX)
			return fail(ERR_USAGE, "too many arguments");
		cli->arguments[cli->count++] = argv[i];
	}
	cli->json = cli_flag(cli, "json");
	if (cli_flag(cli, "config"))
		cli->conf_path = cli_option(cli, "config");
	return check_arguments(cli);
}

static void
name_actor(struct cli *cli)
{
	const struct passwd *pw = getpwuid(getuid());

	if (pw != NULL)
		snprintf(
		    cli->actor, sizeof cli->actor, "cli:%.64s", pw->pw_name);
	else
		snprintf(cli->actor, sizeof cli->actor, "cli:%u",
		    (unsigned)getuid());
	cli->admin = (struct admin_actor){
		.conf = &cli->conf,
		.name = cli->actor,
		.role = ADMIN_ROLE_ADMIN,
	};
}

int
cli_open(struct cli *cli, enum cli_needs needs)
{
	int r;

	if (needs == CLI_NOTHING)
		return OK;
	if ((r = conf_load(cli->conf_path, &cli->conf)) != OK)
		return r;
	clock_use_offset_file(cli->conf.clock_offset_file);
	wake_use(cli->conf.worker_socket);
	clock_refresh();
	if (needs == CLI_CONF)
		return OK;
	r = db_open(cli->conf.database,
	    needs == CLI_WRITE ? DB_DURABLE : DB_READ_ONLY,
	    &cli->db);
	cli->admin.db = cli->db;
	return r;
}

static int
print_json(struct cli *cli, int code)
{
	int r;

	if (code != OK && !cli->answered) {
		buf_reset(&cli->text);
		out_json_init(&cli->out, &cli->text);
		out_json_open_object(&cli->out, NULL);
		out_json_open_object(&cli->out, "error");
		out_json_string(&cli->out, "code", err_name(code));
		out_json_string(&cli->out, "reason",
		    *log_reason() ? log_reason() : err_text(code));
		out_json_close_object(&cli->out);
	}
	out_json_close_object(&cli->out);
	if ((r = out_json_end(&cli->out)) == OK)
		printf("%s\n", buf_str(&cli->text));
	return r;
}

static void
complain(const struct cli *cli, const char *noun, int code)
{
	fprintf(stderr, "attestmdm: %s\n",
	    *log_reason() ? log_reason() : err_text(code));
	if (code == ERR_USAGE)
		fprintf(stderr, "Try: attestmdm %s --help\n", noun);
	else if (code == ERR_SCHEMA)
		fprintf(stderr, "Try: attestmdm migrate\n");
}

static int
run_command(struct cli *cli, const struct cli_noun *noun, int argc,
    const char *const *argv)
{
	int r, written = OK;

	buf_init(&cli->text, CLI_TEXT_MAX);
	out_json_init(&cli->out, &cli->text);
	out_json_open_object(&cli->out, NULL);
	name_actor(cli);
	if ((r = read_arguments(cli, argc, argv)) == OK &&
	    (r = cli_open(cli, cli->verb->needs)) == OK)
		r = cli->verb->run(cli);
	if (cli->json && (written = print_json(cli, r)) != OK)
		r = written;
	if (r != OK && (!cli->json || r == ERR_USAGE || written != OK))
		complain(cli, noun->name, r);
	db_close(cli->db);
	conf_release(&cli->conf);
	buf_wipe(&cli->text);
	return cli_exit_code(r);
}

static const struct cli_noun *
find_noun(const struct cli_noun *const *nouns, const char *name)
{
	for (; *nouns != NULL; nouns++) {
		if (strcmp((*nouns)->name, name) == 0)
			return *nouns;
	}
	return NULL;
}

/* The verb at argv[0]; *skip tells whether a word was used for it. */
static const struct cli_verb *
find_verb(
    const struct cli_noun *noun, int argc, const char *const *argv, int *skip)
{
	const struct cli_verb *v;

	*skip = 0;
	for (v = noun->verbs; v->run != NULL; v++) {
		if (v->name == NULL)
			return v;
		if (argc > 0 && strcmp(v->name, argv[0]) == 0) {
			*skip = 1;
			return v;
		}
	}
	return NULL;
}

/* Complains about an unknown word, and names the one that was meant. */
static int
refuse_noun(const struct cli_noun *const *nouns, const char *name)
{
	struct nearest near = { NULL, 0 };

	for (; *nouns != NULL; nouns++)
		nearest_offer(&near, name, (*nouns)->name);
	fprintf(stderr, "attestmdm: there is no command %s\n", name);
	if (near.word != NULL)
		fprintf(stderr, "Did you mean: attestmdm %s\n", near.word);
	else
		fprintf(stderr, "Try: attestmdm help\n");
	return CLI_EXIT_USAGE;
}

static int
refuse_verb(const struct cli_noun *noun, const char *name)
{
	struct nearest near = { NULL, 0 };
	const struct cli_verb *v;

	for (v = noun->verbs; v->run != NULL; v++)
		nearest_offer(&near, name, v->name);
	fprintf(
	    stderr, "attestmdm: there is no command %s %s\n", noun->name, name);
	if (near.word != NULL)
		fprintf(stderr, "Did you mean: attestmdm %s %s\n", noun->name,
		    near.word);
	else
		fprintf(stderr, "Try: attestmdm %s --help\n", noun->name);
	return CLI_EXIT_USAGE;
}

static bool
wants_help(int argc, const char *const *argv)
{
	int i;

	for (i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

static int
help(const struct cli_noun *const *nouns, int argc, const char *const *argv)
{
	const struct cli_noun *noun = NULL;

	if (argc > 0 && argv[0][0] != '-' &&
	    (noun = find_noun(nouns, argv[0])) == NULL)
		return refuse_noun(nouns, argv[0]);
	help_print(stdout, nouns, noun);
	return CLI_EXIT_OK;
}

/* Options that stand before the command; *i moves past them. */
static int
read_leading(struct cli *cli, int argc, const char *const *argv, int *i)
{
	int r = OK;

	for (; *i < argc && strncmp(argv[*i], "--", 2) == 0 && r == OK; ++*i) {
		if (strcmp(argv[*i], "--help") == 0 ||
		    strcmp(argv[*i], "--version") == 0)
			break;
		r = read_option(cli, argc, argv, i);
	}
	return r;
}

/* The command at argv[0]. */
static int
dispatch(struct cli *cli, const struct cli_noun *const *nouns, int argc,
    const char *const *argv)
{
	const struct cli_noun *noun;
	int skip;

	if (argc < 1) {
		help_print(stderr, nouns, NULL);
		return CLI_EXIT_USAGE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		puts("attestmdm " PACKAGE_VERSION);
		return CLI_EXIT_OK;
	}
	if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 ||
	    strcmp(argv[0], "-h") == 0)
		return help(nouns, argc - 1, argv + 1);
	if ((noun = find_noun(nouns, argv[0])) == NULL)
		return refuse_noun(nouns, argv[0]);
	if (wants_help(argc - 1, argv + 1)) {
		help_print(stdout, nouns, noun);
		return CLI_EXIT_OK;
	}
	cli->verb = find_verb(noun, argc - 1, argv + 1, &skip);
	if (cli->verb != NULL)
		return run_command(cli, noun, argc - 1 - skip, argv + 1 + skip);
	if (argc > 1)
		return refuse_verb(noun, argv[1]);
	help_print(stderr, nouns, noun);
	return CLI_EXIT_USAGE;
}

int
cli_main(const struct cli_noun *const *nouns, int argc, const char *const *argv)
{
	struct cli cli = { .conf_path = CONF_DEFAULT_PATH };
	int i = 1, status;

	umask(0027);
	secret_hide_process();
	/* Failures are told once, at the end, without the log's dress. */
	log_open("attestmdm", (enum log_priority)0);
	if (read_leading(&cli, argc, argv, &i) != OK) {
		fprintf(stderr, "attestmdm: %s\nTry: attestmdm help\n",
		    log_reason());
		return CLI_EXIT_USAGE;
	}
	status = dispatch(&cli, nouns, argc - i, argv + i);
	/* A list that was cut short must not pass for the whole. */
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	fprintf(stderr, "attestmdm: standard output cannot be written\n");
	return status == CLI_EXIT_OK ? CLI_EXIT_FAILURE : status;
}
