/* The RSA key and certificate of t/data that test messages are for. */
#ifndef UNIT_RECIPIENT_H
#define UNIT_RECIPIENT_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>

#include "base/err.h"
#include "unit/source.h"
#include "wire/x509.h"

static gnutls_x509_crt_t crt;
static gnutls_privkey_t key;

/* For cmocka: loads both, and releases them. */
static int
load(void **state)
{
	unsigned char pem[8192];
	gnutls_datum_t d = { pem, 0 };
	FILE *f = fopen(source_path("t/data/test-recipient.key"), "rb");
	size_t n;

	(void)state;
	if (f == NULL)
		return -1;
	d.size = (unsigned)fread(pem, 1, sizeof pem, f);
	fclose(f);
	if (x509_load(source_path("t/data/test-recipient.pem"), 1, &crt, &n) !=
		OK ||
	    gnutls_privkey_init(&key) < 0)
		return -1;
	return gnutls_privkey_import_x509_raw(
	    key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
}

static int
unload(void **state)
{
	(void)state;
	gnutls_privkey_deinit(key);
	x509_free(crt);
	return 0;
}

#endif
