/* Certificate requests (RFC 2986) as Apple's client builds them. */
#ifndef CERTREQ_H
#define CERTREQ_H

#include <stdbool.h>

#include "sim/forge/keypair.h"
#include "sim/forge/fault.h"

#define CERTREQ_EKUS 8 /* with a NULL that ends them */

struct certreq {
	EVP_PKEY *key;
	EVP_PKEY *signer;    /* NULL: key; another one breaks the signature */
	struct blob subject; /* DER Name; empty for no RDN at all */
	const char *digest;  /* sha256 as Apple's client, also for P-384 */
	const char *dns;     /* dNSName; NULL: none */
	const char *ekus[CERTREQ_EKUS]; /* dotted; none: clientAuth */
	const char *challenge;          /* challengePassword; NULL: none */
	bool challenge_twice;
	uint8_t usage; /* bits of KeyUsage; 0: signing and encipherment */
	const struct faults *faults;
};

/* Appends the request in DER. */
int certreq_write(const struct certreq *csr, struct buf *out);

#endif
