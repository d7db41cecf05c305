#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/enc.h"
#include "base/log.h"
#include "web/route.h"

#define ROUTE_VALUE_MAX 128

static void
forget_params(struct req *req)
{
	size_t i;

	for (i = 0; i < req->path_param_count; i++)
		free(req->path_params[i].value);
	req->path_param_count = 0;
}

/* Takes one path part as the value of ":name"; ERR_NOT_FOUND when it cannot be
 * one. */
static int
take(struct req *req, const char *name, size_t name_len, const char *value,
    size_t value_len)
{
	struct req_path_param *p;
	char *copy;

	if (value_len == 0 || value_len > ROUTE_VALUE_MAX)
		return ERR_NOT_FOUND;
	if (req->path_param_count == REQ_PATH_PARAMS)
		return fail(ERR_INTERNAL, "a route has too many parameters");
	if ((copy = strndup(value, value_len)) == NULL)
		return fail(ERR_NOMEM, "no memory for a path");
	if (!enc_is_base64url(copy, ROUTE_VALUE_MAX)) {
		free(copy);
		return ERR_NOT_FOUND;
	}
	p = &req->path_params[req->path_param_count++];
	p->name = name;
	p->name_len = name_len;
	p->value = copy;
	return OK;
}

static int
match(const char *pattern, struct req *req)
{
	const char *path = req->path;
	size_t name_len, value_len;
	int r;

	while (*pattern != '\0') {
		if (*pattern != ':') {
			if (*pattern++ != *path++)
				return ERR_NOT_FOUND;
			continue;
		}
		pattern++;
		name_len = strcspn(pattern, "/.");
		value_len = strcspn(path, "/.");
		r = take(req, pattern, name_len, path, value_len);
		if (r != OK)
			return r;
		pattern += name_len;
		path += value_len;
	}
	return *path == '\0' ? OK : ERR_NOT_FOUND;
}

static void
allow_add(char allow[ROUTE_ALLOW_MAX], const char *method)
{
	size_t n = strlen(allow);
	size_t more = strlen(method);

	if (strstr(allow, method) != NULL)
		return;
	if (n + more + 3 > ROUTE_ALLOW_MAX)
		return;
	snprintf(
	    allow + n, ROUTE_ALLOW_MAX - n, "%s%s", n > 0 ? ", " : "", method);
}

/* Does this row answer the method? HEAD may fall back on GET. */
static bool
method_fits(const struct route *row, const struct req *req, bool fallback)
{
	if (fallback)
		return req_method_is(req, "HEAD") &&
		    strcmp(row->method, "GET") == 0;
	return req_method_is(req, row->method);
}

static int
scan(const struct route *routes, struct req *req, bool fallback,
    const struct route **route, char allow[ROUTE_ALLOW_MAX])
{
	const struct route *row;
	int r;

	for (row = routes; row->method != NULL; row++) {
		forget_params(req);
		r = match(row->pattern, req);
		if (r == ERR_NOT_FOUND)
			continue;
		if (r != OK)
			return r;
		if (method_fits(row, req, fallback)) {
			*route = row;
			return OK;
		}
		allow_add(allow, row->method);
		if (strcmp(row->method, "GET") == 0)
			allow_add(allow, "HEAD");
	}
	return ERR_NOT_FOUND;
}

int
route_find(const struct route *routes, struct req *req,
    const struct route **route, char allow[ROUTE_ALLOW_MAX])
{
	int r;

	*route = NULL;
	allow[0] = '\0';
	r = scan(routes, req, false, route, allow);
	if (r == ERR_NOT_FOUND)
		r = scan(routes, req, true, route, allow);
	if (r != OK)
		forget_params(req);
	if (r == ERR_NOT_FOUND && allow[0] != '\0')
		return ERR_METHOD;
	return r;
}
