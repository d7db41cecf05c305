/*
 * A stand-in for those who make push certificates: a vendor who signs a
 * customer's certificate request, and Apple's portal, which turns such a
 * signed request into a certificate with the topic in its UID. Their CA and
 * the vendor's certificate are in a folder.
 */
#ifndef PUSH_PORTAL_H
#define PUSH_PORTAL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The file of the CA that issues push certificates. */
#define PUSH_PORTAL_CA "push-ca.pem"

/* Makes CA and vendor unless they are there. */
int push_portal_open(const char *dir);

/*
 * Appends the vendor's signed request for a certificate request in PEM or DER:
 * base64 of a property list with PushCertRequestCSR, PushCertCertificateChain
 * and PushCertSignature. ERR_MALFORMED when it is not a request for an RSA key
 * of 2048 bits or more.
 */
int push_portal_sign(const char *dir, struct blob request, struct buf *out);

struct push_portal_options {
	const char *topic; /* NULL: a new one */
	const char
	    *renew;   /* file of a certificate whose topic to keep, or NULL */
	int64_t age;  /* days since it was issued */
	int64_t days; /* for which it is good */
};

/*
 * Appends the certificate in PEM for a signed request; the signature, and the
 * vendor's certificate, must be good. ERR_MALFORMED, ERR_BAD_SIGNATURE.
 */
int push_portal_issue(const char *dir, struct blob signed_request,
    const struct push_portal_options *options, struct buf *pem);

#endif
