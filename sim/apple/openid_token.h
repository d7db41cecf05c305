/*
 * The keys of the stand-in for an identity provider, and the ID tokens that it
 * signs, right and wrong.
 */
#ifndef OPENID_TOKEN_H
#define OPENID_TOKEN_H

#include <json-c/json.h>

#include "sim/forge/keypair.h"

struct openid_keys {
	EVP_PKEY *key;
	long number; /* its kid is "key-NUMBER" */
	const char *alg;
};

/* Makes the next key, of the kind that `alg` (RS256, PS256, ES256, EdDSA)
 * needs; the one before it is gone. */
int openid_keys_make(struct openid_keys *k, const char *alg);
void openid_keys_release(struct openid_keys *k);

/* Appends the set (RFC 7517 section 5). */
int openid_keys_write(const struct openid_keys *k, struct buf *out);

/*
 * Appends the token. `spoil`, NULL for none, is an object of
 *
 *	claims  members that take the place of ours; null leaves one out
 *	header  the same for the header
 *	sign    "none", "hs256" (with the public key as the secret), "corrupt",
 *	        or "other", a key that is not in the set
 */
int openid_token_write(const struct openid_keys *k, json_object *claims,
    json_object *spoil, struct buf *out);

#endif
