/* What a SCEP server answers: CertRep (RFC 8894 section 3.3.2). */
#ifndef SCEP_REPLY_H
#define SCEP_REPLY_H

#include "sim/forge/keypair.h"

/* pkiStatus */
#define SCEP_REPLY_SUCCESS 0
#define SCEP_REPLY_FAILURE 2
#define SCEP_REPLY_PENDING 3

struct scep_reply {
	int status;
	int fail_info;      /* -1: none */
	struct buf text;    /* failInfoText; empty: none */
	struct buf content; /* an envelope; empty: none */
};

/* What the answer has to repeat. */
struct scep_reply_request {
	const char *transaction;
	struct blob nonce;
};

void scep_reply_init(struct scep_reply *r);
void scep_reply_release(struct scep_reply *r);

/*
 * Reads an answer. ERR_MALFORMED unless it is signed by that very CA
 * certificate, says that it is a CertRep, and repeats transaction and nonce.
 */
int scep_reply_read(struct blob message, struct blob ca,
    const struct scep_reply_request *request, struct scep_reply *out);

/* Appends the first certificate of a message that only carries certificates. */
int scep_reply_certificate(struct blob message, struct buf *der);

/* The name of a failInfo. */
const char *scep_reply_fail_name(int fail_info);

#endif
