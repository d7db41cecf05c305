#include "unit/rsakeys.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define BITS_MAX 8192
#define KEYS_MAX 128

#ifdef KEYS_DIR
bool
rsakeys_next(unsigned bits, char path[4096])
{
	static unsigned had[BITS_MAX + 1];

	if (bits > BITS_MAX)
		return false;
	snprintf(path, 4096, "%s/RSA-%u.%u", KEYS_DIR, bits, had[bits] + 1);
	if (access(path, R_OK) != 0)
		return false;
	had[bits]++;
	return true;
}
#else
/*
 * Preloaded into a program, it takes keys away from a folder, as the simulator
 * does: the programs of a test have no two of a kind.
 */
bool
rsakeys_next(unsigned bits, char path[4096])
{
	const char *dir = getenv("ATTESTMDM_RSA_KEYS");
	char there[4096];

	for (unsigned n = 1; dir != NULL && n <= KEYS_MAX; n++) {
		snprintf(there, sizeof there, "%s/RSA-%u.%u", dir, bits, n);
		snprintf(path, 4096, "%s/taken-RSA-%u.%u", dir, bits, n);
		if (rename(there, path) == 0)
			return true;
	}
	return false;
}
#endif

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
