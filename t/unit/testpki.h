/*
 * Keys and certificates for the tests of lib/wire, made with the simulator's
 * forge, so that what reads is tried against what OpenSSL writes. Everything
 * aborts the test on failure.
 */
#ifndef UNIT_TESTPKI_H
#define UNIT_TESTPKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "base/buf.h"
#include "sim/forge/der.h"
#include "sim/forge/keypair.h"

struct testpki_cert {
	const char *name; /* CN of the subject */
	long serial;
	bool ca;
	bool key_id;        /* with a subject key identifier */
	int64_t not_before; /* seconds from now; both 0: an hour each way */
	int64_t not_after;
	const char *digest; /* NULL: sha256 */
	X509 *issuer;       /* NULL: self-signed */
	EVP_PKEY *issuer_key;
};

/* A new key of a kind that keypair_make knows. */
EVP_PKEY *testpki_key(const char *kind);

X509 *testpki_issue(EVP_PKEY *key, const struct testpki_cert *what);

/* Append the DER of a certificate. */
void testpki_der(X509 *crt, struct buf *out);

/* Signs with the digest, sha256 when that is NULL; appends the signature. */
void testpki_sign(
    EVP_PKEY *key, const char *digest, struct blob in, struct buf *out);

/* Wraps all bytes from `from` to the end of the buffer in an element. */
void testpki_enclose(struct buf *b, size_t from, uint8_t tag);

#endif
