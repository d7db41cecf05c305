/*
 * Whole files and PEM blocks (RFC 7468) of certificates. A file is NAME in the
 * folder `dir`, or NAME itself when `dir` is NULL.
 */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Room for the path of any file of a folder. */
#define DISK_PATH 1024

/* Writes the path into out; ERR_USAGE when it does not fit. */
int disk_path(const char *dir, const char *name, char out[DISK_PATH]);

bool disk_has(const char *dir, const char *name);
int disk_read(const char *dir, const char *name, struct buf *out);

/* Replaces the file; "-" is standard output. */
int disk_write(
    const char *dir, const char *name, struct blob data, mode_t mode);

/* Makes a folder with mode 0700; one that exists is fine. */
int disk_folder(const char *path);

/* Appends the PEM block of a certificate in DER. */
int disk_pem(struct blob der, struct buf *out);

/*
 * Appends the DER of the first block and forgets the rest, as Apple's client
 * does; ERR_MALFORMED when that is no certificate.
 */
int disk_first_pem(struct blob text, struct buf *der);

/* Reads and writes a file that holds such a block. */
int disk_read_pem(const char *dir, const char *name, struct buf *der);
int disk_write_pem(const char *dir, const char *name, struct blob der);

#endif
