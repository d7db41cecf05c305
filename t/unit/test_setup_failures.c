/*
 * attestmdm init, backup, restore and what else works on files, with each call
 * failing in turn: nothing is left half done, and who tries again succeeds.
 */
#include "failures.h"
#include "storefix.h"
#include "toolfix.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "unit/unit.h"

struct setup {
	/* holds all that follows */
	const char *folder;
	char conf[128], state[128], archive[128];
	/* the call that failed; NULL: none did */
	const char *failed;
};

static void
shell(const struct setup *s, const char *command)
{
	char text[512];

	snprintf(text, sizeof text, "cd '%s' && %s", s->folder, command);
	assert_int_equal(system(text), 0);
}

static int
run(struct setup *s, const struct cli_noun *noun, const char *const *words)
{
	static char out[TOOLFIX_OUTPUT];
	int status = toolfix_run(s->conf, noun, words, false, out);

	s->failed = failures_disarm();
	if (status == CLI_EXIT_OK)
		return OK;
	/* libarchive does not tell a bad disk from a bad archive */
	if (status != CLI_EXIT_FAILURE &&
	    (s->failed == NULL || strstr(s->failed, "archive") == NULL))
		unit_fail("%s: %d (%s) when %s failed", noun->name, status,
		    log_reason(), s->failed);
	return ERR_INTERNAL;
}

static int
init(void *arg)
{
	struct setup *s = arg;
	const char *const words[] = { "--single-user", "--state", s->state,
		"--url", "https://mdm.example.com", "--organization", "Example",
		"--topic", "com.apple.mgmt.External.test", NULL };
	int r = run(s, &cmd_init, words);

	/* it comes last, and stops the next one */
	assert_int_equal(access(s->conf, F_OK), r == OK ? 0 : -1);
	if (s->failed != NULL)
		unlink(s->conf);
	return r;
}

/* How many files and folders have a name like this. */
static size_t
count(const struct setup *s, const char *names)
{
	char pattern[256];
	glob_t found;
	size_t n;

	snprintf(pattern, sizeof pattern, "%s/%s", s->folder, names);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static int
backup(void *arg)
{
	struct setup *s = arg;
	const char *const words[] = { s->archive, NULL };
	int r = run(s, &cmd_backup, words);

	if (count(s, "backup*") != (r == OK ? 1 : 0))
		unit_fail("%zu files are left when %s failed",
		    count(s, "backup*"), s->failed);
	if (s->failed != NULL)
		unlink(s->archive);
	return r;
}

/* There is room for a thousand of them only. */
static void
forget_put_aside(const struct setup *s)
{
	static const char *const patterns[] = { "*/*.replaced*",
		"*/*/*.replaced*", "*/*/*/*.replaced*" };
	char pattern[256];
	glob_t found;

	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		snprintf(pattern, sizeof pattern, "%s/%s", s->folder,
		    patterns[i]);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc; j++)
			unlink(found.gl_pathv[j]);
		globfree(&found);
	}
}

/* Over the server itself: what was there is there still, or put aside. */
static int
restore(void *arg)
{
	struct setup *s = arg;
	const char *const words[] = { "--force", s->archive, NULL };
	int r = run(s, &cmd_restore, words);

	assert_int_equal(count(s, "*/*.restore.new"), 0);
	assert_int_equal(count(s, "*/*/*.restore.new"), 0);
	assert_true(count(s, "state/db/attestmdm.db") == 1 ||
	    count(s, "state/db/attestmdm.db.replaced*") > 0);
	if (count(s, "state/db/attestmdm.db") == 1)
		forget_put_aside(s);
	return r;
}

static int
migrate(void *arg)
{
	const char *const words[] = { NULL };

	return run(arg, &cmd_migrate, words);
}

static int
publish(void *arg)
{
	const char *const words[] = { "--publish", NULL };

	return run(arg, &cmd_crl, words);
}

static int
publish_if_due(void *arg)
{
	const char *const words[] = { "--if-due", NULL };

	return run(arg, &cmd_crl, words);
}

static int
check(void *arg)
{
	const char *const words[] = { "--stopped", "--no-nginx", "--test-bench",
		NULL };

	struct setup *s = arg;
	int r = run(s, &cmd_check, words);

	/* it looks at files that only an installation has */
	return s->failed != NULL ? r : OK;
}

static void
set_up(void **state, struct setup *s)
{
	const struct storefix *fix = *state;

	s->folder = fix->folder;
	snprintf(s->conf, sizeof s->conf, "%s/etc/attestmdm.conf", s->folder);
	snprintf(s->state, sizeof s->state, "%s/state", s->folder);
	snprintf(s->archive, sizeof s->archive, "%s/backup", s->folder);
	failures_arm(0);
	assert_int_equal(init(s), OK);
}

static void
each_can_be_repeated_when_it_failed(void **state)
{
	static int (*const all[])(void *) = { init, backup, restore, migrate,
		publish, publish_if_due, check };
	struct setup s;

	set_up(state, &s);
	/* the second server gets the key that takes long to make */
	shell(&s,
	    "mkdir new && mv state/scep-ca.* new && rm -r etc state &&"
	    " mv new state");
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		assert_true(failures_each_checked(NULL, all[i], &s) > 50);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(each_can_be_repeated_when_it_failed),
};

STOREFIX_MAIN(tests)
