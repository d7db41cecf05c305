/*
 * Encrypted messages (EnvelopedData, RFC 5652 section 6): written as Apple's
 * SCEP client writes them, read by OpenSSL.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "sim/forge/keypair.h"

/*
 * Appends the message for the RSA key of a certificate (DER): BER with
 * indefinite lengths, content in pieces. cipher: AES-128-CBC, AES-256-CBC,
 * DES-EDE3-CBC.
 */
int envelope_seal(struct blob certificate, const char *cipher,
    struct blob content, struct buf *out);

/*
 * Appends the content of a message to the owner of this key and certificate;
 * ERR_MALFORMED when it cannot be opened.
 */
int envelope_open(struct blob message, EVP_PKEY *key, struct blob certificate,
    struct buf *content);

#endif
