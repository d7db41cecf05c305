/* OAuth 1.0a (RFC 5849) with HMAC-SHA1, as Apple Business checks a session. */
#ifndef BUSINESS_OAUTH_H
#define BUSINESS_OAUTH_H

#include <json-c/json.h>

#include "sim/apple/http_server.h"

/* Room for any value of the header. */
#define BUSINESS_OAUTH_TEXT 512

/* Copies the consumer key of an Authorization header; false if it has none. */
bool business_oauth_consumer(
    const char *authorization, char out[BUSINESS_OAUTH_TEXT]);

/*
 * What is wrong with a request that somebody signed with the account's token;
 * NULL when nothing is. `used` is an object with the nonces so far.
 */
const char *business_oauth_check(const struct http_server_request *q,
    const char *authorization, json_object *token, json_object *used);

#endif
