/*
 * One ACME run's exchanges with the server as Apple's client makes them:
 * headers, sorted JWS members, the nonce of every answer, no second try.
 *
 * The functions return ERR_UNAUTHORIZED when the answer is not one that
 * Apple's client goes on with, which is then noted as a refusal of `step`.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <json-c/json.h>

#include "sim/client/player.h"

/* Room for any URL that a server may hand out. */
#define EXCHANGE_URL 1024

struct exchange {
	struct player *player;
	EVP_PKEY *account; /* borrowed */
	json_object *json; /* the last parsed answer; owned */
	char nonce[256];   /* of the last answer that had one */
	char used_nonce[256];
	char new_nonce[EXCHANGE_URL];
	char new_account[EXCHANGE_URL];
	char new_order[EXCHANGE_URL];
	char kid[EXCHANGE_URL];
};

/* GET or HEAD with Apple's empty JSON body. */
int exchange_plain(
    struct exchange *x, const char *step, const char *method, const char *url);

/* A signed POST; an empty payload reads a resource. */
int exchange_post(
    struct exchange *x, const char *step, const char *url, struct blob payload);

/* The same, and the answer is parsed into x->json. */
int exchange_post_json(
    struct exchange *x, const char *step, const char *url, struct blob payload);

/* Parses the last answer's body. */
int exchange_parse(struct exchange *x);

/* A member that is text; NULL when there is none. */
const char *exchange_text(const json_object *o, const char *name);

/* Copies a text member; ERR_MALFORMED when it is absent or too long. */
int exchange_need(
    const json_object *o, const char *name, char *out, size_t room);

/* Copies the last answer's Location; ERR_MALFORMED when there is none. */
int exchange_location(const struct exchange *x, char out[EXCHANGE_URL]);

/* True when the last answer has this status. */
bool exchange_status_is(const struct exchange *x, const char *status);

#endif
