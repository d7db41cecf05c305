/*
 * A request that passed its signature, with account and enrollment, for tests
 * of the rules of lib/acme: what is tried is the rule, not the envelope.
 */
#ifndef T_ACMEFIX_H
#define T_ACMEFIX_H

#include "storefix.h"

#include <gnutls/abstract.h>

#include "acme/order.h"
#include "acme/request.h"

#define ACMEFIX_SERIAL "C02UNIT00001"
#define ACMEFIX_URL    "https://mdm.example.com"

struct acmefix {
	struct db *db;
	struct conf conf;
	struct enrollment enrollment;
	struct account account;
	struct request rq;
};

/* An ACME enrollment, its serial number assigned to us, and an account. */
void acmefix_init(void **state, struct acmefix *f);
void acmefix_release(struct acmefix *f);

/* A request to that enrollment, of nobody yet. */
void acmefix_find(struct acmefix *f, struct request *rq);

/* Another request of that account with this payload; "" is POST-as-GET. */
struct request *acmefix_request(struct acmefix *f, const char *payload);

/* Direct SQL, which must change a row. */
void acmefix_sql(struct acmefix *f, const char *sql);

/* An order for the enrollment's serial number, by the rule itself. */
void acmefix_order(struct acmefix *f, struct order *out);

void acmefix_base64url(struct blob bytes, char *out, size_t n);

/* The key of an account, P-256, and its JWK. */
struct acmefix_signer {
	gnutls_privkey_t key;
	char jwk[200];
};

void acmefix_signer_init(struct acmefix_signer *s);

/* A JWS with this header and payload. */
void acmefix_sign(const struct acmefix_signer *s, const char *header,
    const char *payload, char out[6000]);

#define ACMEFIX_WANTED                                                         \
	"{\"identifiers\":[{\"type\":\"permanent-identifier\","                \
	"\"value\":\"" ACMEFIX_SERIAL "\"}]}"

#endif
