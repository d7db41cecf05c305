/*
 * CMS EnvelopedData (RFC 5652 section 6) for one RSA recipient, as SCEP sends
 * it: BER or DER, key transport by PKCS#1 v1.5, a block cipher in CBC mode.
 */
#ifndef WIRE_ENVELOPED_H
#define WIRE_ENVELOPED_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "base/blob.h"
#include "base/buf.h"

#define ENVELOPED_BYTES_MAX 65536

/* What enveloped_open() accepts in addition to AES. */
#define ENVELOPED_ALLOW_3DES 1u
#define ENVELOPED_ALLOW_DES  2u /* single DES: test clients only */

enum enveloped_cipher {
	ENVELOPED_AES128,
	ENVELOPED_AES256,
	ENVELOPED_3DES,
	ENVELOPED_DES,
};

/*
 * Opens a ContentInfo with EnvelopedData that has exactly one recipient, which
 * is `recipient` (by issuer and serial number or by key identifier), and
 * appends the content, of type id-data, to `out`.
 *
 * ERR_SCEP_ALGORITHM: a cipher or key transport that is not allowed; found
 * before anything is decrypted. No oracle (RFC 3218): whatever else is wrong,
 * structure, key or padding, the code is ERR_SCEP_MESSAGE; a wrong key costs as
 * much time as a right one, because decryption goes on with a random key. Also
 * ERR_CRYPTO: a cipher or the random numbers fail, whatever the message.
 */
int enveloped_open(struct blob in, gnutls_privkey_t key,
    gnutls_x509_crt_t recipient, unsigned flags, enum enveloped_cipher *cipher,
    struct buf *out);

/*
 * Appends the DER of a ContentInfo with EnvelopedData of `content` for the RSA
 * key of `recipient`, named by issuer and serial number; fresh random key and
 * IV. ENVELOPED_DES is not written (ERR_INTERNAL). ERR_CRYPTO.
 */
int enveloped_seal(struct blob content, gnutls_x509_crt_t recipient,
    enum enveloped_cipher cipher, struct buf *out);

#endif
