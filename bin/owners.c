#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/owners.h"

static const char *const names[OWNERS] = {
	[OWNER_ROOT] = "root",
	[OWNER_PROGRAMS] = "attestmdm",
	[OWNER_ACME] = "attestmdm-acme",
	[OWNER_SCEP] = "attestmdm-scep",
	[OWNER_ADMIN] = "attestmdm-admin",
	[OWNER_WORKER] = "attestmdm-worker",
};

const char *
owners_name(enum owner owner)
{
	return names[owner];
}

int
owners_load(bool single_user, struct owners *out)
{
	const struct passwd *user;
	const struct group *group;
	int i;

	memset(out, 0, sizeof *out);
	out->single_user = single_user;
	out->group = getegid();
	for (i = 0; i < OWNERS; i++) {
		out->user[i] = geteuid();
		if (single_user)
			continue;
		if ((user = getpwnam(names[i])) == NULL)
			return fail(
			    ERR_NOT_FOUND, "there is no user %s", names[i]);
		out->user[i] = user->pw_uid;
	}
	if (single_user)
		return OK;
	if ((group = getgrnam(OWNERS_GROUP)) == NULL)
		return fail(
		    ERR_NOT_FOUND, "there is no group %s", OWNERS_GROUP);
	out->group = group->gr_gid;
	return OK;
}

int
owners_find(const char *database, struct owners *out)
{
	const struct passwd *programs = getpwnam(names[OWNER_PROGRAMS]);
	const char *slash = strrchr(database, '/');
	char folder[4096];
	struct stat st;

	snprintf(folder, sizeof folder, "%.*s",
	    slash == NULL ? 0 : (int)(slash - database), database);
	if (programs != NULL &&
	    ((stat(folder, &st) == 0 && st.st_uid == programs->pw_uid) ||
		(lstat(database, &st) == 0 && st.st_uid == programs->pw_uid)))
		return owners_load(false, out);
	return owners_load(true, out);
}

/* The folder may be writable for the programs: follow no link in it. */
static int
open_entry(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 &&
	    (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)))
		return fd;
	close(fd);
	errno = EMLINK;
	return -1;
}

int
owners_give(
    const struct owners *o, const char *path, enum owner owner, mode_t mode)
{
	int fd = open_entry(path), r = OK;

	if (fd < 0)
		return fail(
		    ERR_IO, "cannot give %s away: %s", path, strerror(errno));
	if (!o->single_user && fchown(fd, o->user[owner], o->group) != 0)
		r = fail(
		    ERR_IO, "cannot give %s away: %s", path, strerror(errno));
	else if (fchmod(fd, mode) != 0)
		r = fail(ERR_IO, "cannot set the mode of %s: %s", path,
		    strerror(errno));
	close(fd);
	return r;
}

bool
owners_may(
    const struct owners *o, const char *path, enum owner owner, int want)
{
	struct stat st;
	unsigned bits;

	if (stat(path, &st) != 0)
		return false;
	bits = st.st_mode & 7;
	if (st.st_gid == o->group)
		bits = (st.st_mode >> 3) & 7;
	if (st.st_uid == o->user[owner])
		bits = (st.st_mode >> 6) & 7;
	return (bits & (unsigned)want) == (unsigned)want;
}

int
owners_become(const struct owners *o, enum owner owner)
{
	uid_t user = o->user[owner];

	if (o->single_user)
		return OK;
	if (initgroups(names[owner], o->group) != 0 ||
	    setresgid(o->group, o->group, o->group) != 0 ||
	    setresuid(user, user, user) != 0)
		return fail(ERR_IO, "cannot become %s: %s", names[owner],
		    strerror(errno));
	return OK;
}
