/*
 * One ACME run's exchanges with the server as Apple's client makes them:
 * headers, sorted JWS members, the nonce of every answer, no second try.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "sim/forge/fault.h"
#include "sim/client/refusal.h"
#include "sim/forge/keypair.h"
#include "sim/forge/value.h"

/* Room for any URL that a server may hand out. */
#define EXCHANGE_URL 1024

struct exchange {
	struct http *http;
	const struct faults *faults;
	struct refusal *refusal;
	EVP_PKEY *account;
	struct value *json; /* its body; owned */
	char nonce[256];    /* of the last answer that had one */
	char used_nonce[256];
	char new_nonce[EXCHANGE_URL];
	char new_account[EXCHANGE_URL];
	char new_order[EXCHANGE_URL];
	char kid[EXCHANGE_URL];
};

void exchange_release(struct exchange *x);

/*
 * All of these return OK, ERR_UNAUTHORIZED when the answer is not one that
 * Apple's client goes on with (noted as a refusal of `step`), or another code.
 */

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

/* Notes the last answer as a refusal; returns ERR_UNAUTHORIZED. */
int exchange_refuse(struct exchange *x, const char *step);

/* Copies a text member; ERR_MALFORMED when it is absent or too long. */
int exchange_need(
    const struct value *v, const char *name, char *out, size_t room);

/* True when the last answer has this status. */
bool exchange_status_is(const struct exchange *x, const char *status);

#endif
