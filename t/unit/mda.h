/*
 * A small Apple for the unit tests: a root, an intermediate and a leaf with
 * Apple's extensions, made afresh, and bent in the one way a test asks for.
 */
#ifndef UNIT_MDA_H
#define UNIT_MDA_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "base/blob.h"
#include "base/buf.h"

/* The middle of the validity of all that is made here. */
#define MDA_NOW 1760000000

#define MDA_TOKEN "Xi3BjFJjVR88SoO_b04rVON7dj6z3dKQfmWzBgiv7Dk"
#define MDA_ARC   "1.2.840.113635.100.8."

struct mda_cert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key; /* borrowed from mda_key() */
	struct buf der;
};

/* Changes a certificate just before it is signed. */
typedef void mda_tweak(gnutls_x509_crt_t crt);

/* A key that is made once per curve and serial number, then kept. */
gnutls_x509_privkey_t mda_key(gnutls_ecc_curve_t curve, int which);

/* Frees all of them, for the leak checker. */
void mda_keys_free(void);

/* Makes a CA below `issuer` (NULL: self-signed) on P-384. */
void mda_ca(struct mda_cert *c, const char *dn, int which,
    const struct mda_cert *issuer, mda_tweak *tweak);

/* Makes a device's leaf with all of Apple's extensions. */
void mda_leaf(struct mda_cert *c, gnutls_x509_privkey_t key,
    const struct mda_cert *issuer, mda_tweak *tweak,
    gnutls_digest_algorithm_t digest);

/*
 * Replaces the bytes `from` of the leaf, which must be there once, by as many
 * others and signs it again with the issuer's key.
 */
void mda_patch(struct mda_cert *c, const struct mda_cert *issuer,
    const char *from, const char *to, size_t n);

void mda_release(struct mda_cert *c);

/* Extensions: replace or add one; remove is not possible in GnuTLS. */
void mda_extension(
    gnutls_x509_crt_t crt, const char *oid, const void *p, size_t n, int crit);

/* Appends the attestation object around these certificates. */
void mda_object(struct buf *out, const struct blob *x5c, size_t n);

#endif
