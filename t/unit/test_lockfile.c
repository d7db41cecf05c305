/* Locks with a time limit (base/lockfile.h). */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/lockfile.h"

static char path[] = "/tmp/lockfileXXXXXX";

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
a_free_lock_is_taken(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	unlink(path);
	assert_int_equal(lockfile_open(path, 0, &fd), OK);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

/* A lock that is never given back, as by a program that is taken over. */
static void
the_wait_has_an_end(void **state)
{
	int64_t began = now_ms();
	struct sigaction after;
	int held, fd;

	(void)state;
	assert_int_equal(lockfile_open(path, 0, &held), OK);
	assert_int_equal(lockfile_open(path, 200, &fd), ERR_BUSY);
	assert_int_equal(fd, -1);
	assert_true(now_ms() - began >= 200);
	assert_int_equal(sigaction(SIGRTMIN, NULL, &after), 0);
	assert_ptr_equal(after.sa_handler, SIG_DFL);
	close(held);
}

static void
it_is_taken_when_it_gets_free(void **state)
{
	int held, fd, status;
	pid_t pid;

	(void)state;
	assert_int_equal(lockfile_open(path, 0, &held), OK);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(held);
		_exit(lockfile_open(path, 20000, &fd) == OK ? 0 : 1);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 120000000 }, NULL);
	close(held);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The limit of a request, by alarm(), goes on meanwhile. */
static void
an_alarm_stays_set(void **state)
{
	int held, fd;

	(void)state;
	assert_int_equal(lockfile_open(path, 0, &held), OK);
	alarm(1000);
	assert_int_equal(lockfile_open(path, 100, &fd), ERR_BUSY);
	assert_true(alarm(0) > 900);
	close(held);
}

/* A worker may have blocked the signal that ends the wait. */
static void
a_blocked_signal_is_no_obstacle(void **state)
{
	sigset_t set, mask;
	int held, fd;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &mask);
	assert_int_equal(lockfile_open(path, 0, &held), OK);
	assert_int_equal(lockfile_open(path, 100, &fd), ERR_BUSY);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(held);
}

static void
no_link_is_followed(void **state)
{
	char target[] = "/tmp/lockfileXXXXXX";
	int fd = mkstemp(target);

	(void)state;
	close(fd);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(lockfile_open(path, 0, &fd), ERR_IO);
	unlink(target);
}

static void
who_does_not_wait_is_told_at_once(void **state)
{
	char folder[] = "/tmp/lockfileXXXXXX";
	int held, fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(lockfile_try(folder, &held), OK);
	assert_int_equal(lockfile_try(folder, &fd), ERR_BUSY);
	assert_int_equal(fd, -1);
	close(held);
	assert_int_equal(lockfile_try(folder, &held), OK);
	close(held);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(lockfile_try(folder, &fd), ERR_IO);
	assert_int_equal(fd, -1);
}

static int
set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_free_lock_is_taken),
		cmocka_unit_test(the_wait_has_an_end),
		cmocka_unit_test(it_is_taken_when_it_gets_free),
		cmocka_unit_test(an_alarm_stays_set),
		cmocka_unit_test(a_blocked_signal_is_no_obstacle),
		cmocka_unit_test(no_link_is_followed),
		cmocka_unit_test(who_does_not_wait_is_told_at_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
