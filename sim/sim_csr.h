/* Certificate requests (RFC 2986) as Apple's client builds them. */
#ifndef SIM_CSR_H
#define SIM_CSR_H

#include <stdbool.h>

#include "sim/sim_key.h"
#include "sim/sim_knob.h"

#define SIM_CSR_NAMES 8

struct sim_csr {
	EVP_PKEY *key;
	EVP_PKEY *signer;    /* NULL: key; another one breaks the signature */
	struct blob subject; /* DER Name; empty for no RDN at all */
	const char *digest;  /* sha256 as Apple's client, also for P-384 */
	/* Subject alternative names; NULL ends each list. */
	const char *dns[SIM_CSR_NAMES];
	const char *email[SIM_CSR_NAMES];
	const char *uri[SIM_CSR_NAMES];
	const char *permanent_identifier[SIM_CSR_NAMES];
	const char *ekus[SIM_CSR_NAMES]; /* dotted; none: clientAuth */
	const char *challenge;           /* challengePassword; NULL: none */
	bool challenge_twice;
	uint8_t usage; /* bits of KeyUsage; 0: signing and encipherment */
	bool no_extensions;
	const struct sim_knobs *knobs;
};

/* Appends the request in DER. */
int sim_csr_write(const struct sim_csr *csr, struct buf *out);

#endif
