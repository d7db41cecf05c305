/*
 * The certificates of an attestation, from the device's leaf to the pinned
 * root. GnuTLS makes the signatures' checks; what it leaves to its callers
 * (order, stray certificates, CA as leaf, curves, digests, critical extensions,
 * name constraints, time) is checked here.
 */
#ifndef WIRE_ATTCHAIN_H
#define WIRE_ATTCHAIN_H

#include <gnutls/x509.h>
#include <stdint.h>

#include "wire/attobj.h"

/* Leaf, intermediates and root. */
#define ATTCHAIN_MAX (ATTOBJ_CERTIFICATES + 1)

struct attchain {
	gnutls_x509_crt_t crts[ATTCHAIN_MAX]; /* leaf first, root last */
	size_t n;
};

/*
 * Reads the certificates and puts the root after them; a copy of the root in
 * the last place of x5c is dropped. The root must outlive the chain. Release
 * with attchain_release(), on failure as well. ERR_ATT_CHAIN.
 */
int attchain_parse(
    const struct attobj *object, gnutls_x509_crt_t root, struct attchain *out);

/*
 * Every certificate issued by the next, all valid at `now`, all as RFC 5280
 * section 6.1 and Apple's profile want them. ERR_ATT_CHAIN, ERR_ATT_TIME, and
 * ERR_ATT_KEY for a leaf's key that is on neither P-256 nor P-384.
 */
int attchain_check(const struct attchain *chain, int64_t now);

void attchain_release(struct attchain *chain);

/* OK when the certificate can be the pinned root; ERR_CONFIG. */
int attchain_check_root(gnutls_x509_crt_t root);

#endif
