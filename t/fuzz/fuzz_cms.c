#include <assert.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/cms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned flags = CMS_ALLOW_SHA1 | CMS_ALLOW_RSA1024;
	struct cms_signed *cms;
	struct blob der;
	int r;

	log_open("fuzz", LOG_ERROR);
	if (cms_signed_parse(blob_of(data, size), &cms) != OK) {
		assert(cms == NULL);
		return 0;
	}
	if (cms_signed_signer(cms, &der) == OK)
		assert(der.n > 0);
	cms_signed_attribute(cms, "1.2.840.113549.1.9.5", &der);
	r = cms_signed_verify(cms, cms->content, flags);
	/* Stricter rules never accept more. */
	if (cms_signed_verify(cms, cms->content, 0) == OK)
		assert(r == OK);
	cms_signed_free(cms);
	return 0;
}
