#include "unit/rsakeys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define BITS_MAX 8192

/* Preloaded into a program, it takes no keys before it is asked to. */
#ifndef KEYS_DIR
#define KEYS_DIR getenv("ATTESTMDM_RSA_KEYS")
#endif

bool
rsakeys_next(unsigned bits, char path[4096])
{
	static unsigned had[BITS_MAX + 1];
	const char *dir = KEYS_DIR;

	if (dir == NULL || bits > BITS_MAX)
		return false;
	snprintf(path, 4096, "%s/RSA-%u.%u", dir, bits, had[bits] + 1);
	if (access(path, R_OK) != 0)
		return false;
	had[bits]++;
	return true;
}

/* In place of GnuTLS's own, also for the code under test. */
int
gnutls_x509_privkey_generate(gnutls_x509_privkey_t key,
    gnutls_pk_algorithm_t kind, unsigned bits, unsigned flags)
{
	gnutls_datum_t pem;
	char path[4096];
	int rc;

	if (kind != GNUTLS_PK_RSA || !rsakeys_next(bits, path))
		return gnutls_x509_privkey_generate2(
		    key, kind, bits, flags, NULL, 0);
	if ((rc = gnutls_load_file(path, &pem)) != 0)
		return rc;
	rc = gnutls_x509_privkey_import(key, &pem, GNUTLS_X509_FMT_PEM);
	gnutls_free(pem.data);
	return rc;
}

int
gnutls_privkey_generate(gnutls_privkey_t key, gnutls_pk_algorithm_t kind,
    unsigned bits, unsigned flags)
{
	gnutls_x509_privkey_t made;
	int rc;

	if ((rc = gnutls_x509_privkey_init(&made)) != 0)
		return rc;
	rc = gnutls_x509_privkey_generate(made, kind, bits, flags);
	if (rc == 0)
		rc = gnutls_privkey_import_x509(
		    key, made, GNUTLS_PRIVKEY_IMPORT_COPY);
	gnutls_x509_privkey_deinit(made);
	return rc;
}
