#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "net/apns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two bytes of status, then an apns-id up to a NUL, then the body. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apns_answer answer;
	const uint8_t *end;
	size_t id;

	log_open("fuzz", LOG_ERROR);
	if (size < 3 || (end = memchr(data + 2, 0, size - 2)) == NULL)
		return 0;
	id = (size_t)(end - data) + 1;
	apns_read(data[0] * 256 + data[1], blob_of(data + id, size - id),
	    (const char *)data + 2, &answer);
	assert(strlen(answer.reason) < sizeof answer.reason);
	assert(strlen(answer.apns_id) < sizeof answer.apns_id);
	assert(answer.dead_since >= 0);
	assert(answer.dead_since == 0 || answer.status == 410);
	assert((answer.meaning == APNS_ACCEPTED) == (answer.status == 200));
	return 0;
}
