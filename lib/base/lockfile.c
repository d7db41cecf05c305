#include "base/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/*
 * A tick that comes just before flock() sleeps is lost; the next one wakes it.
 */
#define TICK_NS 50000000

static void
on_tick(int signal_number)
{
	(void)signal_number;
}

static int
start_ticks(timer_t *out)
{
	const struct itimerspec ticks = { { 0, TICK_NS }, { 0, TICK_NS } };
	struct sigevent event;

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGRTMIN;
	if (timer_create(CLOCK_MONOTONIC, &event, out) != 0)
		return -1;
	if (timer_settime(*out, 0, &ticks, NULL) == 0)
		return 0;
	timer_delete(*out);
	return -1;
}

/*
 * flock() has no time limit, so a timer interrupts it again and again. Not
 * alarm(): that one limits the whole request (web/fastcgi.h).
 */
static int
wait_for_lock(int fd, int ms)
{
	int64_t end = clock_monotonic_ms() + ms;
	struct sigaction tick, before;
	sigset_t set, mask;
	int r = -1, error;
	timer_t timer;

	memset(&tick, 0, sizeof tick);
	tick.sa_handler = on_tick;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaction(SIGRTMIN, &tick, &before);
	sigprocmask(SIG_UNBLOCK, &set, &mask);
	if (start_ticks(&timer) == 0) {
		do {
			r = flock(fd, LOCK_EX);
			error = errno;
		} while (
		    r != 0 && error == EINTR && clock_monotonic_ms() < end);
		timer_delete(timer);
	} else {
		error = errno;
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGRTMIN, &before, NULL);
	errno = error;
	return r;
}

int
lockfile_take(int fd, int ms)
{
	int r = flock(fd, LOCK_EX | LOCK_NB);

	if (r != 0 && (errno == EWOULDBLOCK || errno == EINTR))
		r = wait_for_lock(fd, ms);
	if (r == 0)
		return OK;
	if (errno == EINTR)
		return fail(ERR_BUSY, "a lock was not free within %d ms", ms);
	return fail(ERR_IO, "lock file: %s", strerror(errno));
}

int
lockfile_open(const char *path, int ms, int *out)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	*out = -1;
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	if ((r = lockfile_take(fd, ms)) != OK) {
		close(fd);
		return r;
	}
	*out = fd;
	return OK;
}

int
lockfile_try(const char *path, int *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error;

	*out = -1;
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*out = fd;
		return OK;
	}
	error = errno;
	close(fd);
	return error == EWOULDBLOCK
	    ? ERR_BUSY
	    : fail(ERR_IO, "%s: %s", path, strerror(error));
}
