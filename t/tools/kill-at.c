/*
 * Preloaded into a program, this kills it at one of its steps, as kill -9 does:
 * at the one whose number KILL_AT says. A step is the end of a transaction,
 * whose lock is not free yet, or the arrival of the first bytes that a server
 * says after a request, which the program does not have yet.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
step(void)
{
	static long steps;
	const char *at = getenv("KILL_AT");

	if (at != NULL && ++steps == strtol(at, NULL, 10))
		kill(getpid(), SIGKILL);
}

static bool has_asked;

int
flock(int fd, int operation)
{
	if (operation == LOCK_UN)
		step();
	return (int)syscall(SYS_flock, fd, operation);
}

ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	has_asked = true;
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

ssize_t
recv(int fd, void *p, size_t n, int flags)
{
	ssize_t got = syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);

	if (got > 0 && has_asked) {
		has_asked = false;
		step();
	}
	return got;
}
