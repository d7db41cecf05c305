/*
 * The keys by which an OpenID provider signs (RFC 7517 section 5), and what it
 * signs with them: RS256, PS256, ES256 (RFC 7518 section 3.1) and EdDSA with
 * Ed25519 (RFC 8037). There is no algorithm with a shared secret and no "none".
 */
#ifndef WIRE_JWKSET_H
#define WIRE_JWKSET_H

#include <stddef.h>

#include "base/blob.h"

/* Bytes of a set, and keys in it, those that are passed over included. */
#define JWKSET_BYTES_MAX ((size_t)256 << 10)
#define JWKSET_KEYS_MAX  100
/* Room for the name of a key, with the NUL. */
#define JWKSET_KID_TEXT 257

enum jwkset_alg {
	JWKSET_RS256,
	JWKSET_PS256,
	JWKSET_ES256,
	JWKSET_EDDSA,
};

struct jwkset;

/*
 * Reads a set; free with jwkset_free(). Keys that are not for signatures, of
 * another kind or algorithm, or damaged are passed over (RFC 7517 section 5);
 * RSA keys have 2048 to 8192 bits. ERR_SIGN_IN_PROVIDER when it is no set, when
 * it or the number of its keys is too large, or when no key is left; ERR_NOMEM.
 */
int jwkset_read(struct blob text, struct jwkset **out);

/* NULL is fine. */
void jwkset_free(struct jwkset *set);

/* How many keys can be used. */
size_t jwkset_count(const struct jwkset *set);

/* The algorithm of that name; ERR_SIGN_IN_TOKEN. */
int jwkset_alg(struct blob name, enum jwkset_alg *out);

/*
 * Is `signature` over `message` by the key named `kid`? Without a name ("") the
 * set must have one key for the algorithm and no more (OpenID Connect Core
 * section 10.1). ERR_SIGN_IN_KEY: no such key in this set, perhaps in a newer
 * one; that is also so when it has no name and does not verify.
 * ERR_SIGN_IN_TOKEN: several keys, or it does not verify.
 */
int jwkset_verify(const struct jwkset *set, enum jwkset_alg alg,
    const char *kid, struct blob message, struct blob signature);

#endif
