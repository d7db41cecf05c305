/*
 * What Apple writes into a Managed Device Attestation's leaf: extensions under
 * 1.2.840.113635.100.8 that hold the bytes of a value as they are, except
 * two that hold a DER INTEGER.
 */
#ifndef WIRE_ATTLEAF_H
#define WIRE_ATTLEAF_H

#include <gnutls/x509.h>

#include "wire/attest.h"

/*
 * OK when the leaf's freshness code is SHA-256 over the token's characters;
 * ERR_ATT_FRESHNESS when it is another or absent.
 */
int attleaf_check_freshness(gnutls_x509_crt_t leaf, struct blob token);

/*
 * Fills the properties, the key and the leaf's own bytes and dates; *out must
 * be empty. Releasing is the caller's, on failure as well. ERR_ATT_IDENTITY,
 * ERR_ATT_KEY, ERR_NOMEM.
 */
int attleaf_read(gnutls_x509_crt_t leaf, struct attestation *out);

#endif
