/*
 * One request through a program: hooks, route, body, handler, errors. The
 * same for FastCGI, plain CGI and tests.
 */
#ifndef WEB_DISPATCH_H
#define WEB_DISPATCH_H

#include "web/worker.h"

/* Sends what is in `out`. ERR_IO, unlogged: the client has gone. */
typedef int dispatch_sender(void *arg, struct blob out);

/*
 * Answers the request that envp and the reader describe: the response in CGI form
 * goes to the sender, in one piece, or in several when it is resp_stream()'s.
 * `arg` is for both, `out` is room for a piece. Any code but OK means that the
 * response is not whole: whoever waits for it must not get an orderly end.
 */
int dispatch(const struct web_program *program, void *app, char *const *envp,
    req_reader *reader, dispatch_sender *sender, void *arg, struct buf *out);

#endif
