#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "wire/in_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted must be accepted again in the form that we write. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *doc, *again;
	struct buf text;

	log_open("fuzz", LOG_ERROR);
	if (in_json_parse(blob_of(data, size), 8, &doc) != OK)
		return 0;
	buf_init(&text, 2 * IN_JSON_MAX);
	assert(in_json_write(doc, &text) == OK);
	assert(in_json_parse(buf_blob(&text), 8, &again) == OK);
	assert(in_json_count(doc) == in_json_count(again));
	in_json_free(again);
	in_json_free(doc);
	buf_release(&text);
	return 0;
}
