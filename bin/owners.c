#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "bin/owners.h"

int
owners_load(bool single_user, struct owners *out)
{
	const struct passwd *user;
	const struct group *group;

	memset(out, 0, sizeof(*out));
	out->single_user = single_user;
	out->programs = out->ca = geteuid();
	out->group = getegid();
	if (single_user)
		return OK;
	if ((user = getpwnam(OWNERS_USER)) == NULL)
		return fail(ERR_NOT_FOUND, "there is no user %s", OWNERS_USER);
	out->programs = user->pw_uid;
	if ((user = getpwnam(OWNERS_CA_USER)) == NULL)
		return fail(
		    ERR_NOT_FOUND, "there is no user %s", OWNERS_CA_USER);
	out->ca = user->pw_uid;
	if ((group = getgrnam(OWNERS_GROUP)) == NULL)
		return fail(
		    ERR_NOT_FOUND, "there is no group %s", OWNERS_GROUP);
	out->group = group->gr_gid;
	return OK;
}

/* The folder may belong to the programs: a link in it leads anywhere. */
static int
owners_open(const char *path)
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
owners_give(const struct owners *o, const char *path, uid_t user, mode_t mode)
{
	int fd = owners_open(path), r = OK;

	if (fd < 0)
		return fail(
		    ERR_IO, "cannot give %s away: %s", path, strerror(errno));
	if (!o->single_user && fchown(fd, user, o->group) != 0)
		r = fail(
		    ERR_IO, "cannot give %s away: %s", path, strerror(errno));
	else if (fchmod(fd, mode) != 0)
		r = fail(ERR_IO, "cannot set the mode of %s: %s", path,
		    strerror(errno));
	close(fd);
	return r;
}

bool
owners_may(const char *path, uid_t user, gid_t group, int want)
{
	struct stat st;
	unsigned bits;

	if (stat(path, &st) != 0)
		return false;
	bits = st.st_mode & 7;
	if (st.st_gid == group)
		bits = (st.st_mode >> 3) & 7;
	if (st.st_uid == user)
		bits = (st.st_mode >> 6) & 7;
	return (bits & (unsigned)want) == (unsigned)want;
}
