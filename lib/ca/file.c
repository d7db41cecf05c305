#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "ca/file.h"

static int
fault(const char *path, const char *what)
{
	return fail(ERR_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static int
read_all(int fd, const char *path, struct buf *out)
{
	uint8_t chunk[4096];
	ssize_t n;
	int r = OK;

	while (r == OK && (n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0)
			r = fault(path, "read");
		else if ((r = buf_add(out, chunk, (size_t)n)) != OK)
			r = fail(r, "%s is too large", path);
	}
	secret_wipe(chunk, sizeof chunk);
	return r;
}

int
file_read_open(int fd, const char *path, struct buf *out)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail(ERR_IO, "%s is not a regular file", path);
	return read_all(fd, path, out);
}

int
file_read(const char *path, struct buf *out)
{
	/* root reads in folders of others, where it may be a FIFO */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY), r;

	if (fd < 0)
		return fault(path, "open");
	r = file_read_open(fd, path, out);
	close(fd);
	return r;
}

int
file_read_input(const char *path, struct buf *out)
{
	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", out);
	return file_read(path, out);
}

int
file_check_secret(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return fault(path, "look at");
	if (!S_ISREG(st.st_mode))
		return fail(ERR_CONFIG, "%s is not a regular file", path);
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return fail(ERR_CONFIG,
		    "%s holds a secret but has mode %04o; use 0600 or 0640",
		    path, (unsigned)(st.st_mode & 07777));
	if (geteuid() != 0 && st.st_uid != 0 && st.st_uid != geteuid())
		return fail(ERR_CONFIG,
		    "%s holds a secret but belongs to user %u", path,
		    (unsigned)st.st_uid);
	return OK;
}

static int
write_all(int fd, struct blob bytes)
{
	ssize_t n;

	while (bytes.n > 0) {
		n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return fsync(fd);
}

static void
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4096] = ".";
	int fd;

	if (slash != NULL)
		snprintf(folder, sizeof folder, "%.*s",
		    slash == path ? 1 : (int)(slash - path), path);
	if ((fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	fsync(fd);
	close(fd);
}

int
file_create(const char *path, struct blob bytes, mode_t mode)
{
	int fd, r = OK;

	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno == EEXIST)
		return fail(ERR_EXISTS, "%s exists already", path);
	if (fd < 0)
		return fault(path, "create");
	if (write_all(fd, bytes) != 0 || fchmod(fd, mode) != 0) {
		r = fault(path, "write");
		unlink(path);
	}
	close(fd);
	if (r == OK)
		sync_folder(path);
	return r;
}

int
file_replace(const char *path, struct blob bytes, mode_t mode)
{
	return file_replace_for((uid_t)-1, (gid_t)-1, path, bytes, mode);
}

int
file_replace_for(
    uid_t user, gid_t group, const char *path, struct blob bytes, mode_t mode)
{
	char beside[4096];
	int fd, n, r = OK;

	n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
	if ((size_t)n >= sizeof beside)
		return fail(ERR_IO, "%s: the name is too long", path);
	if ((fd = mkostemp(beside, O_CLOEXEC)) < 0)
		return fault(path, "write beside");
	if (write_all(fd, bytes) != 0 || fchown(fd, user, group) != 0 ||
	    fchmod(fd, mode) != 0 || rename(beside, path) != 0) {
		r = fault(path, "replace");
		unlink(beside);
	}
	close(fd);
	if (r == OK)
		sync_folder(path);
	return r;
}

int
file_create_random(const char *path, size_t n)
{
	uint8_t bytes[64];
	int r;

	if (n > sizeof bytes)
		return fail(ERR_INTERNAL, "%zu random bytes asked for", n);
	secret_random(bytes, n);
	r = file_create(path, blob_of(bytes, n), 0640);
	secret_wipe(bytes, sizeof bytes);
	return r;
}
