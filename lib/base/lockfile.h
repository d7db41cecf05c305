/*
 * Advisory locks (flock) with a time limit. Whoever can open a file can lock
 * it, even for reading only: a lock file is for its users alone.
 */
#ifndef BASE_LOCKFILE_H
#define BASE_LOCKFILE_H

/*
 * Locks the open file exclusively, and waits at most `ms` milliseconds for it.
 * ERR_BUSY when others keep it that long, ERR_IO. Uses SIGRTMIN while it
 * waits. The lock ends with LOCK_UN or close().
 */
int lockfile_take(int fd, int ms);

/*
 * Opens PATH, made with mode 0600 when it is absent, and locks it. The caller
 * closes *out. ERR_BUSY, ERR_IO (also when it is a link).
 */
int lockfile_open(const char *path, int ms, int *out);

#endif
