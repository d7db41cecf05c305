/*
 * Building CMS SignedData (RFC 5652 section 5) that GnuTLS cannot: with signed
 * attributes of our choice, with no content at all, or with certificates only.
 */
#ifndef WIRE_SIGNED_OUT_H
#define WIRE_SIGNED_OUT_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"
#include "base/buf.h"

#define SIGNED_OUT_ATTRIBUTES_MAX 16

/* A signed attribute: dotted OID, DER of its one value. */
struct signed_out_attribute {
	const char *oid;
	struct blob value;
};

struct signed_out {
	/* type id-data; absent (not empty) when has_content is false */
	bool has_content;
	struct blob content;
	/* RSA; the signature algorithm is written as rsaEncryption */
	gnutls_privkey_t key;
	/* named by issuer and serial number, and included */
	gnutls_x509_crt_t signer;
	/* GNUTLS_DIG_SHA1, _SHA256, _SHA384 or _SHA512 */
	gnutls_digest_algorithm_t digest;
	/* contentType, messageDigest and signingTime are added to these */
	const struct signed_out_attribute *attributes;
	size_t n_attributes;
};

/* Appends the DER of the ContentInfo. ERR_CRYPTO, ERR_INTERNAL. */
int signed_out_write(const struct signed_out *what, struct buf *out);

/*
 * Appends a SignedData without signers that holds this one certificate (DER),
 * content type id-data: the "certificates-only" message.
 */
int signed_out_certificate(struct blob certificate, struct buf *out);

/* Appends the DER of a PrintableString, OCTET STRING or UTF8String. */
int signed_out_printable(const char *text, struct buf *out);
int signed_out_octets(struct blob octets, struct buf *out);
int signed_out_utf8(const char *text, struct buf *out);

#endif
