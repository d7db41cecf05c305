/*
 * Certificates (RFC 5280) and requests for them (RFC 2986), built piece by
 * piece so that any piece may be odd.
 */
#ifndef CERT_H
#define CERT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/forge/fault.h"
#include "sim/forge/keypair.h"

#define CERT_DAY ((int64_t)24 * 60 * 60)

/* One attribute of a name; the tag is the string's type (DER_UTF8, …). */
struct cert_rdn {
	const char *oid;
	uint8_t tag;
	const char *value;
};

/* What is signed. Blobs are DER: Name, SubjectPublicKeyInfo, Extensions. */
struct cert {
	struct blob serial; /* big-endian bytes; empty: random */
	struct blob issuer; /* empty: the subject */
	struct blob subject;
	EVP_PKEY *key;
	struct blob spki;       /* empty: the key's */
	struct blob extensions; /* Extension values in a row; empty: none */
	int64_t not_before;     /* 0: five minutes ago */
	int64_t not_after;      /* 0: a day from now */
	const char *digest;     /* NULL: sha256 */
	bool is_v1;
};

/* Appends the certificate in DER; signer NULL: its own key. */
int cert_sign(const struct cert *c, EVP_PKEY *signer, struct buf *out);

/* Appends a SEQUENCE of these bytes, the algorithm and a signature of them. */
int cert_wrap(
    struct blob tbs, EVP_PKEY *signer, const char *digest, struct buf *out);

/* Appends a Name with one attribute per RDN. */
void cert_name(struct buf *out, const struct cert_rdn *rdn, size_t n);

/*
 * Appends a Name written as openssl does: /CN=…/O=…/OU=…; values are UTF8
 * strings. An unknown type may be dotted. ERR_USAGE when it is not a name.
 */
int cert_name_text(const char *text, struct buf *out);

/* The type of a text in SCEP: PrintableString, or UTF8String if it must be. */
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

/* Appends ExtendedKeyUsage with dotted OIDs; NULL ends them. */
void cert_ekus(struct buf *out, bool critical, const char *const *oids);

/* Appends SubjectKeyIdentifier and AuthorityKeyIdentifier of two keys. */
int cert_key_ids(
    struct buf *out, const EVP_PKEY *subject, const EVP_PKEY *issuer);

#define CERT_REQUEST_EKUS 8 /* with a NULL that ends them */

/* A request as Apple's client builds it. */
struct cert_request {
	EVP_PKEY *key;
	EVP_PKEY *signer;    /* NULL: key; another one breaks the signature */
	struct blob subject; /* DER Name; empty for no RDN at all */
	const char *digest;  /* sha256 as Apple's client, also for P-384 */
	const char *dns;     /* dNSName; NULL: none */
	const char *ekus[CERT_REQUEST_EKUS]; /* dotted; none: clientAuth */
	const char *challenge;               /* challengePassword; NULL: none */
	bool challenge_twice;
	uint8_t usage; /* bits of KeyUsage; 0: signing and encipherment */
	const struct faults *faults;
};

/* Appends the request in DER. */
int cert_request(const struct cert_request *csr, struct buf *out);

#endif
