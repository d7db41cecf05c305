/*
 * One request through a program: hooks, route, body, handler, errors. The
 * same for FastCGI, plain CGI and tests.
 */
#ifndef WEB_DISPATCH_H
#define WEB_DISPATCH_H

#include "web/worker.h"

/*
 * Answers the request that envp and the reader describe. `out` receives the
 * response in CGI form; it is empty only when memory ran out.
 */
void dispatch(const struct web_program *program, void *app, char *const *envp,
    req_reader *reader, void *arg, struct buf *out);

#endif
