/*
 * The server token of an Apple Business account: the OAuth values, kept in
 * DIR/ACCOUNT.token.json, the .p7m file in which the portal hands them out, and
 * the check of what is signed with them (OAuth 1.0a, RFC 5849, HMAC-SHA1).
 */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/err.h"
#include "sim/apple/http_server.h"

/* How to hand out a token. */
struct server_token_options {
	const char *certificate; /* PEM file of who may read it */
	const char *cipher;      /* as for cms_message_seal */
	bool crlf;               /* lines end as in mail */
	bool renew;   /* a new access token in place of the one before */
	int64_t days; /* for which a new one is good */
};

/*
 * The account's values: consumer_key, consumer_secret, access_token,
 * access_secret, access_token_expiry. They are made when there are none.
 * json_object_put() them; NULL after a failure.
 */
json_object *server_token_load(const char *dir, const char *account);

/* Appends the .p7m. */
int server_token_export(const char *dir, const char *account,
    const struct server_token_options *options, struct buf *out);

/* Room for any value of the header. */
#define SERVER_TOKEN_TEXT 512

/* Copies the consumer key of an Authorization header; false if it has none. */
bool server_token_consumer(
    const char *authorization, char out[SERVER_TOKEN_TEXT]);

/*
 * What is wrong with a request that somebody signed with the account's token;
 * NULL when nothing is. `used` is an object with the nonces so far.
 */
const char *server_token_check(const struct http_server_request *q,
    const char *authorization, json_object *token, json_object *used);

#endif
