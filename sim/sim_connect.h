/* The connection beneath sim_http: sockets and TLS. */
#ifndef SIM_CONNECT_H
#define SIM_CONNECT_H

#include <sys/types.h>

#include "sim/sim_http.h"

/* What all connections of a process share; NULL after fail(). */
SSL_CTX *sim_connect_context(const struct sim_http_config *config);

/* Opens TCP or the Unix socket and shakes hands; ERR_IO when it cannot. */
int sim_connect_open(struct sim_http *h, const char *authority);
void sim_connect_close(struct sim_http *h);

/* True when a kept connection was closed by its other end. */
bool sim_connect_is_dead(struct sim_http *h);

int sim_connect_write(struct sim_http *h, struct blob data);

/* Reads some bytes into h->input; 0 at the end, -1 on error or timeout. */
ssize_t sim_connect_read(struct sim_http *h);

#endif
