#include "bin/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static void
judge(struct place *p, const struct stat *st)
{
	bool others = (st->st_mode & S_IWOTH) != 0;

	p->trusted = p->trusted &&
	    (st->st_uid == 0 || st->st_uid == geteuid()) &&
	    (!others || (st->st_mode & S_ISVTX) != 0);
	p->closed = p->trusted && !others;
}

static int
open_part(const struct place *p, const char *part, unsigned flags)
{
	const int how = O_PATH | O_DIRECTORY | O_CLOEXEC;
	int fd = openat(p->fd, part, how | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT && (flags & PLACE_MAKE) != 0 &&
	    p->trusted) {
		/* whatever the umask: the programs pass through it */
		if (mkdirat(p->fd, part, 0700) != 0 ||
		    fchmodat(p->fd, part, 0755, 0) != 0)
			return -1;
		fd = openat(p->fd, part, how | O_NOFOLLOW);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) &&
	    (flags & PLACE_LINKS) != 0 && p->closed)
		fd = openat(p->fd, part, how);
	return fd;
}

static int
step_into(struct place *p, const char *path, const char *part, unsigned flags)
{
	int fd = open_part(p, part, flags);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return ERR_NOT_FOUND;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fail(ERR_FIELD,
		    "%s: \"%s\" in it is a link, or no folder", path, part);
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	close(p->fd);
	p->fd = fd;
	if (fstat(fd, &st) != 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	judge(p, &st);
	return OK;
}

/* The next part of the path to `part`; false when there is no such name. */
static bool
take_part(const char **path, char part[NAME_MAX + 1])
{
	size_t n;

	*path += strspn(*path, "/");
	n = strcspn(*path, "/");
	if (n == 0 || n > NAME_MAX)
		return false;
	snprintf(part, NAME_MAX + 1, "%.*s", (int)n, *path);
	*path += n;
	return strcmp(part, ".") != 0 && strcmp(part, "..") != 0;
}

int
place_open(const char *path, unsigned flags, struct place *out)
{
	const char *rest = path;
	struct stat st;
	int r = OK;

	*out = (struct place){ .fd = -1, .trusted = true };
	if (path[0] != '/' || !take_part(&rest, out->name))
		return fail(ERR_FIELD, "\"%s\" is not an absolute path", path);
	out->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0 || fstat(out->fd, &st) != 0)
		return fail(ERR_IO, "/: %s", strerror(errno));
	judge(out, &st);
	while (r == OK && rest[strspn(rest, "/")] != '\0') {
		r = step_into(out, path, out->name, flags);
		if (r == OK && !take_part(&rest, out->name))
			r = fail(ERR_FIELD, "\"%s\" is not an absolute path",
			    path);
	}
	return r;
}

void
place_close(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static int
fault(const struct place *p)
{
	if (errno == ENOENT)
		return ERR_NOT_FOUND;
	/* a link; a socket or a device without a driver */
	if (errno == ELOOP || errno == ENXIO || errno == ENODEV)
		return ERR_FIELD;
	return fail(ERR_IO, "%s: %s", p->name, strerror(errno));
}

int
place_read(const struct place *p, unsigned flags, int *fd, struct stat *st)
{
	int how = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	bool fit;

	if ((flags & PLACE_LINKS) == 0 || !p->closed)
		how |= O_NOFOLLOW;
	if ((*fd = openat(p->fd, p->name, how)) < 0)
		return fault(p);
	fit = fstat(*fd, st) == 0 &&
	    (S_ISDIR(st->st_mode) ||
		(S_ISREG(st->st_mode) && (p->trusted || st->st_nlink == 1)));
	if (fit)
		return OK;
	close(*fd);
	*fd = -1;
	return ERR_FIELD;
}

bool
place_enter(const struct place *parent, int fd, const struct stat *st,
    const char *name, struct place *out)
{
	*out = (struct place){ .fd = fd, .trusted = parent->trusted };
	judge(out, st);
	return snprintf(out->name, sizeof out->name, "%s", name) <
	    (int)sizeof out->name;
}
