/* bin/hook: a program that takes the document, or fails, hangs and floods. */
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "bin/hook.h"

static char folder[] = "/tmp/attestmdm-hook-XXXXXX";
static char program[64], seen[64];

static int
make_folder(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(program, sizeof program, "%s/hook", folder);
	snprintf(seen, sizeof seen, "%s/seen", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(program);
	unlink(seen);
	return rmdir(folder);
}

static void
write_program(const char *text)
{
	FILE *f = fopen(program, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\nout=%s\n%s\n", seen, text);
	fclose(f);
	assert_int_equal(chmod(program, 0700), 0);
}

/* Until it has ended. */
static int
wait_for(struct hook *hook)
{
	bool ended = false;
	int r = OK;

	for (int i = 0; i < 30000 && !ended; i++) {
		r = hook_look(hook, &ended);
		if (!ended)
			usleep(1000);
	}
	assert_true(ended);
	assert_int_equal(hook->pid, 0);
	return r;
}

static int
run(const char *document)
{
	struct hook hook;

	assert_int_equal(hook_start(&hook, program, blob_str(document)), OK);
	return wait_for(&hook);
}

static void
assert_seen(const char *want)
{
	char text[4096] = "";
	FILE *f = fopen(seen, "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, want);
}

static void
test_it_gets_the_document_and_little_else(void **state)
{
	(void)state;
	setenv("ATTESTMDM_SECRET", "x", 1);
	write_program("{ cat; echo; env | grep -v '^_=\\|^PWD=\\|^SHLVL=' |"
		      " sort; pwd; echo $#; ls /proc/self/fd | wc -l; } >$out");
	assert_int_equal(run("{\"text\":\"`$(id)';\"}"), OK);
	/* ls has one descriptor of its own */
	assert_seen("{\"text\":\"`$(id)';\"}\nLANG=C.UTF-8\n"
		    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		    "/sbin:/bin\n/\n0\n4\n");
}

static void
test_it_need_not_read(void **state)
{
	(void)state;
	write_program("exit 0");
	assert_int_equal(run("{}"), OK);
}

static void
test_a_failure_is_told_with_the_end_of_its_output(void **state)
{
	(void)state;
	write_program("echo one; echo 'no such host' >&2; exit 3");
	assert_int_equal(run("{}"), ERR_JOB);
	assert_non_null(strstr(log_reason(), "status 3: one"));
	assert_non_null(strstr(log_reason(), "no such host"));
	write_program("kill -9 $$");
	assert_int_equal(run("{}"), ERR_JOB);
	assert_non_null(strstr(log_reason(), "signal 9"));
	unlink(program);
	assert_int_equal(run("{}"), ERR_JOB);
	assert_non_null(strstr(log_reason(), "cannot run /tmp"));
}

static void
test_a_flood_of_output_is_no_matter(void **state)
{
	(void)state;
	write_program("head -c 3000000 /dev/zero | tr '\\0' x; echo end");
	assert_int_equal(run("{}"), OK);
	write_program("head -c 3000000 /dev/zero; echo end; exit 1");
	assert_int_equal(run("{}"), ERR_JOB);
	assert_non_null(strstr(log_reason(), "end"));
}

static void
test_one_that_hangs_is_killed_with_its_group(void **state)
{
	struct hook hook;
	pid_t pid;

	(void)state;
	write_program("trap '' TERM; sleep 1000 & wait");
	assert_int_equal(hook_start(&hook, program, blob_str("{}")), OK);
	pid = hook.pid;
	hook.deadline = 0;
	assert_int_equal(wait_for(&hook), ERR_JOB);
	assert_non_null(strstr(log_reason(), "did not end within"));
	/* its group is gone, as soon as somebody reaped it */
	for (int i = 0; i < 5000 && kill(-pid, 0) == 0; i++)
		usleep(1000);
	assert_int_equal(kill(-pid, 0), -1);
}

static void
test_it_ends_with_the_worker(void **state)
{
	struct hook hook;
	pid_t pid;

	(void)state;
	hook_stop(&(struct hook){ .pid = 0 });
	write_program("exec sleep 1000");
	assert_int_equal(hook_start(&hook, program, blob_str("{}")), OK);
	pid = hook.pid;
	hook_stop(&hook);
	assert_int_equal(hook.pid, 0);
	assert_int_equal(kill(pid, 0), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_it_gets_the_document_and_little_else),
	cmocka_unit_test(test_it_need_not_read),
	cmocka_unit_test(test_a_failure_is_told_with_the_end_of_its_output),
	cmocka_unit_test(test_a_flood_of_output_is_no_matter),
	cmocka_unit_test(test_one_that_hangs_is_killed_with_its_group),
	cmocka_unit_test(test_it_ends_with_the_worker),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name(
	    "hook", tests, make_folder, remove_folder);
}
