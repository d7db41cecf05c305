/*
 * Who we are to Apple's push service: a key of ours, the request for its
 * certificate, and what that certificate has to be. Key and certificate lie in
 * one file, so that they are replaced together.
 */
#ifndef CA_PUSH_IDENTITY_H
#define CA_PUSH_IDENTITY_H

#include <gnutls/x509.h>

#include "base/buf.h"
#include "base/conf.h"
#include "ca/key.h"
#include "store/push_certificate.h"

#define PUSH_IDENTITY_FILE_MAX 65536
#define PUSH_IDENTITY_PATH     4096

/* STATE/apple/push.key: of a request under way. */
void push_identity_request_path(
    const struct conf *conf, char out[PUSH_IDENTITY_PATH]);

/* STATE/apple/push.pem: certificate and key that are in use. */
void push_identity_path(const struct conf *conf, char out[PUSH_IDENTITY_PATH]);

/*
 * Appends a request (PKCS#10, DER) for the certificate of an RSA key, signed
 * with SHA-256; `name` is its common name. ERR_CRYPTO.
 */
int push_identity_request(
    const struct key *key, const char *name, struct buf *out);

/* Appends the signature of a vendor's RSA key over a request. ERR_CRYPTO. */
int push_identity_sign(
    const struct key *vendor, struct blob request, struct buf *out);

/*
 * Reads a certificate as Apple gives it out, PEM or DER; of several in PEM the
 * first. The caller frees *crt with x509_free(). ERR_MALFORMED.
 */
int push_identity_parse(struct blob file, gnutls_x509_crt_t *crt);

/*
 * Is it a push certificate for device management that is valid now? Fills in
 * what the database keeps of it, but for who imported it. ERR_FIELD, with the
 * reason: the topic in the subject's UID, the purpose, the dates.
 */
int push_identity_read(gnutls_x509_crt_t crt, struct push_certificate *out);

/* Is it for this key? ERR_CRYPTO when it cannot be said. */
int push_identity_matches(
    gnutls_x509_crt_t crt, const struct key *key, bool *out);

/* Appends both as PEM, the key first. ERR_CRYPTO. */
int push_identity_write(
    gnutls_x509_crt_t crt, const struct key *key, struct buf *out);

#endif
