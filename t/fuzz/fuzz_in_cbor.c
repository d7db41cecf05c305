#include <assert.h>

#include "base/log.h"
#include "wire/attobj.h"
#include "wire/in_cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes whatever comes, and sees that it moves on inside of the input. */
static void
walk(struct blob rest)
{
	struct blob before, got;
	uint64_t count;

	do {
		before = rest;
		got = blob_of(NULL, 0);
		if (!in_cbor_text(&rest, &got) && !in_cbor_bytes(&rest, &got) &&
		    !in_cbor_map(&rest, &count))
			(void)in_cbor_array(&rest, &count);
		assert(rest.p + rest.n == before.p + before.n);
		assert(got.n <= before.n - rest.n);
	} while (rest.n < before.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attobj object;

	log_open("fuzz", LOG_ERROR);
	walk(blob_of(data, size));
	if (attobj_parse(blob_of(data, size), &object) == OK)
		assert(object.n >= 2 && object.n <= ATTOBJ_CERTIFICATES);
	return 0;
}
