/* The socket on which nginx reaches a program. */
#ifndef WEB_LISTENER_H
#define WEB_LISTENER_H

#include <stdbool.h>

#define LISTENER_BACKLOG 4096

/* Descriptor fd is a socket that listens. */
bool listener_is(int fd);

/* Did systemd pass this process a socket? Then it restarts it when it ends. */
bool listener_is_systemd(void);

/*
 * Makes a Unix socket at `path` (mode 0660, LISTENER_BACKLOG), in place of a
 * socket that was left there; with path NULL takes standard input or the first
 * descriptor that systemd passed. The socket does not block. ERR_IO, or
 * ERR_USAGE when there is no socket.
 */
int listener_get(const char *path, int *fd);

#endif
