/* The connection beneath http: sockets and TLS. */
#ifndef CONNECT_H
#define CONNECT_H

#include <sys/types.h>

#include "sim/client/http.h"

/* What all connections of a process share; NULL after fail(). */
SSL_CTX *connect_context(const struct http_config *config);

/* Opens TCP or the Unix socket and shakes hands; ERR_IO when it cannot. */
int connect_open(struct http *h, const char *authority);
void connect_close(struct http *h);

/* True when a kept connection was closed by its other end. */
bool connect_is_dead(struct http *h);

int connect_write(struct http *h, struct blob data);

/* Reads some bytes into h->input; 0 at the end, -1 on error or timeout. */
ssize_t connect_read(struct http *h);

#endif
