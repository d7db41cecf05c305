/* Files that hold secrets, and files that must never be seen half-written. */
#ifndef CA_SECRET_FILE_H
#define CA_SECRET_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/blob.h"

/*
 * Creates `path` with exactly these bytes and this mode, whatever the umask,
 * and syncs it. ERR_EXISTS when something is there already, ERR_IO otherwise.
 */
int secret_file_create(const char *path, struct blob bytes, mode_t mode);

/*
 * Replaces `path` in one step (a file beside it, synced, then renamed), so
 * that a reader sees the old bytes or the new ones. ERR_IO.
 */
int secret_file_replace(const char *path, struct blob bytes, mode_t mode);

/* Creates a file of n random bytes, mode 0640: the nonce key. ERR_EXISTS. */
int secret_file_create_random(const char *path, size_t n);

#endif
