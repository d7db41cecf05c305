/*
 * Sends requests to what should answer, for `attestmdm check`, with time
 * limits.
 */
#ifndef BIN_REACH_H
#define BIN_REACH_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define REACH_SECONDS  5
#define REACH_TEXT_MAX (256 * 1024)

/*
 * Sends one FastCGI request, a GET of `path`, to the program at a socket, with
 * nginx's secret when that is not "". ERR_IO, with the reason logged, when
 * nobody listens, when the answer does not come in time or is none, and when
 * its status is 500 or more, as it is for a wrong secret; ERR_NOT_FOUND when
 * there is no such socket.
 */
int reach_program(const char *socket, const char *secret, const char *path);

/* What a web server answered. */
struct reach_answer {
	/* as an HTTP status */
	int status;
	/* the end of its certificate, seconds since 1970 */
	int64_t not_after;
	/* head and body, as much as there is room for */
	struct buf text;
};

/*
 * Gets `path` from https://host[:port] (the port is 443 without), whose
 * certificate must be good for that name by the system's trust store or the PEM
 * file `ca` ("" for none). `where` is NULL, or connects to another place:
 * "host:port" or "unix:/path". ERR_IO, with the reason logged. The caller
 * inits out->text, and releases it.
 */
int reach_url(const char *url, const char *path, const char *where,
    const char *ca, struct reach_answer *out);

#endif
