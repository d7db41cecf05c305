#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "wire/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A whole request body; the first byte says whether it is an inner one. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jws *jws;
	unsigned flags;

	log_open("fuzz", LOG_ERROR);
	if (size == 0)
		return 0;
	flags = data[0] == 'i' ? JWS_INNER : 0;
	if (jws_parse(blob_of(data + 1, size - 1), flags, &jws) != OK)
		return 0;
	assert((jws->jwk != NULL) != (jws->kid != NULL));
	assert((jws->nonce != NULL) == (flags == 0));
	assert(jws->url != NULL);
	if (jws->jwk != NULL)
		(void)jws_verify(jws, jws->jwk);
	jws_free(jws);
	return 0;
}
