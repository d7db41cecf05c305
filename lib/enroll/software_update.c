#include "enroll/software_update.h"

#include "base/err.h"
#include "policy/product.h"

int
software_update_write(const char *minimum, struct buf *out)
{
	struct os_version want;

	/* Only digits and dots pass, so nothing needs escaping. */
	if (!product_os_parse(minimum, &want))
		minimum = "";
	return buf_printf(out,
	    "{\"code\":\"com.apple.softwareupdate.required\","
	    "\"description\":\"This device needs a newer system first.\","
	    "\"message\":\"Update this device to version %s to enroll it.\","
	    "\"details\":{\"OSVersion\":\"%s\"}}\n",
	    minimum, minimum);
}
