#include <assert.h>

#include "base/log.h"
#include "wire/vendor_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a vendor gave back; what is readable can be written and read again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vendor_request request, again;
	struct buf text;

	log_open("fuzz", LOG_ERROR);
	buf_init(&text, 3 * VENDOR_REQUEST_MAX);
	if (vendor_request_read(blob_of(data, size), &request) == OK) {
		(void)vendor_request_check(&request, blob_str(""), 1795824000);
		if (vendor_request_write(&request, &text) == OK &&
		    text.n <= VENDOR_REQUEST_MAX) {
			assert(
			    vendor_request_read(buf_blob(&text), &again) == OK);
			assert(blob_eq(
			    buf_blob(&again.csr), buf_blob(&request.csr)));
			vendor_request_release(&again);
		}
	}
	vendor_request_release(&request);
	buf_release(&text);
	return 0;
}
