/*
 * Signed messages (RFC 5652) in the dialect of Apple's clients: BER with
 * indefinite lengths and chunked content, SHA-1, no signed attributes; each
 * of these can be chosen otherwise.
 */
#ifndef SIM_CMS_H
#define SIM_CMS_H

#include <stdbool.h>

#include "sim/sim_key.h"

#define SIM_CMS_CERTIFICATES 8

#define SIM_CMS_ATTRIBUTES 8

/* A signed attribute of its own kind; the value is DER. */
struct sim_cms_attribute {
	const char *oid;
	struct blob value;
};

struct sim_cms {
	EVP_PKEY *key;
	struct blob signer; /* certificate of the key, DER */
	struct blob others[SIM_CMS_CERTIFICATES]; /* sent after the signer's */
	size_t others_count;
	const char *digest; /* sha1, sha256, sha384, sha512 */
	bool attributes;    /* contentType, signingTime, messageDigest */
	struct sim_cms_attribute more[SIM_CMS_ATTRIBUTES]; /* beside those */
	size_t more_count;
	bool der; /* definite lengths, content in one piece */
	bool detached;
	bool no_certificates;
	size_t chunk; /* bytes of one piece of the content; 0: 512 */
};

/* Appends ContentInfo over the content. */
int sim_cms_sign(
    const struct sim_cms *cms, struct blob content, struct buf *out);

/* Appends the IssuerAndSerialNumber of a certificate in DER. */
int sim_cms_issuer_and_serial(struct blob certificate, struct buf *out);

/*
 * Appends the content of a signed message, whose signature must verify with a
 * certificate inside it; ERR_MALFORMED otherwise.
 */
int sim_cms_open(struct blob message, struct buf *content);

#endif
