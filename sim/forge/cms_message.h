/*
 * Signed and encrypted messages (RFC 5652) in the dialect of Apple's clients:
 * BER with indefinite lengths and chunked content, SHA-1, no signed attributes;
 * each of these can be chosen otherwise.
 */
#ifndef CMS_MESSAGE_H
#define CMS_MESSAGE_H

#include <stdbool.h>

#include "sim/forge/keypair.h"

#define CMS_MESSAGE_CERTIFICATES 8

#define CMS_MESSAGE_ATTRIBUTES 8

/* A signed attribute of its own kind; the value is DER. */
struct cms_message_attribute {
	const char *oid;
	struct blob value;
};

struct cms_message {
	EVP_PKEY *key;
	struct blob signer; /* certificate of the key, DER */
	struct blob
	    others[CMS_MESSAGE_CERTIFICATES]; /* sent after the signer's */
	size_t others_count;
	const char *digest; /* sha1, sha256, sha384, sha512 */
	bool attributes;    /* contentType, signingTime, messageDigest */
	struct cms_message_attribute
	    more[CMS_MESSAGE_ATTRIBUTES]; /* in addition to those */
	size_t more_count;
	bool der; /* definite lengths, content in one piece */
	bool detached;
	bool no_certificates;
	size_t chunk; /* bytes of one piece of the content; 0: 512 */
};

/* Appends ContentInfo over the content. */
int cms_message_sign(
    const struct cms_message *cms, struct blob content, struct buf *out);

/* Appends the IssuerAndSerialNumber of a certificate in DER. */
int cms_message_issuer_and_serial(struct blob certificate, struct buf *out);

/*
 * Appends the content of a signed message, whose signature must verify with a
 * certificate inside it; ERR_MALFORMED otherwise.
 */
int cms_message_verify(struct blob message, struct buf *content);

/*
 * Appends the message for the RSA key of a certificate (DER): BER with
 * indefinite lengths, content in pieces. cipher: AES-128-CBC, AES-256-CBC,
 * DES-EDE3-CBC.
 */
int cms_message_seal(struct blob certificate, const char *cipher,
    struct blob content, struct buf *out);

/*
 * Appends the content of a message to the owner of this key and certificate;
 * ERR_MALFORMED when it cannot be opened.
 */
int cms_message_open(struct blob message, EVP_PKEY *key,
    struct blob certificate, struct buf *content);

#endif
