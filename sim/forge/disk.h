/* Whole files and PEM blocks (RFC 7468). */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Room for the path of any file of a folder. */
#define DISK_PATH 1024

int disk_read(const char *path, struct buf *out);

/* Replaces the file; "-" is standard output. */
int disk_write(const char *path, struct blob data, mode_t mode);

/* Writes DIR/NAME into out; ERR_USAGE when it does not fit. */
int disk_path(const char *dir, const char *name, char out[DISK_PATH]);

/* Makes a folder with mode 0700; one that exists is fine. */
int disk_folder(const char *path);

/* Appends one block with the given label. */
int disk_pem(struct blob der, const char *label, struct buf *out);

/*
 * Appends the DER of the first block with that label and forgets the rest,
 * as Apple's client does; ERR_MALFORMED when there is none.
 */
int disk_first_pem(struct blob text, const char *label, struct buf *der);

/* Reads a file that holds such a block. */
int disk_read_pem(const char *path, const char *label, struct buf *der);

#endif
