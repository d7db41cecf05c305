/* Answers to SCEP requests (RFC 8894 section 3.3.2), signed by the SCEP CA. */
#ifndef SCEP_CERTREP_H
#define SCEP_CERTREP_H

#include "base/buf.h"
#include "ca/authority.h"
#include "scep/pkimessage.h"
#include "wire/enveloped.h"

/* RFC 8894 section 3.2.1.4 */
enum certrep_fail {
	CERTREP_BAD_ALGORITHM = 0,
	CERTREP_BAD_MESSAGE = 1,
	CERTREP_BAD_REQUEST = 2,
};

/* What a client is told of a refusal with this code of err.def. */
enum certrep_fail certrep_fail_of(int code);

/*
 * Appends a CertRep of status FAILURE, whose content is empty, with the text
 * that err.def has for clients. It is signed with the request's digest, or with
 * SHA-256 when that is not allowed. ERR_CRYPTO.
 */
int certrep_failure(const struct authority *ca, const struct pkimessage *m,
    int code, bool older, struct buf *out);

/*
 * Appends a CertRep of status SUCCESS with this one certificate (DER) inside of
 * an envelope for the request's signer, by `cipher` when that is AES and by
 * 3DES otherwise. ERR_CRYPTO.
 */
int certrep_success(const struct authority *ca, const struct pkimessage *m,
    struct blob certificate, enum enveloped_cipher cipher, bool older,
    struct buf *out);

#endif
