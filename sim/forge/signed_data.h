/*
 * Signed messages (RFC 5652) in the dialect of Apple's clients: BER with
 * indefinite lengths and chunked content, SHA-1, no signed attributes; each
 * of these can be chosen otherwise.
 */
#ifndef SIGNED_DATA_H
#define SIGNED_DATA_H

#include <stdbool.h>

#include "sim/forge/keypair.h"

#define SIGNED_DATA_CERTIFICATES 8

#define SIGNED_DATA_ATTRIBUTES 8

/* A signed attribute of its own kind; the value is DER. */
struct signed_data_attribute {
	const char *oid;
	struct blob value;
};

struct signed_data {
	EVP_PKEY *key;
	struct blob signer; /* certificate of the key, DER */
	struct blob
	    others[SIGNED_DATA_CERTIFICATES]; /* sent after the signer's */
	size_t others_count;
	const char *digest; /* sha1, sha256, sha384, sha512 */
	bool attributes;    /* contentType, signingTime, messageDigest */
	struct signed_data_attribute
	    more[SIGNED_DATA_ATTRIBUTES]; /* beside those */
	size_t more_count;
	bool der; /* definite lengths, content in one piece */
	bool detached;
	bool no_certificates;
	size_t chunk; /* bytes of one piece of the content; 0: 512 */
};

/* Appends ContentInfo over the content. */
int signed_data_sign(
    const struct signed_data *cms, struct blob content, struct buf *out);

/* Appends the IssuerAndSerialNumber of a certificate in DER. */
int signed_data_issuer_and_serial(struct blob certificate, struct buf *out);

/*
 * Appends the content of a signed message, whose signature must verify with a
 * certificate inside it; ERR_MALFORMED otherwise.
 */
int signed_data_open(struct blob message, struct buf *content);

#endif
