#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/inspect.h"
#include "bin/owners.h"

struct inspection {
	struct verdict *v;
	struct owners owners;
	const char *command;
};

static bool
bad(const struct inspection *in, const char *path, const char *why)
{
	verdict_add(in->v, VERDICT_BAD, "alarms",
	    "[alarms] command %s cannot be used: %s %s", in->command, path,
	    why);
	return false;
}

/*
 * A file, or a folder above it: whoever can write either decides what the
 * worker runs. In a folder with the sticky bit others cannot rename it.
 */
static bool
inspect_step(const struct inspection *in, const char *path, bool last)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return bad(in, path, strerror(errno));
	if (last && !S_ISREG(st.st_mode))
		return bad(in, path, "is not a regular file");
	if (st.st_uid != 0 && st.st_uid != in->owners.user[OWNER_ROOT])
		return bad(in, path, "does not belong to root");
	if (!owners_may(&in->owners, path, OWNER_WORKER, X_OK))
		return bad(in, path,
		    last ? "may not be run by the worker's user"
			 : "may not be entered by the worker's user");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) &&
	    (last || !(st.st_mode & S_ISVTX)))
		return bad(in, path, "may be changed by others");
	return true;
}

/* Every folder on the way, and the file. */
static bool
inspect_path(const struct inspection *in, const char *path)
{
	char step[PATH_MAX];
	const char *slash = path;

	if (strlen(path) >= sizeof step)
		return bad(in, path, "is too long");
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		memcpy(step, path, (size_t)(slash - path));
		step[slash - path] = '\0';
		if (!inspect_step(in, step, false))
			return false;
	}
	return inspect_step(in, path, true);
}

/* ProtectHome= and PrivateTmp= of the worker's unit. */
static bool
is_hidden(const char *path)
{
	static const char *const folders[] = { "/home/", "/root/", "/run/user/",
		"/tmp/", "/var/tmp/" };

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	return false;
}

void
inspect_hook(struct verdict *v, const struct conf *conf)
{
	struct inspection in = { .v = v, .command = conf->alarm_command };
	char real[PATH_MAX];

	if (*in.command == '\0') {
		verdict_add(v, VERDICT_WARNING, "alarms",
		    "nobody is told of them: set [alarms] command");
		return;
	}
	/* inspect_rights() reports a missing user */
	if (owners_find(conf->database, &in.owners) != OK) {
		log_forget_reason();
		return;
	}
	if (realpath(in.command, real) == NULL)
		bad(&in, in.command, strerror(errno));
	else if (!in.owners.single_user && is_hidden(real))
		bad(&in, real, "is hidden by the worker's sandbox");
	else if (inspect_path(&in, in.command) && inspect_path(&in, real))
		verdict_add(v, VERDICT_OK, "alarms", "are told by %s",
		    in.command);
}
