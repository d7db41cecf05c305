#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/enc.h"
#include "base/log.h"
#include "sim/forge/disk.h"

int
disk_read(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char chunk[8192];
	size_t n;
	bool bad;

	if (f == NULL)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(out, chunk, n);
	bad = ferror(f) != 0;
	fclose(f);
	if (bad)
		return fail(ERR_IO, "%s: cannot read", path);
	return buf_status(out);
}

static int
disk_put(int fd, struct blob data)
{
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);

		if (n < 0 && errno != EINTR)
			return ERR_IO;
		if (n > 0) {
			data.p += n;
			data.n -= (size_t)n;
		}
	}
	return OK;
}

int
disk_write(const char *path, struct blob data, mode_t mode)
{
	int fd, rc;

	if (strcmp(path, "-") == 0) {
		fflush(stdout);
		return disk_put(STDOUT_FILENO, data);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	rc = disk_put(fd, data);
	if (close(fd) != 0 || rc != OK)
		return fail(ERR_IO, "%s: cannot write", path);
	return OK;
}

int
disk_path(const char *dir, const char *name, char out[DISK_PATH])
{
	int n = snprintf(out, DISK_PATH, "%s/%s", dir, name);

	if (n < 0 || n >= DISK_PATH)
		return fail(ERR_USAGE, "the path is too long");
	return OK;
}

int
disk_folder(const char *path)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return OK;
	return fail(ERR_IO, "%s: %s", path, strerror(errno));
}

int
disk_pem(struct blob der, const char *label, struct buf *out)
{
	struct buf text;
	int rc;

	buf_init(&text, (size_t)4 << 20);
	rc = enc_base64(der, &text);
	if (rc == OK) {
		buf_printf(out, "-----BEGIN %s-----\n", label);
		for (size_t i = 0; i < text.n; i += 64) {
			size_t n = text.n - i < 64 ? text.n - i : 64;

			buf_add(out, text.p + i, n);
			buf_add_byte(out, '\n');
		}
		buf_printf(out, "-----END %s-----\n", label);
		rc = buf_status(out);
	}
	buf_release(&text);
	return rc;
}

int
disk_first_pem(struct blob text, const char *label, struct buf *der)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	int rc = OK;

	if (bio == NULL)
		return fail(ERR_NOMEM, "no memory");
	if (PEM_read_bio(bio, &name, &header, &data, &n) != 1)
		rc = fail(ERR_MALFORMED, "no PEM block");
	else if (strcmp(name, label) != 0)
		rc = fail(ERR_MALFORMED, "a PEM block that is no %s", label);
	else
		rc = buf_add(der, data, (size_t)n);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
	return rc;
}

int
disk_read_pem(const char *path, const char *label, struct buf *der)
{
	struct buf text;
	int rc;

	buf_init(&text, (size_t)4 << 20);
	rc = disk_read(path, &text);
	if (rc == OK)
		rc = disk_first_pem(buf_blob(&text), label, der);
	buf_release(&text);
	return rc;
}
