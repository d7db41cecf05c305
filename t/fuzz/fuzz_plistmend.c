#include <assert.h>

#include "base/err.h"
#include "base/log.h"
#include "wire/plistmend.h"
#include "wire/plisttext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sound documents stay as they are, and what was mended stays so. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob in = blob_of(data, size);
	struct buf once, twice;
	size_t changes;

	log_open("fuzz", LOG_ERROR);
	buf_init(&once, 3 * size + 1);
	buf_init(&twice, 9 * size + 1);
	changes = plistmend(in, &once);
	assert(buf_status(&once) == OK);
	assert((changes == 0) == blob_eq(buf_blob(&once), in));
	if (plisttext_fault(in) == NULL)
		assert(changes == 0);
	assert(plistmend(buf_blob(&once), &twice) == 0);
	assert(blob_eq(buf_blob(&once), buf_blob(&twice)));
	buf_release(&twice);
	buf_release(&once);
	return 0;
}
