/* Which function answers which method and path. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include <stddef.h>

#include "web/req.h"
#include "web/resp.h"

/* Returns OK, or a code that the program's on_error makes a response of. */
typedef int route_handler(void *app, const struct req *req, struct resp *resp);

/*
 * A table ends with a row whose method is NULL. A pattern's part ":name" takes
 * one whole path part of 1 to 128 base64url characters, or one side of a dot
 * that the pattern has too (":a.:b"); everything else must be equal byte for
 * byte to the undecoded path. A HEAD without a row of its own is answered by
 * the GET row.
 */
struct route {
	const char *method;
	const char *pattern;
	route_handler *handler;
	size_t body_max;
};

#define ROUTE_ALLOW_MAX 64

/*
 * Finds the row for a request and fills the request's path parameters.
 * ERR_NOT_FOUND when no pattern fits, ERR_METHOD when one does with another
 * method; then `allow` lists the methods for the Allow header. These two are
 * not logged.
 */
int route_find(const struct route *routes, struct req *req,
    const struct route **route, char allow[ROUTE_ALLOW_MAX]);

#endif
