/*
 * An archive (a compressed tar file) that is written or read from front to end.
 */
#ifndef BIN_BUNDLE_H
#define BIN_BUNDLE_H

#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/secret.h"

struct bundle;

/*
 * Creates the archive with mode 0600. ERR_EXISTS, ERR_IO. The caller ends with
 * bundle_finish(), which syncs it, or bundle_close(), which only frees.
 */
int bundle_create(const char *path, struct bundle **out);

/* Adds a member of mode 0600. ERR_IO. */
int bundle_add(struct bundle *b, const char *name, struct blob bytes);

/* Adds a file of exactly this size. ERR_IO. */
int bundle_add_file(
    struct bundle *b, const char *name, const char *path, int64_t size);

/* Completes and syncs the archive, and frees b in any case. ERR_IO. */
int bundle_finish(struct bundle *b);

/* ERR_IO when it is absent, ERR_FIELD when it is no archive. */
int bundle_open(const char *path, struct bundle **out);

/*
 * The next member, a regular file; *name is good until the next call.
 * ERR_NOT_FOUND after the last, ERR_FIELD when the archive is damaged.
 */
int bundle_next(struct bundle *b, const char **name);

/*
 * Reads the member, writes it to the file `fd` unless that is -1, and returns
 * its size and digest. ERR_FIELD when the archive is damaged, ERR_IO.
 */
int bundle_read(struct bundle *b, int fd, int64_t *size,
    uint8_t sha256[SECRET_SHA256]);

/*
 * Appends the member to out, whose maximum bounds it. ERR_TOO_LARGE, ERR_FIELD
 * when the archive is damaged.
 */
int bundle_read_bytes(struct bundle *b, struct buf *out);

/* Closes the archive as it is, and frees b. NULL is fine. */
void bundle_close(struct bundle *b);

/* Size and digest of what is left to read of an open file. ERR_IO. */
int bundle_digest(int fd, int64_t *size, uint8_t sha256[SECRET_SHA256]);

#endif
