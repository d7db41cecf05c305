/*
 * API tokens in requests (RFC 6750). Tokens that are not valid are counted per
 * network, as attempts to sign in are (session.h); valid ones are never held
 * up.
 */
#ifndef WEB_BEARER_H
#define WEB_BEARER_H

#include "store/api_tokens.h"

struct req;
struct resp;

/* WWW-Authenticate for a token that is not valid, or not any more (section 3). */
#define BEARER_INVALID "Bearer realm=\"attestmdm\", error=\"invalid_token\""

/*
 * The token that a request shows. ERR_TOKEN when it shows none, or one that
 * api_tokens_load() refuses; `resp` then gets WWW-Authenticate.
 * ERR_RATE_LIMITED in place of that when its network has shown too many such;
 * `resp` then gets Retry-After. Notes the time of use, once a minute. Uses
 * transactions of its own.
 */
int bearer_load(struct db *db, const struct req *req, struct resp *resp,
    struct api_token *out);

#endif
