#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "scep/pkimessage.h"
#include "scep/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found lies inside of the query, and its message is bounded. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *query = malloc(size + 1);
	struct blob value;
	struct buf message;
	int r;

	assert(query != NULL);
	memcpy(query, data, size);
	query[size] = '\0';
	log_open("fuzz", LOG_ERROR);
	value = query_value(query, "message");
	if (value.n > 0)
		assert((const char *)value.p >= query &&
		    (const char *)value.p + value.n <= query + strlen(query));
	buf_init(&message, PKIMESSAGE_BYTES_MAX);
	r = query_message(value, &message);
	assert(r == OK || r == ERR_MALFORMED || r == ERR_TOO_LARGE);
	buf_release(&message);
	free(query);
	return 0;
}
