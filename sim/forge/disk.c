#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "base/log.h"
#include "sim/forge/disk.h"
#include "sim/forge/keypair.h"

int
disk_path(const char *dir, const char *name, char out[DISK_PATH])
{
	int n = snprintf(out, DISK_PATH, "%s%s%s", dir != NULL ? dir : "",
	    dir != NULL ? "/" : "", name);

	if (n < 0 || n >= DISK_PATH)
		return fail(ERR_USAGE, "the path is too long");
	return OK;
}

bool
disk_has(const char *dir, const char *name)
{
	char path[DISK_PATH];

	return disk_path(dir, name, path) == OK && access(path, R_OK) == 0;
}

int
disk_read(const char *dir, const char *name, struct buf *out)
{
	char path[DISK_PATH], chunk[8192];
	FILE *f;
	size_t n;
	bool bad;
	int r = disk_path(dir, name, path);

	if (r != OK)
		return r;
	if ((f = fopen(path, "rb")) == NULL)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(out, chunk, n);
	bad = ferror(f) != 0;
	fclose(f);
	return bad ? fail(ERR_IO, "%s: cannot read", path) : buf_status(out);
}

int
disk_write(const char *dir, const char *name, struct blob data, mode_t mode)
{
	char path[DISK_PATH];
	bool is_stdout = strcmp(name, "-") == 0;
	FILE *f = stdout;
	int fd, r = disk_path(dir, name, path);
	size_t n;

	if (r != OK)
		return r;
	if (!is_stdout) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
		if (fd < 0 || (f = fdopen(fd, "wb")) == NULL)
			return fail(ERR_IO, "%s: %s", path, strerror(errno));
	}
	n = fwrite(data.p, 1, data.n, f);
	if ((is_stdout ? fflush(f) : fclose(f)) != 0 || n != data.n)
		return fail(ERR_IO, "%s: cannot write", path);
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
disk_pem(struct blob der, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	bool good = bio != NULL &&
	    PEM_write_bio(bio, "CERTIFICATE", "", der.p, (long)der.n) > 0;

	if (good) {
		long n = BIO_get_mem_data(bio, &text);

		buf_add(out, text, (size_t)n);
	}
	BIO_free(bio);
	return good ? buf_status(out) : fail(ERR_NOMEM, "no memory");
}

int
disk_first_pem(struct blob text, struct buf *der)
{
	BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
	char *label = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	bool good = bio != NULL &&
	    PEM_read_bio(bio, &label, &header, &data, &n) == 1 &&
	    strcmp(label, "CERTIFICATE") == 0;

	if (good)
		buf_add(der, data, (size_t)n);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
	return good ? buf_status(der)
		    : fail(ERR_MALFORMED, "no certificate in PEM");
}

int
disk_read_pem(const char *dir, const char *name, struct buf *der)
{
	SCRATCH_BUF(text);
	int r = disk_read(dir, name, &text);

	return r == OK ? disk_first_pem(buf_blob(&text), der) : r;
}

int
disk_write_pem(const char *dir, const char *name, struct blob der)
{
	SCRATCH_BUF(text);
	int r = disk_pem(der, &text);

	return r == OK ? disk_write(dir, name, buf_blob(&text), 0644) : r;
}
