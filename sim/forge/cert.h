/* Certificates (RFC 5280), built piece by piece so that any piece may be odd.
 */
#ifndef CERT_H
#define CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/forge/keypair.h"

#define CERT_DAY (24 * 60 * 60)

/* One attribute of a name; the tag is the string's type (DER_UTF8, …). */
struct cert_rdn {
	const char *oid;
	uint8_t tag;
	const char *value;
};

/* What is signed. Blobs are DER: Name, SubjectPublicKeyInfo, Extensions. */
struct cert {
	struct blob serial; /* big-endian bytes */
	struct blob issuer;
	struct blob subject;
	struct blob spki;
	struct blob extensions; /* Extension values in a row; empty = none */
	int64_t not_before;
	int64_t not_after;
	const char *digest; /* sha1, sha256, sha384 */
};

/* Appends a Name with one attribute per RDN. */
void cert_name(struct buf *out, const struct cert_rdn *rdn, size_t n);

/*
 * Appends a Name written as openssl does: /CN=…/O=…/OU=…; values are UTF8
 * strings. An unknown type may be dotted. ERR_USAGE when it is not a name.
 */
int cert_name_text(const char *text, struct buf *out);

/* The type of a text as SCEP clients write it: PrintableString or UTF8String.
 */
uint8_t cert_string(const char *text);

/* The same name with each value of the type that cert_string says. */
int cert_name_printable(const char *text, struct buf *out);

/* Appends one Extension; `value` goes into the OCTET STRING as it is. */
void cert_extension(
    struct buf *out, const char *oid, bool critical, struct blob value);

/* Appends BasicConstraints, critical; path_len < 0 leaves it out. */
void cert_basic(struct buf *out, bool ca, int path_len);

/* Appends KeyUsage, critical, from its last octet's bits (0x80 signing …). */
void cert_usage(struct buf *out, uint8_t bits);

/* Appends SubjectKeyIdentifier and AuthorityKeyIdentifier of two keys. */
int cert_key_ids(
    struct buf *out, const EVP_PKEY *subject, const EVP_PKEY *issuer);

/* Appends the signed certificate in DER. */
int cert_sign(const struct cert *c, EVP_PKEY *signer, struct buf *out);

/* The same with a version number of choice; 2 stands for v3. */
int cert_sign_version(
    const struct cert *c, int version, EVP_PKEY *signer, struct buf *out);

/*
 * Appends a certificate of one day that a key signs for itself, with this name
 * and these extensions.
 */
int cert_self_signed(const struct cert_rdn *cn, struct blob extensions,
    const char *digest, EVP_PKEY *key, struct buf *out);

#endif
