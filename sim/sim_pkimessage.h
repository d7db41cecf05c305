/*
 * What Apple's SCEP client sends (RFC 8894 section 3.1): a request for a
 * certificate, encrypted for the CA, signed by a certificate that the client
 * makes for the occasion.
 */
#ifndef SIM_PKIMESSAGE_H
#define SIM_PKIMESSAGE_H

#include "sim/sim_certrep.h"
#include "sim/sim_knob.h"
#include "sim/sim_profile.h"

#define SIM_PKIMESSAGE_NONCE 16

struct sim_pkimessage {
	/* The caller sets these; all borrowed. */
	const struct sim_profile *profile;
	const struct sim_knobs *knobs;
	struct blob ca; /* certificate of the CA, DER */
	const char *digest;
	const char *cipher;   /* as for sim_envelope_seal */
	EVP_PKEY *key;        /* to be certified */
	struct blob request;  /* DER that stands in for the key's; or empty */
	struct blob envelope; /* stands in for one around a request; or empty */
	/* sim_pkimessage_prepare makes these. */
	EVP_PKEY *signer;
	struct buf certificate; /* of the signer */
	char transaction[41];
	/* sim_pkimessage_write makes this. */
	uint8_t nonce[SIM_PKIMESSAGE_NONCE];
};

void sim_pkimessage_init(struct sim_pkimessage *m);
void sim_pkimessage_release(struct sim_pkimessage *m);

/* Makes the temporary certificate and names the transaction after the key. */
int sim_pkimessage_prepare(struct sim_pkimessage *m);

/* Appends the message, with a new nonce. */
int sim_pkimessage_write(struct sim_pkimessage *m, struct buf *out);

/* What the answer to the message last written has to repeat. */
struct sim_certrep_request sim_pkimessage_expected(
    const struct sim_pkimessage *m);

#endif
