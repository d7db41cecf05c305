#include "toolfix.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit/unit.h"

static int
run(const struct cli_noun *noun, int argc, const char *const *argv, int out)
{
	const struct cli_noun *const nouns[] = { noun, NULL };
	int stdout_was = dup(STDOUT_FILENO), stderr_was = dup(STDERR_FILENO);
	int null = memfd_create("null", MFD_CLOEXEC), status;

	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	status = cli_main(nouns, argc, argv);
	fflush(stdout);
	dup2(stdout_was, STDOUT_FILENO);
	dup2(stderr_was, STDERR_FILENO);
	close(stdout_was);
	close(stderr_was);
	close(null);
	return status;
}

int
toolfix_run(const char *conf, const struct cli_noun *noun,
    const char *const *words, bool json, char out[TOOLFIX_OUTPUT])
{
	const char *argv[TOOLFIX_WORDS_MAX + 5] = { "attestmdm", "--config",
		conf, noun->name };
	int printed = memfd_create("printed", MFD_CLOEXEC), status, argc = 4;
	ssize_t n;

	while (*words != NULL && argc < TOOLFIX_WORDS_MAX + 4)
		argv[argc++] = *words++;
	assert_null(*words);
	if (json)
		argv[argc++] = "--json";
	status = run(noun, argc, argv, printed);
	n = pread(printed, out, TOOLFIX_OUTPUT - 1, 0);
	assert_in_range(n, 0, TOOLFIX_OUTPUT - 2);
	out[n] = '\0';
	close(printed);
	return status;
}
