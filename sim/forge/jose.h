/* JSON Web Signatures and Keys (RFC 7515, 7517, 7638), right and wrong. */
#ifndef JOSE_H
#define JOSE_H

#include <stdbool.h>

#include "sim/forge/keypair.h"

struct jose {
	/* ES256, ES384, EdDSA, RS256, PS256, HS256 or none */
	const char *alg;
	EVP_PKEY *key;        /* NULL with HS256 and none */
	struct blob secret;   /* of HS256 */
	bool short_signature; /* drop leading zeros of R and S, as Apple did */
	bool der_signature;
	bool pad;     /* base64url with = */
	bool corrupt; /* flip a bit of the signature */
};

/* Appends the flattened form: payload, protected, signature. */
int jose_write(const struct jose *jws, struct blob protected_header,
    struct blob payload, struct buf *out);

/* Appends the compact form: header "." payload "." signature. */
int jose_compact(const struct jose *jws, struct blob header,
    struct blob payload, struct buf *out);

/* What suits a key: ES256, ES384, EdDSA or RS256; NULL if none. */
const char *jose_algorithm(const EVP_PKEY *key);

/* Appends the public key: members in the order of RFC 7638, no space. */
int jose_jwk(const EVP_PKEY *key, struct buf *out);

/* The same with the private member d of an EC key. */
int jose_private_jwk(const EVP_PKEY *key, struct buf *out);

/* Appends the thumbprint in base64url. */
int jose_thumbprint(const EVP_PKEY *key, struct buf *out);

/* Appends base64url, padded if asked to. */
int jose_base64(struct blob in, bool pad, struct buf *out);

/* Appends two texts as one JSON string. */
void jose_string(struct buf *out, const char *text, const char *more);

#endif
