/* The request loop of one worker process, and the one request of plain CGI. */
#ifndef WEB_FASTCGI_H
#define WEB_FASTCGI_H

#include "web/nginx_secret.h"
#include "web/worker.h"

/* A worker leaves after this many requests; another takes its place. */
#define FASTCGI_REQUESTS 10000

/*
 * How long a request may take, from the connection to the end of its answer, or to
 * that of the first part and from each to the next when it comes in parts.
 * Then its worker is killed, and nginx answers 502. This also limits how long a
 * process that connects and sends nothing can hold a worker.
 */
#define FASTCGI_SECONDS 20

/*
 * Serves the listening socket until SIGTERM, which must be blocked here and is
 * let through only between requests. A request without nginx's secret is
 * refused before anything of it is read: with 500, because the reason may be
 * that nginx is not set up, and a device would unenroll at 403. OK when it was
 * asked to leave or has served FASTCGI_REQUESTS; ERR_IO when the socket does
 * not work.
 */
int fastcgi_serve(int socket, const char secret[SECRET_TOKEN_TEXT],
    const struct web_program *program, void *app);

/*
 * Serves the request in the environment, its body on standard input. Needs no
 * secret, since whoever started the program chose the environment.
 */
int fastcgi_once(const struct web_program *program, void *app);

#endif
