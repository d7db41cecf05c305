/*
 * The server token of a device management service at Apple Business: OAuth 1.0a
 * credentials, good for a year, that Apple encrypts to a certificate of ours
 * (Apple: "Authenticating for Automated Device Enrollment").
 */
#ifndef WIRE_ADE_TOKEN_H
#define WIRE_ADE_TOKEN_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

/* A file larger than this is not looked at. */
#define ADE_TOKEN_FILE_MAX 65536
#define ADE_TOKEN_TEXT     257

struct ade_token {
	char consumer_key[ADE_TOKEN_TEXT];
	char consumer_secret[ADE_TOKEN_TEXT];
	char access_token[ADE_TOKEN_TEXT];
	char access_secret[ADE_TOKEN_TEXT];
	int64_t expires_at;
};

/*
 * Reads the file that Apple Business hands out (.p7m): MIME with an
 * EnvelopedData for `recipient`, AES or 3DES, in which is MIME again, and in
 * that the token. Lines may end with LF or CRLF. ERR_ADE_TOKEN: it is no such
 * file, or was made for another certificate; also ERR_TOO_LARGE, ERR_CRYPTO,
 * ERR_NOMEM. Wipe the token with secret_wipe().
 */
int ade_token_open(struct blob file, gnutls_privkey_t key,
    gnutls_x509_crt_t recipient, struct ade_token *out);

/* The token's JSON, as Apple has it and as we keep it. ERR_ADE_TOKEN. */
int ade_token_read(struct blob json, struct ade_token *out);

/* Appends that JSON. ERR_TOO_LARGE, ERR_NOMEM. */
int ade_token_write(const struct ade_token *token, struct buf *out);

#endif
