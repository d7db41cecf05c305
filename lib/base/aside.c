#include "base/aside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define TRIES 1000

int
aside_put(int folder, const char *name, const char *suffix)
{
	char aside[PATH_MAX];
	int i, n;

	for (i = 0; i < TRIES; i++) {
		n = snprintf(aside, sizeof aside, i == 0 ? "%s%s" : "%s%s.%d",
		    name, suffix, i);
		if ((size_t)n >= sizeof aside)
			return fail(ERR_IO, "%s: the name is too long", name);
		if (renameat2(folder, name, folder, aside, RENAME_NOREPLACE) ==
			0 ||
		    errno == ENOENT)
			return OK;
		if (errno != EEXIST)
			return fail(ERR_IO, "%s: %s", aside, strerror(errno));
	}
	return fail(ERR_EXISTS, "too many files like %s", aside);
}
