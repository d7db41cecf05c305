#include "web/bearer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/network.h"
#include "store/logins.h"
#include "web/req.h"
#include "web/resp.h"

#define SCHEME "Bearer "

/* Section 2.1; NULL when it is no bearer token. */
static const char *
find_token(const struct req *req)
{
	const char *value = req_header(req, "Authorization");
	size_t n = strlen(SCHEME);

	if (value == NULL || strncasecmp(value, SCHEME, n) != 0)
		return NULL;
	return value + n + strspn(value + n, " ");
}

/*
 * Guessing one of 2^256 tokens is hopeless; this keeps log and database from
 * who tries.
 */
static int
refuse(struct db *db, const struct req *req, struct resp *resp)
{
	char network[NETWORK_TEXT], source[NETWORK_TEXT + 8], seconds[24];
	int64_t wait = 0;
	int r;

	network_of(req->remote_address, 32, 48, network);
	snprintf(source, sizeof source, "api:%s", network);
	if ((r = logins_wait(db, source, NULL, &wait)) == OK &&
	    (r = db_begin_relaxed(db)) == OK)
		r = db_end(db, logins_begin(db, source, NULL, &wait));
	if (r == OK)
		return fail(
		    ERR_TOKEN, "the API token is unknown, expired or revoked");
	if (r != ERR_RATE_LIMITED)
		return r;
	snprintf(seconds, sizeof seconds, "%lld", (long long)wait);
	resp_set(resp, "Retry-After", seconds);
	return fail(
	    r, "API tokens have to wait %s seconds: %s", seconds, source);
}

static int
note_use(struct db *db, const struct api_token *t)
{
	int r;

	if (!api_tokens_is_stale(t))
		return OK;
	if ((r = db_begin_relaxed(db)) == OK)
		r = db_end(db, api_tokens_touch(db, t));
	return r;
}

int
bearer_load(struct db *db, const struct req *req, struct resp *resp,
    struct api_token *out)
{
	const char *text = find_token(req);
	int r;

	*out = (struct api_token){ 0 };
	if (text == NULL) {
		resp_set(
		    resp, "WWW-Authenticate", "Bearer realm=\"attestmdm\"");
		return fail(ERR_TOKEN, "the request shows no API token");
	}
	r = api_tokens_load(db, text, out);
	if (r == ERR_TOKEN) {
		resp_set(resp, "WWW-Authenticate", BEARER_INVALID);
		return refuse(db, req, resp);
	}
	return r == OK ? note_use(db, out) : r;
}
