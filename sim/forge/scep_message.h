/*
 * The messages of SCEP (RFC 8894 section 3). What Apple's client sends is a
 * request for a certificate, encrypted for the CA, signed by a certificate
 * that the client makes for the occasion; the answer is a CertRep.
 */
#ifndef SCEP_MESSAGE_H
#define SCEP_MESSAGE_H

#include "sim/forge/fault.h"
#include "sim/forge/keypair.h"

#define SCEP_MESSAGE_NONCE 16

struct scep_message {
	/* The caller sets these; all borrowed. */
	const struct faults *faults;
	struct blob subject;   /* DER Name */
	const char *challenge; /* NULL: none */
	uint8_t usage;         /* as for struct cert_request */
	struct blob ca;        /* certificate of the CA, DER */
	const char *digest;
	const char *cipher;   /* as for cms_message_seal */
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

/* pkiStatus */
#define SCEP_MESSAGE_SUCCESS 0
#define SCEP_MESSAGE_FAILURE 2
#define SCEP_MESSAGE_PENDING 3

struct scep_message_reply {
	int status;
	int fail_info;      /* -1: none */
	struct buf text;    /* failInfoText; empty: none */
	struct buf content; /* an envelope; empty: none */
};

/*
 * Reads the answer to the message last written; release text and content.
 * ERR_MALFORMED unless it is signed by that very CA certificate, says that it
 * is a CertRep, and repeats transaction and nonce.
 */
int scep_message_read(const struct scep_message *m, struct blob answer,
    struct scep_message_reply *out);

/* Appends the first certificate of a message that only carries certificates. */
int scep_message_certificate(struct blob message, struct buf *der);

/* The name of a failInfo. */
const char *scep_message_fail_name(int fail_info);

#endif
