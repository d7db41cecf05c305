#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "unit/source.h"
#include "wire/enveloped.h"
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
	if (x509_load(source_path("t/data/test-recipient.pem"), 1, &crt, &n) != OK ||
	    gnutls_privkey_init(&key) < 0 ||
	    gnutls_privkey_import_x509_raw(
		key, &d, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
		abort();
}

/* The corpus is sealed for this key, so that some of it opens. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned flags = ENVELOPED_ALLOW_3DES | ENVELOPED_ALLOW_DES;
	enum enveloped_cipher cipher;
	struct buf out;
	int r;

	log_open("fuzz", LOG_ERROR);
	if (crt == NULL)
		load();
	buf_init(&out, ENVELOPED_BYTES_MAX);
	r = enveloped_open(blob_of(data, size), key, crt, flags, &cipher, &out);
	assert(r == OK || r == ERR_SCEP_MESSAGE);
	assert(out.n <= size);
	assert(r == OK || out.n == 0);
	buf_release(&out);
	return 0;
}
