/*
 * Keys, certificates and pieces of DER for the tests of lib/wire, made with
 * OpenSSL and by hand, so that what reads is tried against what others write.
 * Everything aborts the test on failure.
 */
#ifndef UNIT_TESTPKI_H
#define UNIT_TESTPKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "base/buf.h"

struct testpki_cert {
	const char *name; /* CN of the subject */
	long serial;
	bool ca;
	bool key_id;        /* with a subject key identifier */
	int64_t not_before; /* seconds from now; both 0: an hour each way */
	int64_t not_after;
	const EVP_MD *digest; /* NULL: SHA-256 */
	X509 *issuer;         /* NULL: self-signed */
	EVP_PKEY *issuer_key;
};

EVP_PKEY *testpki_ec(const char *curve);
EVP_PKEY *testpki_rsa(int bits);
X509 *testpki_issue(EVP_PKEY *key, const struct testpki_cert *what);

/* Append the DER of a certificate. */
void testpki_der(X509 *crt, struct buf *out);

/* Signs with the digest; appends the signature. */
void testpki_sign(
    EVP_PKEY *key, const EVP_MD *md, struct blob in, struct buf *out);

/* Append one element: header and content; an OID from its dotted text. */
void testpki_wrap(struct buf *out, uint8_t tag, struct blob content);
void testpki_oid(struct buf *out, const char *dotted);

/* Wraps all bytes from `from` to the end of the buffer in an element. */
void testpki_enclose(struct buf *b, size_t from, uint8_t tag);

#endif
