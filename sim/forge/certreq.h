/* Certificate requests (RFC 2986) as Apple's client builds them. */
#ifndef CERTREQ_H
#define CERTREQ_H

#include <stdbool.h>

#include "sim/forge/keypair.h"
#include "sim/forge/fault.h"

#define CERTREQ_NAMES 8

struct certreq {
	EVP_PKEY *key;
	EVP_PKEY *signer;    /* NULL: key; another one breaks the signature */
	struct blob subject; /* DER Name; empty for no RDN at all */
	const char *digest;  /* sha256 as Apple's client, also for P-384 */
	/* Subject alternative names; NULL ends each list. */
	const char *dns[CERTREQ_NAMES];
	const char *email[CERTREQ_NAMES];
	const char *uri[CERTREQ_NAMES];
	const char *permanent_identifier[CERTREQ_NAMES];
	const char *ekus[CERTREQ_NAMES]; /* dotted; none: clientAuth */
	const char *challenge;           /* challengePassword; NULL: none */
	bool challenge_twice;
	uint8_t usage; /* bits of KeyUsage; 0: signing and encipherment */
	bool no_extensions;
	const struct faults *faults;
};

/* Appends the request in DER. */
int certreq_write(const struct certreq *csr, struct buf *out);

#endif
