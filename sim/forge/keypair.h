/*
 * Keys and signatures by OpenSSL, so that a fault of the server's library
 * cannot hide behind the same fault here. Keys are EVP_PKEY; free them with
 * EVP_PKEY_free. Functions return OK or ERR_CRYPTO, ERR_IO, ERR_USAGE.
 */
#ifndef KEYPAIR_H
#define KEYPAIR_H

#include <openssl/evp.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"

#define KEYPAIR_SHA256 32
#define KEYPAIR_UUID   37 /* with the NUL */

/*
 * kind: P-256, P-384, P-521, Ed25519, RSA-1024, RSA-2048, … An RSA key is taken
 * from the folder that ATTESTMDM_SIM_KEYS names, while it has one: KIND.NUMBER,
 * in PEM. Each is taken once and renamed.
 */
int keypair_make(const char *kind, EVP_PKEY **out);

/* PEM files, named as in disk.h; they are made with mode 0600. */
int keypair_load(const char *dir, const char *name, EVP_PKEY **out);
int keypair_save(const char *dir, const char *name, EVP_PKEY *key);

/* Another reference to a key. */
EVP_PKEY *keypair_share(EVP_PKEY *key);

/* Bytes of one coordinate: 32, 48, 66; 0 when the key is not on a curve. */
size_t keypair_field(const EVP_PKEY *key);

/* Appends the point as 04 X Y (SEC 1 section 2.3.3), or Ed25519's bytes. */
int keypair_point(const EVP_PKEY *key, struct buf *out);

/* Appends SubjectPublicKeyInfo in DER. */
int keypair_spki(const EVP_PKEY *key, struct buf *out);

/*
 * Appends a signature over msg: DER for ECDSA, raw for RSA (PKCS#1 v1.5) and
 * Ed25519, which ignores the digest (sha1, sha256, sha384).
 */
int keypair_sign(
    EVP_PKEY *key, const char *digest, struct blob msg, struct buf *out);

/* Appends the AlgorithmIdentifier that belongs to such a signature. */
void keypair_algorithm(
    const EVP_PKEY *key, const char *digest, struct buf *out);

/* The OID of a digest: sha1, sha256, sha384. */
const char *keypair_digest_oid(const char *digest);

/*
 * Splits an ECDSA signature in DER into R and S of `field` bytes each;
 * out holds 2 * field bytes.
 */
int keypair_rs(struct blob der, size_t field, uint8_t *out);

void keypair_sha256(struct blob in, uint8_t out[KEYPAIR_SHA256]);
int keypair_digest(const char *digest, struct blob in, struct buf *out);
void keypair_random(void *p, size_t n);

/* A random UUID (RFC 9562 version 4) in capitals. */
void keypair_uuid(char out[KEYPAIR_UUID]);

/* Variables of a function that are freed when it returns, wherever it does. */

/* More than any message of the simulator needs. */
#define SCRATCH_MAX ((size_t)64 << 20)

/* An empty buffer. */
#define SCRATCH_BUF(b)                                                         \
	__attribute__((                                                        \
	    cleanup(buf_release))) struct buf b = { .max = SCRATCH_MAX }

/* A key that is NULL at first. */
#define SCRATCH_KEY(k) __attribute__((cleanup(keypair_free))) EVP_PKEY *k = NULL

static inline void
keypair_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

#endif
