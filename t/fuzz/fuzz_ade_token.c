#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/source.h"
#include "base/secret.h"
#include "wire/ade_token.h"
#include "wire/x509.h"

#define FILE_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gnutls_x509_crt_t crt;
static gnutls_privkey_t key;

static void
load(void)
{
	unsigned char pem[FILE_MAX];
	gnutls_datum_t d = { pem, 0 };
	FILE *f = fopen(source_path("t/data/test-recipient.key"), "rb");
	size_t n;

	if (f == NULL)
		abort();
	d.size = (unsigned)fread(pem, 1, sizeof pem, f);
	fclose(f);
	if (x509_load(source_path("t/data/test-recipient.pem"), 1, &crt, &n) !=
		OK ||
	    gnutls_privkey_init(&key) < 0 ||
	    gnutls_privkey_import_x509_raw(
		key, &d, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
		abort();
}

/* The corpus is sealed for this key, so that some of it opens. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob in = blob_of(data, size);
	struct ade_token token;

	log_open("fuzz", LOG_ERROR);
	if (crt == NULL)
		load();
	if (ade_token_open(in, key, crt, &token) == OK)
		assert(token.consumer_key[0] != '\0');
	/* what the envelope holds is hostile, too */
	if (ade_token_read(in, &token) == OK)
		assert(token.access_secret[0] != '\0');
	secret_wipe(&token, sizeof token);
	return 0;
}
