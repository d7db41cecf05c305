#include "bin/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

/* What is read of its output at each look. */
#define READ_MOST (64 * 1024)

/* In the child: does not return. */
static void
become(const char *command, int input, int output)
{
	static char path[] =
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char language[] = "LANG=C.UTF-8";
	char *environment[] = { path, language, NULL };
	char *arguments[] = { (char *)(uintptr_t)command, NULL };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(input, 0) == 0 && dup2(output, 1) == 1 &&
	    dup2(output, 2) == 2 && close_range(3, ~0U, 0) == 0 &&
	    chdir("/") == 0)
		execve(command, arguments, environment);
	dprintf(2, "cannot run %s: %s", command, strerror(errno));
	_exit(127);
}

/* A file in memory: the child reads it as fast or slowly as it likes. */
static int
file_of(struct blob document)
{
	int fd = memfd_create("alarm", MFD_CLOEXEC);

	if (fd >= 0 &&
	    (write(fd, document.p, document.n) != (ssize_t)document.n ||
		lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
hook_start(struct hook *hook, const char *command, struct blob document)
{
	int ends[2] = { -1, -1 }, input = file_of(document);

	*hook = (struct hook){ .output = -1 };
	if (input < 0 || pipe2(ends, O_CLOEXEC) != 0 ||
	    (hook->pid = fork()) < 0) {
		hook->pid = 0;
		fail(ERR_IO, "cannot start %s: %s", command, strerror(errno));
		if (input >= 0)
			close(input);
		if (ends[0] >= 0) {
			close(ends[0]);
			close(ends[1]);
		}
		return ERR_IO;
	}
	if (hook->pid == 0)
		become(command, input, ends[1]);
	close(input);
	close(ends[1]);
	hook->output = ends[0];
	fcntl(hook->output, F_SETFL, O_NONBLOCK);
	hook->deadline = clock_monotonic_ms() + HOOK_SECONDS * INT64_C(1000);
	return OK;
}

/* Keeps the end of what it wrote, in one line. */
static void
keep(struct hook *hook, const char *bytes, size_t n)
{
	size_t room = sizeof hook->text - 1, had = strlen(hook->text), old;

	if (n > room) {
		bytes += n - room;
		n = room;
	}
	old = had + n > room ? room - n : had;
	memmove(hook->text, hook->text + had - old, old);
	for (size_t i = 0; i < n; i++)
		hook->text[old + i] =
		    (unsigned char)bytes[i] < ' ' ? ' ' : bytes[i];
	hook->text[old + n] = '\0';
}

static void
read_output(struct hook *hook)
{
	char bytes[4096];
	ssize_t n;

	for (size_t all = 0; all < READ_MOST; all += (size_t)n) {
		if ((n = read(hook->output, bytes, sizeof bytes)) <= 0)
			return;
		keep(hook, bytes, (size_t)n);
	}
}

/* It has ended; what it left in its session may go on. */
static void
release(struct hook *hook)
{
	close(hook->output);
	hook->pid = 0;
	hook->output = -1;
}

static int
judge(const struct hook *hook, int status)
{
	const char *colon = *hook->text == '\0' ? "" : ": ";

	if (hook->killed)
		return fail(ERR_JOB,
		    "the alarm command did not end within %d seconds%s%s",
		    HOOK_SECONDS, colon, hook->text);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return OK;
	if (WIFEXITED(status))
		return fail(ERR_JOB,
		    "the alarm command ended with status %d%s%s",
		    WEXITSTATUS(status), colon, hook->text);
	return fail(ERR_JOB, "signal %d ended the alarm command%s%s",
	    WTERMSIG(status), colon, hook->text);
}

static void
kill_all(struct hook *hook)
{
	hook->killed = true;
	kill(hook->pid, SIGKILL);
	kill(-hook->pid, SIGKILL);
}

int
hook_look(struct hook *hook, bool *ended)
{
	int status = 0, r;

	*ended = waitpid(hook->pid, &status, WNOHANG) == hook->pid;
	read_output(hook);
	if (*ended) {
		r = judge(hook, status);
		release(hook);
		return r;
	}
	if (!hook->killed && clock_monotonic_ms() >= hook->deadline)
		kill_all(hook);
	return OK;
}

void
hook_stop(struct hook *hook)
{
	if (hook->pid == 0)
		return;
	kill_all(hook);
	waitpid(hook->pid, NULL, 0);
	release(hook);
}
