#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/probe.h"

static void
child(const char *const *argv, int to)
{
	int nothing = open("/dev/null", O_RDONLY);

	if (nothing >= 0)
		dup2(nothing, STDIN_FILENO);
	dup2(to, STDOUT_FILENO);
	dup2(to, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

int
probe_run(const char *const *argv, struct buf *out, int *status)
{
	char chunk[4096];
	int ends[2], wait_status;
	ssize_t n;
	pid_t pid;

	*status = 127;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail(ERR_IO, "no pipe: %s", strerror(errno));
	if ((pid = fork()) == 0)
		child(argv, ends[1]);
	close(ends[1]);
	while (pid > 0 && (n = read(ends[0], chunk, sizeof chunk)) > 0)
		buf_add(out, chunk, (size_t)n);
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &wait_status, 0) != pid)
		return fail(
		    ERR_IO, "cannot run %s: %s", argv[0], strerror(errno));
	*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1;
	return OK;
}
