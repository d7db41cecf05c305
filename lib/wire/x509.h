/*
 * Certificates (RFC 5280): thin helpers over GnuTLS that add what it leaves
 * out. Errors are logged where they are noticed.
 */
#ifndef WIRE_X509_H
#define WIRE_X509_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/secret.h"

/* No certificate that we meet comes near this size. */
#define X509_DER_MAX 16384

/* Accept a SHA-1 signature: for Apple's device CA of 2007 only. */
#define X509_ALLOW_SHA1 1u

/*
 * Reads one certificate of strict DER without trailing bytes. The caller
 * releases *crt with x509_free. ERR_MALFORMED, ERR_NOMEM.
 */
int x509_parse(struct blob der, gnutls_x509_crt_t *crt);

/*
 * The same from PEM (RFC 7468): one CERTIFICATE block, nothing but white space
 * around it. ERR_MALFORMED.
 */
int x509_parse_pem(struct blob pem, gnutls_x509_crt_t *crt);

/*
 * Reads a file of 1..max certificates; text outside of the blocks is allowed.
 * Fills crts[0..*n) in the file's order. ERR_IO, ERR_MALFORMED, ERR_TOO_LARGE.
 */
int x509_load(const char *path, size_t max, gnutls_x509_crt_t *crts, size_t *n);

/* NULL is fine. */
void x509_free(gnutls_x509_crt_t crt);

/* Append the DER of the certificate, or of its SubjectPublicKeyInfo. */
int x509_der(gnutls_x509_crt_t crt, struct buf *out);
int x509_spki(gnutls_x509_crt_t crt, struct buf *out);

/* Appends a PEM block with LF line ends for any DER certificate. */
int x509_write_pem(struct blob der, struct buf *out);

/* SHA-256 over the certificate's DER. */
int x509_sha256(gnutls_x509_crt_t crt, uint8_t out[SECRET_SHA256]);

/* Appends the subject key identifier; ERR_NOT_FOUND, unlogged, if absent. */
int x509_key_id(gnutls_x509_crt_t crt, struct buf *out);

/* Seconds since 1970; -1 when unreadable. */
int64_t x509_not_before(gnutls_x509_crt_t crt);
int64_t x509_not_after(gnutls_x509_crt_t crt);

/* True when BasicConstraints say CA, or are absent in a version 1 one. */
bool x509_is_ca(gnutls_x509_crt_t crt);

/*
 * OK when `issuer` is a CA, is the issuer that `crt` names, and its key made
 * the signature on `crt`. Dates are not looked at: the caller pins the issuer.
 * Flags: X509_ALLOW_SHA1. ERR_BAD_SIGNATURE.
 */
int x509_signed_by(
    gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer, unsigned flags);

/*
 * A public key from the DER of a SubjectPublicKeyInfo. EC keys must be on
 * their curve. The caller calls gnutls_pubkey_deinit. ERR_BAD_PUBLIC_KEY.
 */
int x509_pubkey(struct blob spki, gnutls_pubkey_t *key);

#endif
