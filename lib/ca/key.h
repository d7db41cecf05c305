/*
 * Private keys of ours: a PEM file or a PKCS #11 object (RFC 7512 URL). The
 * same handle serves both, so no caller knows where a key lives. Open keys
 * after the fork: a token's session does not survive one.
 */
#ifndef CA_KEY_H
#define CA_KEY_H

#include <stdbool.h>
#include <gnutls/abstract.h>

#include "base/blob.h"
#include "base/buf.h"

struct key;

enum key_kind {
	KEY_P256,
	KEY_P384,
	KEY_RSA_2048,
	KEY_RSA_3072,
};

/*
 * Opens the key that `where` names: a path, or a URL that begins with
 * "pkcs11:" (give the PIN as pin-source=/path in it). ERR_CONFIG when a file
 * is not a regular one, may be read by others or written by its group, or
 * belongs to another user; ERR_CRYPTO when it holds no usable private key.
 * Taken are EC P-256 and P-384 and RSA of 2048 to 4096 bits.
 */
int key_load(const char *where, struct key **out);
void key_free(struct key *key);

/* True when `where` is a pkcs11: URL. */
bool key_is_url(const char *where);

/* A new key that exists in memory only. */
int key_generate(enum key_kind kind, struct key **out);

/*
 * Appends a key that is not in a token as unencrypted PKCS #8 PEM, which the
 * caller wipes. ERR_CRYPTO.
 */
int key_write(const struct key *key, struct buf *out);

/*
 * Writes a generated key as unencrypted PKCS #8 PEM, mode 0600. ERR_EXISTS
 * when there is a file already; an existing key is never overwritten.
 */
int key_save(const struct key *key, const char *path);

/* The handle for GnuTLS calls that sign; belongs to the key. */
gnutls_privkey_t key_handle(const struct key *key);

/* The digest that goes with the key: SHA-384 for P-384, else SHA-256. */
gnutls_digest_algorithm_t key_digest(const struct key *key);

/* True for RSA, which alone can decrypt. */
bool key_is_rsa(const struct key *key);

/* "EC P-384", "RSA 3072" and so on; static text. */
const char *key_name(const struct key *key);

/* Appends the DER SubjectPublicKeyInfo. */
int key_spki(const struct key *key, struct buf *out);

/* The public half; the caller frees it with gnutls_pubkey_deinit. */
int key_public(const struct key *key, gnutls_pubkey_t *out);

#endif
