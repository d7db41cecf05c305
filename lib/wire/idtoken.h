/*
 * The ID token: what an OpenID provider says of the person who signed in, as a
 * JWS in compact serialization (OpenID Connect Core sections 2 and 3.1.3.7, RFC
 * 7519, RFC 8725).
 */
#ifndef WIRE_IDTOKEN_H
#define WIRE_IDTOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "wire/jwkset.h"

#define IDTOKEN_BYTES_MAX ((size_t)48 << 10)
/* Seconds that the clocks may differ. */
#define IDTOKEN_LEEWAY 60
/* A token that was signed earlier is not the answer to this sign-in. */
#define IDTOKEN_AGE_MAX 600
/* Values of "aud" and of "groups". */
#define IDTOKEN_AUDIENCES_MAX 16
#define IDTOKEN_GROUPS_MAX    1000
/* Room for a name, with the NUL. */
#define IDTOKEN_TEXT 256

struct idtoken_expected {
	const char *issuer;
	const char *client_id;
	const char *nonce;
	int64_t now;
};

/* Texts are "" when absent, too long, or hold invisible characters. */
struct idtoken {
	char subject[IDTOKEN_TEXT]; /* never "" */
	char email[IDTOKEN_TEXT];
	char preferred_username[IDTOKEN_TEXT];
	/* the provider says that it did not verify the address */
	bool email_is_unverified;
	/* each with a NUL after it */
	struct buf groups;
};

/*
 * Verifies a token: algorithm, key (by kid, alg and use), signature, then
 * issuer, audience, authorized party, times and nonce. Free with
 * idtoken_release(), after a failure too. ERR_SIGN_IN_TOKEN with the reason;
 * ERR_SIGN_IN_KEY: it names a key that is not in the set; ERR_NOMEM.
 */
int idtoken_verify(struct blob token, const struct jwkset *keys,
    const struct idtoken_expected *expected, struct idtoken *out);
void idtoken_release(struct idtoken *token);

/* Exactly this group, letter case included. */
bool idtoken_has_group(const struct idtoken *token, const char *group);

#endif
