/*
 * Who we are to Apple Business: for each account an RSA key and a self-signed
 * certificate, which Apple encrypts the server token for. Only who imports the
 * token needs the key; whoever speaks to Apple needs the token.
 *
 *	STATE/apple/ade-NAME.key    root's
 *	STATE/apple/ade-NAME.pem    the certificate
 *	STATE/apple/ade-NAME.json   the token: attestmdm-worker's
 */
#ifndef CA_ADE_IDENTITY_H
#define CA_ADE_IDENTITY_H

#include <gnutls/x509.h>

#include "base/conf.h"
#include "ca/key.h"

#define ADE_IDENTITY_PATH 4096

enum ade_identity_file {
	ADE_IDENTITY_KEY,
	ADE_IDENTITY_CERTIFICATE,
	ADE_IDENTITY_TOKEN,
};

/* Where a file of an account lies. */
void ade_identity_path(const struct conf *conf, const char *account,
    enum ade_identity_file file, char out[ADE_IDENTITY_PATH]);

/*
 * Makes key and certificate, unless they are there; with `anew` in place of
 * those that are there. ERR_IO, ERR_CRYPTO.
 */
int ade_identity_make(const struct conf *conf, const char *account, bool anew);

/*
 * Opens both; free them with key_free() and x509_free(). ERR_IO, ERR_CONFIG,
 * ERR_CRYPTO, ERR_MALFORMED.
 */
int ade_identity_load(const struct conf *conf, const char *account,
    struct key **key, gnutls_x509_crt_t *crt);

#endif
