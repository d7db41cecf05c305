/* Files that hold secrets, and files that must never be seen half-written. */
#ifndef CA_FILE_H
#define CA_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/blob.h"
#include "base/buf.h"

/*
 * Appends a whole regular file to out, whose maximum bounds it. ERR_IO when it
 * is absent, unreadable or no regular file (it does not wait for a FIFO),
 * ERR_TOO_LARGE.
 */
int file_read(const char *path, struct buf *out);

/* The same from a descriptor that the caller closes; the path is for the log.
 */
int file_read_open(int fd, const char *path, struct buf *out);

/*
 * The same for a path that a user gives: "-" is standard input, which need not
 * be a regular file.
 */
int file_read_input(const char *path, struct buf *out);

/*
 * May this file hold a secret? ERR_IO when absent; ERR_CONFIG when it is not a
 * regular file, others may read or write it, its group may write it, or it
 * belongs to neither root nor us (root may look at everybody's).
 */
int file_check_secret(const char *path);

/*
 * Creates `path` with exactly these bytes and this mode, whatever the umask,
 * and syncs it. ERR_EXISTS when something is there already, ERR_IO otherwise.
 */
int file_create(const char *path, struct blob bytes, mode_t mode);

/*
 * Replaces `path` in one step (a file beside it, synced, then renamed), so
 * that a reader sees the old bytes or the new ones. ERR_IO.
 */
int file_replace(const char *path, struct blob bytes, mode_t mode);

/*
 * The same for a file of somebody else's, whose it is before it has its name;
 * (uid_t)-1 and (gid_t)-1 leave it ours.
 */
int file_replace_for(
    uid_t user, gid_t group, const char *path, struct blob bytes, mode_t mode);

/* Creates a file of n <= 64 random bytes, mode 0640: the nonce key. */
int file_create_random(const char *path, size_t n);

#endif
