#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr *csr, *again;

	log_open("fuzz", LOG_ERROR);
	if (csr_parse(blob_of(data, size), CSR_ALLOW_RSA, &csr) != OK) {
		assert(csr == NULL);
		return 0;
	}
	assert(csr->spki.n > 0);
	if (csr_parse(blob_of(data, size), 0, &again) == OK)
		assert(blob_eq(csr->spki, again->spki));
	csr_free(again);
	csr_free(csr);
	return 0;
}
