#include "bin/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define BUNDLE_CHUNK 65536

struct bundle {
	struct archive *archive;
	struct archive_entry *entry;
	bool writes;
	int fd;
};

static int
archive_failed(struct bundle *b, int code, const char *what)
{
	const char *why = archive_error_string(b->archive);

	return fail(code, "%s: %s", what, why == NULL ? "damaged" : why);
}

static struct bundle *new (int fd, bool writes)
{
	struct bundle *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	*b = (struct bundle){ .fd = fd, .writes = writes };
	b->archive = writes ? archive_write_new() : archive_read_new();
	b->entry = writes ? archive_entry_new() : NULL;
	if (b->archive != NULL && (!writes || b->entry != NULL))
		return b;
	bundle_close(b);
	return NULL;
}

void
bundle_close(struct bundle *b)
{
	if (b == NULL)
		return;
	if (b->writes) {
		archive_entry_free(b->entry);
		archive_write_free(b->archive);
	} else {
		archive_read_free(b->archive);
	}
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

int
bundle_create(const char *path, struct bundle **out)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct bundle *b;

	*out = NULL;
	if (fd < 0)
		return fail(errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s",
		    path, strerror(errno));
	if ((b = new (fd, true)) == NULL) {
		close(fd);
		return fail(ERR_NOMEM, "no memory for an archive");
	}
	if (archive_write_set_format_pax_restricted(b->archive) != ARCHIVE_OK ||
	    archive_write_add_filter_gzip(b->archive) != ARCHIVE_OK ||
	    archive_write_open_fd(b->archive, fd) != ARCHIVE_OK) {
		int r = archive_failed(b, ERR_IO, path);

		bundle_close(b);
		return r;
	}
	*out = b;
	return OK;
}

static int
begin(struct bundle *b, const char *name, int64_t size)
{
	archive_entry_clear(b->entry);
	archive_entry_set_pathname(b->entry, name);
	archive_entry_set_filetype(b->entry, AE_IFREG);
	archive_entry_set_perm(b->entry, 0600);
	archive_entry_set_size(b->entry, size);
	return archive_write_header(b->archive, b->entry) == ARCHIVE_OK
	    ? OK
	    : archive_failed(b, ERR_IO, name);
}

static int
put(struct bundle *b, const char *name, const void *p, size_t n)
{
	return archive_write_data(b->archive, p, n) == (la_ssize_t)n
	    ? OK
	    : archive_failed(b, ERR_IO, name);
}

int
bundle_add(struct bundle *b, const char *name, struct blob bytes)
{
	int r = begin(b, name, (int64_t)bytes.n);

	return r == OK && bytes.n > 0 ? put(b, name, bytes.p, bytes.n) : r;
}

int
bundle_add_file(
    struct bundle *b, const char *name, const char *path, int64_t size)
{
	static char chunk[BUNDLE_CHUNK];
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	int64_t sum = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	r = begin(b, name, size);
	while (r == OK && (n = read(fd, chunk, sizeof chunk)) > 0) {
		r = put(b, name, chunk, (size_t)n);
		sum += n;
	}
	close(fd);
	if (r == OK && (n < 0 || sum != size))
		r = fail(ERR_IO, "%s changed while it was read", path);
	return r;
}

int
bundle_finish(struct bundle *b)
{
	int r = OK;

	if (archive_write_close(b->archive) != ARCHIVE_OK)
		r = archive_failed(b, ERR_IO, "archive");
	else if (fsync(b->fd) != 0)
		r = fail(ERR_IO, "archive: %s", strerror(errno));
	bundle_close(b);
	return r;
}

int
bundle_open(const char *path, struct bundle **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	struct bundle *b;

	*out = NULL;
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	if ((b = new (fd, false)) == NULL) {
		close(fd);
		return fail(ERR_NOMEM, "no memory for an archive");
	}
	/*
	 * what bundle_create() writes, and nothing else that libarchive knows
	 */
	if (archive_read_support_format_tar(b->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(b->archive) != ARCHIVE_OK ||
	    archive_read_open_fd(b->archive, fd, BUNDLE_CHUNK) != ARCHIVE_OK) {
		r = archive_failed(b, ERR_FIELD, path);
		bundle_close(b);
		return r;
	}
	*out = b;
	return OK;
}

int
bundle_next(struct bundle *b, const char **name)
{
	int r = archive_read_next_header(b->archive, &b->entry);

	if (r == ARCHIVE_EOF)
		return ERR_NOT_FOUND;
	if (r != ARCHIVE_OK)
		return archive_failed(b, ERR_FIELD, "the archive is damaged");
	*name = archive_entry_pathname(b->entry);
	if (*name == NULL || archive_entry_filetype(b->entry) != AE_IFREG)
		return fail(ERR_FIELD, "the archive holds something else than files");
	return OK;
}

int
bundle_read_bytes(struct bundle *b, struct buf *out)
{
	static char chunk[BUNDLE_CHUNK];
	la_ssize_t n;
	int r = OK;

	while (r == OK &&
	    (n = archive_read_data(b->archive, chunk, sizeof chunk)) != 0)
		r = n < 0
		    ? archive_failed(b, ERR_FIELD, "the archive is damaged")
		    : buf_add(out, chunk, (size_t)n);
	return r;
}

static int
write_fd(int fd, const char *p, size_t n)
{
	ssize_t k;

	for (; n > 0; p += k, n -= (size_t)k)
		if ((k = write(fd, p, n)) < 0)
			return fail(ERR_IO, "cannot write: %s", strerror(errno));
	return OK;
}

int
bundle_read(
    struct bundle *b, int fd, int64_t *size, uint8_t sha256[SECRET_SHA256])
{
	static char chunk[BUNDLE_CHUNK];
	gnutls_hash_hd_t hash;
	la_ssize_t n;
	int r = OK;

	*size = 0;
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0)
		return fail(ERR_INTERNAL, "no SHA-256");
	while (r == OK &&
	    (n = archive_read_data(b->archive, chunk, sizeof chunk)) != 0) {
		if (n < 0) {
			r = archive_failed(
			    b, ERR_FIELD, "the archive is damaged");
			break;
		}
		gnutls_hash(hash, chunk, (size_t)n);
		*size += n;
		if (fd >= 0)
			r = write_fd(fd, chunk, (size_t)n);
	}
	gnutls_hash_deinit(hash, sha256);
	return r;
}

int
bundle_digest(int fd, int64_t *size, uint8_t sha256[SECRET_SHA256])
{
	static char chunk[BUNDLE_CHUNK];
	gnutls_hash_hd_t hash;
	ssize_t n;

	*size = 0;
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0)
		return fail(ERR_INTERNAL, "no SHA-256");
	while ((n = read(fd, chunk, sizeof chunk)) > 0) {
		gnutls_hash(hash, chunk, (size_t)n);
		*size += n;
	}
	gnutls_hash_deinit(hash, sha256);
	return n < 0 ? fail(ERR_IO, "cannot read: %s", strerror(errno)) : OK;
}
