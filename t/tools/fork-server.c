/*
 * Preloaded into a program that a test runs often, this makes a server of it,
 * which forks for each run. To load its libraries costs the program ten times
 * as much as what the test asks of it.
 *
 * Requests come on the descriptor that FORK_SERVER names: a length of four
 * bytes and texts that end with NUL, in this order: where standard output and
 * error go, the number of arguments, these, the environment. The answer is the
 * wait status, four bytes. Numbers are the machine's. It ends with its caller.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXTS_MAX 4096

typedef int (*start_fn)(int (*)(int, char **, char **), int, char **,
    void (*)(void), void (*)(void), void (*)(void), void *);

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
    void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
    void *stack_end);

/* Moves n bytes in or out; false at the end. */
static bool
move(ssize_t (*call)(int, void *, size_t), int fd, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = call(fd, (char *)p + done, n - done);

		if (k > 0)
			done += (size_t)k;
		else if (k == 0 || errno != EINTR)
			return false;
	}
	return true;
}

static ssize_t
put(int fd, void *p, size_t n)
{
	return write(fd, p, n);
}

/* Opens a file in place of a standard descriptor. */
static void
redirect(const char *path, int flags, int as)
{
	int fd = open(path, flags, 0666);

	if (fd < 0 || dup2(fd, as) < 0)
		_exit(127);
	if (fd != as)
		close(fd);
}

/* Becomes the program that is asked for; returns its number of arguments. */
static int
become(char *request, size_t n, char **texts)
{
	size_t count = 0;
	int argc;

	for (char *p = request; p < request + n && count + 1 < TEXTS_MAX;
	     p += strlen(p) + 1)
		texts[count++] = p;
	texts[count] = NULL;
	redirect("/dev/null", O_RDONLY, STDIN_FILENO);
	redirect(texts[0], O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
	redirect(texts[1], O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
	argc = atoi(texts[2]);
	/* Arguments and environment, each with a NULL behind. */
	memmove(texts + argc + 4, texts + argc + 3,
	    (count - (size_t)argc - 2) * sizeof *texts);
	texts[argc + 3] = NULL;
	environ = texts + argc + 4;
	return argc;
}

/* Returns in the child alone, with a request. */
static char *
serve(int fd, size_t *n)
{
	uint32_t size;
	int status;

	for (;;) {
		char *request;
		pid_t pid;

		if (!move(read, fd, &size, sizeof size) ||
		    (request = malloc(size)) == NULL ||
		    !move(read, fd, request, size) || (pid = fork()) < 0)
			_exit(1);
		if (pid == 0) {
			close(fd);
			*n = size;
			return request;
		}
		free(request);
		if (waitpid(pid, &status, 0) != pid ||
		    !move(put, fd, &status, sizeof status))
			_exit(1);
	}
}

int
__libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
    void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
    void *stack_end)
{
	static char *texts[TEXTS_MAX + 1];
	start_fn start = (start_fn)dlsym(RTLD_NEXT, "__libc_start_main");
	const char *fd = getenv("FORK_SERVER");
	size_t n = 0;

	if (fd != NULL) {
		char *request = serve(atoi(fd), &n);

		argc = become(request, n, texts);
		argv = texts + 3;
	}
	return start(main, argc, argv, init, fini, rtld_fini, stack_end);
}
