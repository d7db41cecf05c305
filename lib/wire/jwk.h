/*
 * Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037): elliptic
 * curves P-256 and P-384, and Ed25519. Nothing else, and nothing private.
 */
#ifndef WIRE_JWK_H
#define WIRE_JWK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "wire/in_json.h"

/* A SHA-256 in base64url, with the NUL. */
#define JWK_THUMBPRINT_TEXT 44

#define JWK_COORDINATE_MAX 48

enum jwk_kind {
	JWK_P256,
	JWK_P384,
	JWK_ED25519,
};

/* Coordinates are big-endian and as long as the curve says. */
struct jwk {
	enum jwk_kind kind;
	size_t n; /* bytes of each coordinate */
	uint8_t x[JWK_COORDINATE_MAX];
	uint8_t y[JWK_COORDINATE_MAX]; /* zero for Ed25519 */
	char alg[16];                  /* the member "alg"; "" when absent */
};

/*
 * Reads a key; free with jwk_free(). ERR_BAD_PUBLIC_KEY for another type or
 * curve, a private member, coordinates of wrong length or off the curve.
 */
int jwk_parse(const struct json *object, struct jwk **out);

/* The same from text; ERR_MALFORMED when it is no JSON object. */
int jwk_parse_text(struct blob text, struct jwk **out);

/* NULL is fine. */
void jwk_free(struct jwk *jwk);

/* True when both are the same key; "alg" does not count. */
bool jwk_eq(const struct jwk *a, const struct jwk *b);

/* The RFC 7638 thumbprint in base64url. */
int jwk_thumbprint(const struct jwk *jwk, char out[JWK_THUMBPRINT_TEXT]);

/* Appends the canonical text of RFC 7638 section 3: required members only. */
int jwk_write(const struct jwk *jwk, struct buf *out);

/* Appends the DER SubjectPublicKeyInfo: named curve, uncompressed point. */
int jwk_spki(const struct jwk *jwk, struct buf *out);

/*
 * True when `signature` is the key's over `message`: ES256, ES384 or EdDSA
 * as the key's kind says, R and S in full length (RFC 7518 section 3.4).
 */
bool jwk_verifies(
    const struct jwk *jwk, struct blob message, struct blob signature);

#endif
