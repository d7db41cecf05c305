/*
 * Waking attestmdm-worker: a byte to its datagram socket. It says nothing but
 * "look at your rows", and may get lost, because the worker looks at them now
 * and then anyway. Nobody waits for it.
 */
#ifndef BASE_WAKE_H
#define BASE_WAKE_H

/* Where wake_worker() sends to; NULL or "": nowhere. The path is copied. */
void wake_use(const char *path);

/* Wakes the worker if it is there and its socket has room. */
void wake_worker(void);

/*
 * The worker's side: the socket that systemd passed as descriptor 3, or a new
 * one at `path` (mode 0660) in place of one that is there. It does not block.
 * ERR_IO.
 */
int wake_listen(const char *path, int *out);

/* Reads what has come. */
void wake_drain(int fd);

#endif
