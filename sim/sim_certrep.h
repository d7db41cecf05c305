/* What a SCEP server answers: CertRep (RFC 8894 section 3.3.2). */
#ifndef SIM_CERTREP_H
#define SIM_CERTREP_H

#include "sim/sim_key.h"

/* pkiStatus */
#define SIM_CERTREP_SUCCESS 0
#define SIM_CERTREP_FAILURE 2
#define SIM_CERTREP_PENDING 3

struct sim_certrep {
	int status;
	int fail_info;      /* -1: none */
	struct buf text;    /* failInfoText; empty: none */
	struct buf content; /* an envelope; empty: none */
};

/* What the answer has to repeat. */
struct sim_certrep_request {
	const char *transaction;
	struct blob nonce;
};

void sim_certrep_init(struct sim_certrep *r);
void sim_certrep_release(struct sim_certrep *r);

/*
 * Reads an answer. ERR_MALFORMED unless it is signed by that very CA
 * certificate, says that it is a CertRep, and repeats transaction and nonce.
 */
int sim_certrep_read(struct blob message, struct blob ca,
    const struct sim_certrep_request *request, struct sim_certrep *out);

/* Appends the first certificate of a message that only carries certificates. */
int sim_certrep_certificate(struct blob message, struct buf *der);

/* The name of a failInfo. */
const char *sim_certrep_fail_name(int fail_info);

#endif
