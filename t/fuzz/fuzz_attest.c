#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "unit/source.h"
#include "wire/attest.h"

#define TOKEN "Xi3BjFJjVR88SoO_b04rVON7dj6z3dKQfmWzBgiv7Dk"
#define NOW   1760000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A whole attestation object against a root that stands in for Apple's; the
 * corpus holds one good object under it. What is accepted must be complete.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct attest_roots *roots;
	struct attestation a;

	log_open("fuzz", LOG_ERROR);
	if (roots == NULL &&
	    attest_roots_load(
		source_path("t/data/test-attestation-root.pem"), &roots) != OK)
		abort();
	if (attest_verify(
		roots, blob_of(data, size), blob_str(TOKEN), NOW, &a) != OK)
		return 0;
	assert(a.spki.n > 0 && a.leaf.n > 0);
	assert(a.leaf_not_before <= NOW && NOW <= a.leaf_not_after);
	attest_release(&a);
	return 0;
}
