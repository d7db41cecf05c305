/* Certificates (RFC 5280), built piece by piece so that any piece may be odd.
 */
#ifndef SIM_CERT_H
#define SIM_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim_key.h"

#define SIM_CERT_DAY (24 * 60 * 60)

/* One attribute of a name; the tag is the string's type (SIM_DER_UTF8, …). */
struct sim_cert_rdn {
	const char *oid;
	uint8_t tag;
	const char *value;
};

/* What is signed. Blobs are DER: Name, SubjectPublicKeyInfo, Extensions. */
struct sim_cert {
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
void sim_cert_name(struct buf *out, const struct sim_cert_rdn *rdn, size_t n);

/*
 * Appends a Name written as openssl does: /CN=…/O=…/OU=…; values are UTF8
 * strings. An unknown type may be dotted. ERR_USAGE when it is not a name.
 */
int sim_cert_name_text(const char *text, struct buf *out);

/* The type of a text as SCEP clients write it: PrintableString or UTF8String.
 */
uint8_t sim_cert_string(const char *text);

/* The same name with each value of the type that sim_cert_string says. */
int sim_cert_name_printable(const char *text, struct buf *out);

/* Appends one Extension; `value` goes into the OCTET STRING as it is. */
void sim_cert_extension(
    struct buf *out, const char *oid, bool critical, struct blob value);

/* Appends BasicConstraints, critical; path_len < 0 leaves it out. */
void sim_cert_basic(struct buf *out, bool ca, int path_len);

/* Appends KeyUsage, critical, from its last octet's bits (0x80 signing …). */
void sim_cert_usage(struct buf *out, uint8_t bits);

/* Appends SubjectKeyIdentifier and AuthorityKeyIdentifier of two keys. */
int sim_cert_key_ids(
    struct buf *out, const EVP_PKEY *subject, const EVP_PKEY *issuer);

/* Appends the signed certificate in DER. */
int sim_cert_sign(const struct sim_cert *c, EVP_PKEY *signer, struct buf *out);

/* The same with a version number of choice; 2 stands for v3. */
int sim_cert_sign_version(
    const struct sim_cert *c, int version, EVP_PKEY *signer, struct buf *out);

/*
 * Appends a certificate of one day that a key signs for itself, with this name
 * and these extensions.
 */
int sim_cert_self_signed(const struct sim_cert_rdn *cn, struct blob extensions,
    const char *digest, EVP_PKEY *key, struct buf *out);

#endif
