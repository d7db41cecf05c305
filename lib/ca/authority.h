/*
 * A certificate authority: its private key and its certificate. There are two,
 * which share nothing: the ACME CA is an EC one; the SCEP CA is RSA, because
 * devices also encrypt their requests for it (RFC 8894 section 2.1.1).
 */
#ifndef CA_AUTHORITY_H
#define CA_AUTHORITY_H

#include <stdint.h>
#include <gnutls/x509.h>

#include "base/blob.h"
#include "ca/key.h"

/* Length of the key identifiers that this project writes. */
#define AUTHORITY_KEY_ID 20

struct authority;

/*
 * Opens key (file or pkcs11: URL) and certificate (PEM) and proves that they
 * make a CA: the key is the certificate's, BasicConstraints CA:TRUE, KeyUsage
 * with keyCertSign and cRLSign, a subject key identifier of AUTHORITY_KEY_ID
 * bytes, valid now, signed with SHA-256 or better. ERR_CONFIG says which of
 * these fails; ERR_IO when a file is missing, ERR_CRYPTO as key_load.
 */
int authority_load(const char *key_where, const char *certificate_path,
    struct authority **out);
void authority_free(struct authority *ca);

/*
 * The certificate alone, for programs that must not hold the key; such an
 * authority cannot sign (ERR_CRYPTO from those who try).
 */
int authority_load_certificate(const char *path, struct authority **out);

/*
 * Makes a new self-signed issuing CA: SHA-256 or SHA-384, valid for `years`
 * from five minutes ago, pathlen 0, keyCertSign and cRLSign. One of kind
 * KEY_RSA_3072 also gets digitalSignature and keyEncipherment, for SCEP. When
 * `key_where` is a pkcs11: URL the key there is used and only the certificate
 * is made; else a key of `kind` is made and stored with mode 0600. The
 * certificate gets 0644. ERR_EXISTS when a file is there already, ERR_CONFIG
 * when a SCEP CA is wanted and the key there is not RSA.
 */
int authority_create(const char *key_where, const char *certificate_path,
    const char *common_name, const char *organization, enum key_kind kind,
    int years);

/*
 * Is it fit for SCEP: an RSA key, and in the certificate digitalSignature and
 * keyEncipherment? ERR_CONFIG.
 */
int authority_check_scep(const struct authority *ca);

/* All of these belong to the authority. */
const struct key *authority_key(const struct authority *ca);
gnutls_x509_crt_t authority_certificate(const struct authority *ca);
struct blob authority_pem(const struct authority *ca);
struct blob authority_key_id(const struct authority *ca);
int64_t authority_not_before(const struct authority *ca);
int64_t authority_not_after(const struct authority *ca);

#endif
