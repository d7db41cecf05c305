/*
 * Nonces (RFC 8555 section 6.5) that cost nothing until they are used: time of
 * issue, generation (see store/nonces.h), random bytes and an HMAC over all of
 * them and over the enrollment they were given to. Only a used nonce is stored
 * (store/nonces.h), so that HEAD and GET write nothing, and any worker
 * recognizes any nonce, also after a restart.
 */
#ifndef ACME_NONCE_TOKEN_H
#define ACME_NONCE_TOKEN_H

#include <stdint.h>

#include "base/blob.h"

/* Bytes of the key file, and of the part that makes a nonce unique. */
#define NONCE_TOKEN_KEY 32
#define NONCE_TOKEN_ID  16

/* 8 + 16 + 16 bytes in base64url, with the NUL. */
#define NONCE_TOKEN_TEXT 55

/* Seconds; must outlast a device that waits for Apple between two requests. */
#define NONCE_TOKEN_LIFE 3600

struct nonce_token {
	uint8_t id[NONCE_TOKEN_ID];
	int64_t generation;
	int64_t expires_at;
};

/* A fresh nonce for requests to `enrollment`. */
void nonce_token_make(const uint8_t key[NONCE_TOKEN_KEY],
    const char *enrollment, int64_t generation, int64_t now,
    char out[NONCE_TOKEN_TEXT]);

/*
 * ERR_MALFORMED when `text` could not be any nonce, ERR_BAD_NONCE when it was
 * not made for this enrollment with this key, or is too old. Whether it was
 * used before, nonces_use() says, by out->id and out->generation.
 */
int nonce_token_check(const uint8_t key[NONCE_TOKEN_KEY],
    const char *enrollment, const char *text, int64_t now,
    struct nonce_token *out);

#endif
