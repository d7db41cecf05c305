/* The request loop of one worker process, and the one request of plain CGI. */
#ifndef WEB_FASTCGI_H
#define WEB_FASTCGI_H

#include "web/nginx_secret.h"
#include "web/worker.h"

/* A worker leaves after this many requests; another takes its place. */
#define FASTCGI_REQUESTS 10000

/*
 * A request, from the connection to the end of its answer, may take this long;
 * then its worker ends, and nginx has nobody's answer. It bounds what a process
 * that connects and sends nothing can hold up.
 */
#define FASTCGI_SECONDS 20

/*
 * Serves the listening socket until SIGTERM, which must be blocked here and is
 * let through only between requests. A request without nginx's secret is
 * refused before anything of it is looked at: with 500, because a device leaves
 * management at 403, and nginx may be what is not set up. OK when it was asked to leave or has
 * served FASTCGI_REQUESTS; ERR_IO when the socket does not work.
 */
int fastcgi_serve(int socket, const char secret[SECRET_TOKEN_TEXT],
    const struct web_program *program, void *app);

/*
 * Serves the request in the environment, its body on standard input. Whoever
 * started us chose the environment: there is no secret.
 */
int fastcgi_once(const struct web_program *program, void *app);

#endif
