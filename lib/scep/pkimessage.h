/*
 * The outside of a SCEP request (RFC 8894 section 3): SignedData whose signed
 * attributes name transaction, type and nonce.
 */
#ifndef SCEP_PKIMESSAGE_H
#define SCEP_PKIMESSAGE_H

#include <gnutls/x509.h>
#include <stdbool.h>

#include "base/blob.h"
#include "store/scep_challenges.h"
#include "wire/cms.h"

#define PKIMESSAGE_BYTES_MAX 65536
#define PKIMESSAGE_NONCE     16

/* Attributes and types (RFC 8894 section 3.2.1). */
#define PKIMESSAGE_OID_TYPE            "2.16.840.1.113733.1.9.2"
#define PKIMESSAGE_OID_STATUS          "2.16.840.1.113733.1.9.3"
#define PKIMESSAGE_OID_FAIL_INFO       "2.16.840.1.113733.1.9.4"
#define PKIMESSAGE_OID_SENDER_NONCE    "2.16.840.1.113733.1.9.5"
#define PKIMESSAGE_OID_RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define PKIMESSAGE_OID_TRANSACTION     "2.16.840.1.113733.1.9.7"
#define PKIMESSAGE_OID_SIGNING_TIME    "1.2.840.113549.1.9.5"
#define PKIMESSAGE_OID_FAIL_TEXT       "1.3.6.1.5.5.7.24.1"

#define PKIMESSAGE_RENEWAL_REQ 17
#define PKIMESSAGE_PKCS_REQ    19

struct pkimessage {
	struct cms_signed *cms;
	/* the one that the message says signed it; NULL when there is none */
	gnutls_x509_crt_t signer;
	/* "" when absent or unusable */
	char transaction_id[SCEP_CHALLENGES_TRANSACTION_TEXT];
	/* -1 when absent or no number */
	int type;
	/* n is 0 when absent or unusable */
	struct blob sender_nonce;
	/* seconds since 1970; 0 when absent or unusable */
	int64_t signing_time;
};

/*
 * Reads a message and verifies nothing. ERR_MALFORMED, ERR_TOO_LARGE: it is no
 * SignedData with one signer, and cannot be answered in kind. Whatever else is
 * wrong waits for pkimessage_verify(). The caller releases *out in any case.
 */
int pkimessage_parse(struct blob in, struct pkimessage *out);
void pkimessage_release(struct pkimessage *m);

/*
 * The included signer's key, an RSA one, signed content and attributes, the
 * digest is allowed (SHA-1 for `older` clients), and the attributes are what
 * RFC 8894 section 3.2.1 wants. Says nothing of who the signer is.
 * ERR_SCEP_ALGORITHM, ERR_SCEP_MESSAGE, ERR_SCEP_REQUEST.
 */
int pkimessage_verify(const struct pkimessage *m, bool older);

#endif
