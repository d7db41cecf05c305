/* The operations of a SCEP server (RFC 8894 section 4). */
#ifndef SCEP_OPERATION_H
#define SCEP_OPERATION_H

#include "base/buf.h"
#include "scep/pkcsreq.h"

/*
 * GetCACaps (section 3.5.2): one capability per line, LF between them and none
 * at the end, because Apple's older client compares whole lines.
 */
int operation_capabilities(const struct scep *scep, struct buf *out);

/* GetCACert (section 4.2): the DER of the certificate of scep->ca. */
int operation_certificate(const struct scep *scep, struct buf *out);

/*
 * PKIOperation (section 4.3): appends the CertRep, a refusal's too. Only what
 * cannot be answered in kind is a failure: ERR_MALFORMED, ERR_TOO_LARGE, and
 * faults of ours. What it came to is in the event log.
 */
int operation_pki(struct scep *scep, struct blob message, struct buf *out);

#endif
