/*
 * attestmdm, each command with each of its calls failing in turn: it says so,
 * and what it changes it changes wholly or not at all.
 */
#include "failures.h"
#include "serverfix.h"
#include "toolfix.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bin/cmd.h"
#include "store/ade_accounts.h"
#include "store/admins.h"
#include "store/api_tokens.h"
#include "store/settings.h"
#include "unit/unit.h"

#define WORDS  8

struct call {
	const struct cli_noun *noun;
	const char *words[WORDS];
	/* lets the same call do the same again, where it changes something */
	const char *undo;
	/* in several transactions, or it looks at something afterwards */
	bool in_parts;
};

struct asked {
	const struct storefix *fix;
	const struct call *call;
	bool json;
	/* what it printed when nothing failed; NULL when that differs */
	char *sound;
	/* storefix_version() before it */
	unsigned version;
};

static void
write_conf(const struct storefix *fix)
{
	char text[1024];

	snprintf(text, sizeof text,
	    "[server]\nurl = https://mdm.example.com\n"
	    "[paths]\nstate = %s\ndatabase = %s\n"
	    "[mdm]\ntopic = " MDMFIX_TOPIC "\n"
	    "[sign_in]\nissuer = https://id.example.com\nclient_id = x\n",
	    fix->folder, fix->path);
	serverfix_write(fix, "attestmdm.conf", text, strlen(text));
}

static int
call(const struct asked *a, char *out)
{
	const char *words[WORDS + 1];
	char conf[128];
	size_t n;

	snprintf(conf, sizeof conf, "%s/attestmdm.conf", a->fix->folder);
	for (n = 0; n < WORDS && a->call->words[n] != NULL; n++)
		words[n] = a->call->words[n];
	words[n] = NULL;
	return toolfix_run(conf, a->call->noun, words, a->json, out);
}

/* Without memory to say what is done, it is done nevertheless. */
static int
tool(void *arg)
{
	static char out[TOOLFIX_OUTPUT];
	struct asked *a = arg;
	unsigned before = a->version;
	int status = call(a, out);
	const char *failed = failures_disarm();

	if (status != CLI_EXIT_OK && status != CLI_EXIT_FAILURE)
		unit_fail("%s %s: %d (%s) when %s failed", a->call->noun->name,
		    a->call->words[0], status, log_reason(), failed);
	if (status != CLI_EXIT_OK && !a->call->in_parts &&
	    storefix_version(a->fix->db) != before &&
	    strstr(failed, "sqlite3") != NULL)
		unit_fail("%s %s: something changed, and %s failed",
		    a->call->noun->name, a->call->words[0], failed);
	if (status == CLI_EXIT_OK && a->sound != NULL)
		assert_string_equal(out, a->sound);
	if (failed != NULL && a->call->undo != NULL)
		storefix_sql(a->fix->db, a->call->undo);
	a->version = storefix_version(a->fix->db);
	return status == CLI_EXIT_OK ? OK : ERR_INTERNAL;
}

/*
 * What serverfix.h has, an account at Apple Business, a token, and another
 * administrator, without whom the one may not be disabled.
 */
static void
make(void **state, struct serverfix *out)
{
	struct db *db = storefix_db(state);
	char text[API_TOKENS_TEXT];

	write_conf(*state);
	serverfix_make(state, out);
	WRITE(db, admins_create(db, "ada", ADMIN_ROLE_ADMIN, "x"));
	WRITE(db, ade_accounts_create(db, "business"));
	WRITE(db,
	    api_tokens_create(db, "monitoring", ADMIN_ROLE_OBSERVER, 3600,
		SERVERFIX_ADMIN, text));
}

static void
what_it_shows_is_whole(void **state)
{
	static char sound[TOOLFIX_OUTPUT];
	struct serverfix made;
	const struct call calls[] = {
		{ &cmd_host, { "list" }, NULL, false },
		{ &cmd_host, { "show", SERIAL_A }, NULL, false },
		{ &cmd_enrollment, { "list" }, NULL, false },
		{ &cmd_enrollment, { "list", "--serial", SERIAL_A }, NULL,
		    false },
		{ &cmd_enrollment, { "list", "--refused" }, NULL, false },
		{ &cmd_enrollment, { "show", SERIAL_A }, NULL, false },
		{ &cmd_enrollment, { "show", SERVERFIX_STRANGER }, NULL,
		    false },
		{ &cmd_enrollment, { "links" }, NULL, false },
		{ &cmd_cert, { "list" }, NULL, false },
		{ &cmd_command, { "list", SERIAL_A }, NULL, false },
		{ &cmd_command, { "show", made.command }, NULL, false },
		{ &cmd_ade, { "list" }, NULL, false },
		{ &cmd_ade, { "token", "show" }, NULL, false },
		{ &cmd_ade, { "profile", "show" }, NULL, false },
		{ &cmd_ade, { "assign" }, NULL, false },
		{ &cmd_activity, { "list" }, NULL, false },
		{ &cmd_session, { "list" }, NULL, false },
		{ &cmd_token, { "list" }, NULL, false },
		{ &cmd_alarms, { NULL }, NULL, false },
		{ &cmd_status, { NULL }, NULL, false },
		{ &cmd_admin, { "list" }, NULL, false },
		{ &cmd_setting, { "get" }, NULL, false },
		{ &cmd_setting, { "get", "minimum_os_version_macos" }, NULL,
		    false },
	};
	struct asked a = { .fix = *state, .sound = sound };

	make(state, &made);
	a.version = storefix_version(a.fix->db);
	for (size_t i = 0; i < 2 * sizeof calls / sizeof calls[0]; i++) {
		a.call = &calls[i / 2];
		a.json = i % 2 != 0;
		assert_int_equal(call(&a, sound), CLI_EXIT_OK);
		assert_true(failures_each_checked(NULL, tool, &a) > 30);
	}
}

static void
what_it_does_it_does_wholly_or_not_at_all(void **state)
{
	struct serverfix made;
	char csv[128];
	const struct call calls[] = {
		{ &cmd_ade, { "import", csv }, NULL, false },
		{ &cmd_ade, { "remove", SERIAL_B },
		    "UPDATE ade_devices SET removed_at = NULL", false },
		{ &cmd_enrollment, { "new", "--note", "x" }, NULL, false },
		{ &cmd_enrollment, { "revoke-link", made.link },
		    "UPDATE enrollment_links SET revoked_at = NULL", false },
		{ &cmd_command, { "send", SERIAL_A, "SecurityInfo" }, NULL,
		    false },
		{ &cmd_command, { "cancel", SERIAL_A, made.command },
		    "UPDATE commands SET state = 'queued'", false },
		{ &cmd_setting, { "set", "minimum_os_version_macos", "14.5" },
		    NULL, false },
		{ &cmd_setting, { "set", SETTINGS_SIGN_IN, "true" },
		    "DELETE FROM settings WHERE name = '" SETTINGS_SIGN_IN "'",
		    /* then it looks who has the profile for that */
		    true },
		{ &cmd_ade, { "profile", "set", "department=IT" },
		    "UPDATE ade_accounts SET profile_options = '{}'", true },
		{ &cmd_token, { "add", "ci", "--role", "observer" },
		    "DELETE FROM api_tokens WHERE name = 'ci'", false },
		/* then it looks for tokens that are left */
		{ &cmd_admin, { "disable", SERVERFIX_ADMIN }, NULL, true },
		{ &cmd_admin, { "enable", SERVERFIX_ADMIN }, NULL, false },
		{ &cmd_admin, { "add", "eve" },
		    "DELETE FROM admins WHERE name = 'eve'", false },
		{ &cmd_renew, { "--due" }, NULL, true },
		{ &cmd_renew, { "--host", SERIAL_A }, NULL, true },
		{ &cmd_purge, { NULL }, NULL, true },
		{ &cmd_cert, { "revoke", made.certificate },
		    "UPDATE certificates SET state = 'issued', revoked_at = "
		    "NULL",
		    false },
		{ &cmd_host, { "block", SERIAL_A },
		    "UPDATE hosts SET state = 'enrolled'", false },
		{ &cmd_host, { "unblock", SERIAL_A },
		    "UPDATE hosts SET state = 'blocked'", false },
	};
	struct asked a = { .fix = *state };

	make(state, &made);
	snprintf(csv, sizeof csv, "%s/one.csv", a.fix->folder);
	serverfix_write(*state, "one.csv", "serial_number\nC02DDDDDDDDD\n", 27);
	a.version = storefix_version(a.fix->db);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		a.call = &calls[i];
		assert_true(failures_each_checked(NULL, tool, &a) > 30);
	}
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(what_it_shows_is_whole),
	STOREFIX_TEST(what_it_does_it_does_wholly_or_not_at_all),
};

STOREFIX_MAIN(tests)
