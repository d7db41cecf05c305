/* The request loop of one worker process, and the one request of plain CGI. */
#ifndef WEB_FASTCGI_H
#define WEB_FASTCGI_H

#include "web/worker.h"

/* A worker leaves after this many requests; another takes its place. */
#define FASTCGI_REQUESTS 10000

/*
 * Serves the listening socket until SIGTERM, which must be blocked here and is
 * let through only between requests. OK when it was asked to leave or has
 * served FASTCGI_REQUESTS; ERR_IO when the socket does not work.
 */
int fastcgi_serve(int socket, const struct web_program *program, void *app);

/* Serves the request in the environment, its body on standard input. */
int fastcgi_once(const struct web_program *program, void *app);

#endif
