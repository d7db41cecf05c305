/* Signed requests of OAuth 1.0a with HMAC-SHA1 (RFC 5849). */
#ifndef NET_OAUTH1_H
#define NET_OAUTH1_H

#include <stdint.h>

#include "base/buf.h"
#include "wire/ade_token.h"

/* A parameter of a request, not escaped. */
struct oauth1_parameter {
	const char *name;
	const char *value;
};

#define OAUTH1_PARAMETERS_MAX 16

/*
 * Appends the signature (section 3.4), base64. `parameters` are those of
 * Authorization, query and form together, in any order, OAUTH1_PARAMETERS_MAX
 * at most; `url` has no query and is in the form of section 3.4.1.2: lower-case
 * scheme and host, no default port. ERR_TOO_LARGE, ERR_NOMEM, ERR_CRYPTO.
 */
int oauth1_sign(const char *method, const char *url,
    const struct oauth1_parameter *parameters, size_t n,
    const char *consumer_secret, const char *token_secret, struct buf *out);

/*
 * Appends "Authorization: OAuth …" for a request without query and form, with a
 * fresh nonce. Its buffer is to be wiped, for it lets somebody else in for as
 * long as the service accepts the time in it.
 */
int oauth1_header(const char *method, const char *url,
    const struct ade_token *token, int64_t now, struct buf *out);

#endif
