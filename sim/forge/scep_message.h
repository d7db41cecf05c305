/*
 * What Apple's SCEP client sends (RFC 8894 section 3.1): a request for a
 * certificate, encrypted for the CA, signed by a certificate that the client
 * makes for the occasion.
 */
#ifndef SCEP_MESSAGE_H
#define SCEP_MESSAGE_H

#include "sim/forge/scep_reply.h"
#include "sim/forge/fault.h"
#include "sim/client/payload.h"

#define SCEP_MESSAGE_NONCE 16

struct scep_message {
	/* The caller sets these; all borrowed. */
	const struct payload *profile;
	const struct faults *faults;
	struct blob ca; /* certificate of the CA, DER */
	const char *digest;
	const char *cipher;   /* as for envelope_seal */
	EVP_PKEY *key;        /* to be certified */
	struct blob request;  /* DER that stands in for the key's; or empty */
	struct blob envelope; /* stands in for one around a request; or empty */
	/* scep_message_prepare makes these. */
	EVP_PKEY *signer;
	struct buf certificate; /* of the signer */
	char transaction[41];
	/* scep_message_write makes this. */
	uint8_t nonce[SCEP_MESSAGE_NONCE];
};

void scep_message_init(struct scep_message *m);
void scep_message_release(struct scep_message *m);

/* Makes the temporary certificate and names the transaction after the key. */
int scep_message_prepare(struct scep_message *m);

/* Appends the message, with a new nonce. */
int scep_message_write(struct scep_message *m, struct buf *out);

/* What the answer to the message last written has to repeat. */
struct scep_reply_request scep_message_expected(const struct scep_message *m);

#endif
