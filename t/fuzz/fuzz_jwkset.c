#include <assert.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/jwkset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A set of keys, by which the same bytes are tried as message and signature. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob text = blob_of(data, size);
	struct jwkset *set;

	log_open("fuzz", LOG_ERROR);
	if (jwkset_read(text, &set) != OK)
		return 0;
	assert(jwkset_count(set) > 0 && jwkset_count(set) <= JWKSET_KEYS_MAX);
	for (int alg = JWKSET_RS256; alg <= JWKSET_EDDSA; alg++)
		assert(jwkset_verify(set, (enum jwkset_alg)alg, "", text,
			   blob_of(data, size < 256 ? size : 256)) != OK);
	jwkset_free(set);
	return 0;
}
