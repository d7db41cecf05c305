/*
 * One ACME run's exchanges with the server as Apple's client makes them:
 * headers, sorted JWS members, the nonce of every answer, no second try.
 */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

#include "sim/sim_knob.h"
#include "sim/sim_refusal.h"
#include "sim/sim_key.h"
#include "sim/sim_value.h"

/* Room for any URL that a server may hand out. */
#define SIM_EXCHANGE_URL 1024

struct sim_exchange {
	struct sim_http *http;
	const struct sim_knobs *knobs;
	struct sim_refusal *refusal;
	EVP_PKEY *account;
	struct sim_http_reply reply; /* the last one */
	struct sim_value *json;      /* its body; owned */
	char nonce[256];             /* of the last answer that had one */
	char used_nonce[256];
	char new_nonce[SIM_EXCHANGE_URL];
	char new_account[SIM_EXCHANGE_URL];
	char new_order[SIM_EXCHANGE_URL];
	char kid[SIM_EXCHANGE_URL];
};

void sim_exchange_init(struct sim_exchange *x);
void sim_exchange_release(struct sim_exchange *x);

/*
 * All of these return OK, ERR_UNAUTHORIZED when the answer is not one that
 * Apple's client goes on with (noted as a refusal of `step`), or another code.
 */

/* GET or HEAD with Apple's empty JSON body. */
int sim_exchange_plain(struct sim_exchange *x, const char *step,
    const char *method, const char *url);

/* A signed POST; an empty payload reads a resource. */
int sim_exchange_post(struct sim_exchange *x, const char *step, const char *url,
    struct blob payload);

/* The same, and the answer is parsed into x->json. */
int sim_exchange_post_json(struct sim_exchange *x, const char *step,
    const char *url, struct blob payload);

/* Parses the last answer's body. */
int sim_exchange_parse(struct sim_exchange *x);

/* Notes the last answer as a refusal; returns ERR_UNAUTHORIZED. */
int sim_exchange_refuse(struct sim_exchange *x, const char *step);

/* Copies a text member; ERR_MALFORMED when it is absent or too long. */
int sim_exchange_need(
    const struct sim_value *v, const char *name, char *out, size_t room);

/* True when the last answer has this status. */
bool sim_exchange_status_is(const struct sim_exchange *x, const char *status);

#endif
