/*
 * The signed envelope of every ACME POST (RFC 8555 section 6.2): a JWS in
 * flattened JSON serialization (RFC 7515 section 7.2.2).
 *
 * jws_parse() reads and checks the structure; what the members mean (is the
 * nonce ours, is the URL this one, who is the kid) is for the caller, and so
 * is the order: verify before the nonce is used up.
 */
#ifndef WIRE_JWS_H
#define WIRE_JWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "wire/jwk.h"

#define JWS_BODY_MAX      (64 * 1024)
#define JWS_PROTECTED_MAX 4096
#define JWS_PAYLOAD_MAX   (32 * 1024)
#define JWS_NONCE_MAX     64
#define JWS_URL_MAX       1024

/* For the "algorithms" member of a badSignatureAlgorithm problem. */
#define JWS_ALGORITHMS "ES256", "ES384", "EdDSA"

enum jws_alg {
	JWS_ES256,
	JWS_ES384,
	JWS_EDDSA,
};

/* Flags of jws_parse(). */
enum {
	/* The inner JWS of keyChange (RFC 8555 section 7.3.5): a nonce is
	 * refused instead of demanded, and the key must be in `jwk`. */
	JWS_INNER = 1,
};

struct jws {
	enum jws_alg alg;
	char *nonce; /* base64url text; NULL only with JWS_INNER */
	char *url;
	char *kid;           /* NULL when there is a jwk */
	struct jwk *jwk;     /* NULL when there is a kid */
	struct blob payload; /* decoded; belongs to the JWS */
	bool empty_payload;  /* POST-as-GET */
	/* private to jws.c */
	struct buf payload_bytes;
	struct buf signed_text; /* protected "." payload, as received */
	struct buf signature;
};

/*
 * Reads a request body. On success *out is to be freed with jws_free().
 *   ERR_TOO_LARGE       the body is longer than JWS_BODY_MAX
 *   ERR_BAD_ALGORITHM   "alg" is none of ours
 *   ERR_BAD_PUBLIC_KEY  "jwk" is refused by jwk_parse() or cannot be used
 *                       with "alg"
 *   ERR_BAD_NONCE       the header has no nonce
 *   ERR_MALFORMED       everything else
 */
int jws_parse(struct blob body, unsigned flags, struct jws **out);

/* NULL is fine. */
void jws_free(struct jws *jws);

/*
 * Verifies the signature with `key`: the account's, or jws->jwk. For ES256
 * also takes the short signatures of Apple's clients before macOS 15 and
 * iOS 18, which leave out leading zeros of R and S. ERR_BAD_SIGNATURE.
 */
int jws_verify(const struct jws *jws, const struct jwk *key);

#endif
