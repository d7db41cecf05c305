/*
 * The request for a push certificate as Apple's portal takes it: base64 of a
 * property list with a certificate request, the certificates of an MDM vendor,
 * and the vendor's signature over the request (Apple: "Setting up push
 * notifications for your MDM customers").
 */
#ifndef WIRE_VENDOR_REQUEST_H
#define WIRE_VENDOR_REQUEST_H

#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"

#define VENDOR_REQUEST_MAX (128 * 1024)
/* Vendor, intermediate, root; Apple's portal wants all of them. */
#define VENDOR_REQUEST_CHAIN_MAX 8

struct vendor_request {
	/* DER, PKCS#10 */
	struct buf csr;
	/* PEM, the vendor's certificate first */
	struct buf chain;
	/* SHA-256 with RSA over csr */
	struct buf signature;
};

/*
 * Reads what a vendor gave back, base64 or the property list itself. *out is
 * released with vendor_request_release() in any case. ERR_MALFORMED,
 * ERR_TOO_LARGE.
 */
int vendor_request_read(struct blob text, struct vendor_request *out);
void vendor_request_release(struct vendor_request *request);

/*
 * Is it for the key with this SubjectPublicKeyInfo, is the signature the
 * vendor's, and is each certificate valid and signed by the next? Whether
 * Apple knows the vendor is for Apple to say. ERR_BAD_CSR, ERR_BAD_SIGNATURE,
 * ERR_MALFORMED, each logged with the reason.
 */
int vendor_request_check(
    const struct vendor_request *request, struct blob spki, int64_t now);

/* Appends the request as Apple's portal takes it, with a line end. */
int vendor_request_write(const struct vendor_request *request, struct buf *out);

#endif
