/*
 * What an OpenID provider answers: its configuration (OpenID Connect Discovery
 * section 4) and its token endpoint (OpenID Connect Core section 3.1.3).
 * Unknown members are ignored.
 */
#ifndef WIRE_IN_OPENID_H
#define WIRE_IN_OPENID_H

#include <stdbool.h>

#include "base/blob.h"
#include "base/buf.h"

/* Bytes of an answer. */
#define IN_OPENID_BYTES_MAX ((size_t)64 << 10)
/* Room for a URL, with the NUL. */
#define IN_OPENID_URL_TEXT 1025
/* Room for an error word, with the NUL. */
#define IN_OPENID_WORD_TEXT 65

struct in_openid {
	/* https, without user name and fragment */
	char authorization_endpoint[IN_OPENID_URL_TEXT];
	char token_endpoint[IN_OPENID_URL_TEXT];
	char jwks_uri[IN_OPENID_URL_TEXT];
	/* how the token endpoint lets clients authenticate */
	bool takes_basic;
	bool takes_none;
	/* the answer to the browser names the issuer (RFC 9207) */
	bool names_issuer;
};

/*
 * The configuration of the provider `issuer`. ERR_SIGN_IN_PROVIDER when it is
 * another's, offers no authorization code, has lists of proof key methods or
 * signature algorithms in which there is none of ours (S256; those of
 * jwkset.h), or a URL is missing or not as above.
 */
int in_openid_read(struct blob text, const char *issuer, struct in_openid *out);

/* May this be the address of a provider or one of its endpoints? */
bool in_openid_is_url(const char *url);

/* Appends the ID token of a token endpoint's answer. ERR_SIGN_IN_PROVIDER. */
int in_openid_token(struct blob text, struct buf *out);

/*
 * The error word of a refusal (RFC 6749 section 5.2), such as invalid_grant;
 * "" when it says none that is made of small letters, digits, '_' and '-'.
 */
void in_openid_error(struct blob text, char out[IN_OPENID_WORD_TEXT]);

#endif
