/*
 * CMS SignedData (RFC 5652 section 5) as devices send it: BER or DER, with or
 * without signed attributes, content attached or detached, one signer whose
 * certificate is included. What the signer may do is the caller's question.
 */
#ifndef WIRE_CMS_H
#define WIRE_CMS_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"
#include "base/buf.h"

#define CMS_BYTES_MAX      262144
#define CMS_CERTS_MAX      16
#define CMS_ATTRIBUTES_MAX 32

/* What cms_signed_verify() accepts beyond the default. */
#define CMS_ALLOW_SHA1    1u /* digest SHA-1, not only SHA-256/384/512 */
#define CMS_ALLOW_RSA1024 2u /* RSA from 1024 bits on, otherwise 2048 */

/* What it wants beyond the default. */
#define CMS_WANT_ATTRIBUTES 4u /* ERR_MALFORMED without signed attributes */

struct cms_parts;

/* All blobs point into memory that the structure owns. */
struct cms_signed {
	bool has_content;
	struct blob content; /* the joined bytes of an attached content */
	size_t n_certs;
	struct blob certs[CMS_CERTS_MAX]; /* DER, in the order received */
	struct cms_parts *parts;
};

/*
 * Reads a ContentInfo with SignedData, both of at most CMS_BYTES_MAX bytes:
 * content type id-data, exactly one SignerInfo, at most CMS_CERTS_MAX
 * certificates. Nothing is verified yet. *out is the caller's to release with
 * cms_signed_free. ERR_MALFORMED, ERR_TOO_LARGE.
 */
int cms_signed_parse(struct blob in, struct cms_signed **out);
void cms_signed_free(struct cms_signed *cms);

/*
 * DER of the one included certificate that the SignerInfo names (by issuer and
 * serial number, or by subject key identifier). ERR_MALFORMED when there is
 * none or more than one.
 */
int cms_signed_signer(const struct cms_signed *cms, struct blob *der);

/*
 * OK when the signer certificate's key (RSA with an exponent of at most 32
 * bits, or ECDSA) signed `content`: the request body for a detached signature,
 * cms->content for an attached one; an attached content that differs from
 * `content` is refused. With signed attributes, contentType (id-data) and
 * messageDigest must be there once each and match. All dates in certificates
 * are ignored, and nothing says that the certificate deserves trust. Flags:
 * CMS_ALLOW_… and CMS_WANT_….
 * ERR_BAD_ALGORITHM, ERR_BAD_SIGNATURE, ERR_MALFORMED.
 */
int cms_signed_verify(
    const struct cms_signed *cms, struct blob content, unsigned flags);

/* The digest that the signer names; GNUTLS_DIG_UNKNOWN for one we do not have.
 */
gnutls_digest_algorithm_t cms_signed_digest(const struct cms_signed *cms);

/*
 * DER of the single value of the signed attribute with this dotted OID.
 * ERR_NOT_FOUND, unlogged, when absent; ERR_MALFORMED when it is there twice
 * or has not exactly one value.
 */
int cms_signed_attribute(
    const struct cms_signed *cms, const char *oid, struct blob *der);

/*
 * Appends the DER of a SignedData with `content` attached, signed with SHA-256
 * by `key`, whose certificate is chain[0]; all `n` certificates are included.
 * For configuration profiles. ERR_CRYPTO.
 */
int cms_sign(struct blob content, gnutls_privkey_t key,
    const gnutls_x509_crt_t *chain, size_t n, struct buf *out);

#endif
