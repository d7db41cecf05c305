/*
 * The server token of an Apple Business account: the OAuth values, kept in
 * DIR/ACCOUNT.token.json, and the .p7m file in which the portal hands them out.
 */
#ifndef SERVER_TOKEN_H
#define SERVER_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/err.h"

/* How to hand out a token. */
struct server_token_wish {
	const char *certificate; /* PEM file of who may read it */
	const char *cipher;      /* as for envelope_seal */
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
    const struct server_token_wish *wish, struct buf *out);

#endif
