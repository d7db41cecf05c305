/*
 * Advisory locks (flock) with a time limit. Anybody who can open a file, even
 * only for reading, can lock it, so nobody but its users may open a lock file.
 */
#ifndef BASE_LOCKFILE_H
#define BASE_LOCKFILE_H

/*
 * Locks the open file exclusively; waits `ms` milliseconds at most. ERR_BUSY
 * when others keep it locked that long, ERR_IO. Uses SIGRTMIN while it waits.
 * LOCK_UN or close() releases the lock.
 */
int lockfile_take(int fd, int ms);

/*
 * Opens PATH, made with mode 0600 when it is absent, and locks it. The caller
 * closes *out. ERR_BUSY, ERR_IO (also when it is a link).
 */
int lockfile_open(const char *path, int ms, int *out);

/*
 * Locks a file or folder that exists, without waiting. The caller closes *out, which
 * is -1 on failure: ERR_BUSY (not logged) while others have it locked, ERR_IO.
 */
int lockfile_try(const char *path, int *out);

#endif
