#include <assert.h>

#include "wire/in_der.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Visits every element of strict DER; returns how many bytes they had. */
static size_t
visit(struct blob in, int depth)
{
	struct in_der item;
	size_t n = 0;
	char oid[64];
	int64_t number;

	assert(depth <= IN_DER_DEPTH_MAX + 1);
	while (in.n > 0) {
		assert(in_der_next(&in, &item));
		n += item.whole.n;
		if ((item.tag & 0x20) != 0)
			assert(visit(item.value, depth + 1) == item.value.n);
		in_der_oid_text(item.value, oid, sizeof oid);
		in_der_uint(item.value, &number);
		in_der_time(&item, &number);
	}
	return n;
}

/* What the scan calls sound, the readers read to its end. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob in = blob_of(data, size);
	struct in_der item;

	if (in_der_fault(in, true) == NULL) {
		assert(in_der_fault(in, false) == NULL);
		assert(visit(in, 0) == size);
	}
	in_der_next(&in, &item);
	return 0;
}
