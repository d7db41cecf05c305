#include "enroll/software_update.h"

#include "base/err.h"
#include "store/settings.h"

const char *
software_update_setting(enum product_system system)
{
	switch (system) {
	case SYSTEM_MACOS:
		return SETTINGS_MINIMUM_MACOS;
	case SYSTEM_IOS:
		return SETTINGS_MINIMUM_IOS;
	case SYSTEM_IPADOS:
		return SETTINGS_MINIMUM_IPADOS;
	case SYSTEM_TVOS:
		return SETTINGS_MINIMUM_TVOS;
	case SYSTEM_VISIONOS:
		return SETTINGS_MINIMUM_VISIONOS;
	case SYSTEM_WATCHOS:
		return SETTINGS_MINIMUM_WATCHOS;
	case SYSTEM_UNKNOWN:
		break;
	}
	return NULL;
}

bool
software_update_needed(
    const char *minimum, bool can_update, const struct os_version *have)
{
	struct os_version want;

	if (!can_update || have->major == 0 ||
	    !product_os_parse(minimum, &want))
		return false;
	return product_os_compare(have, &want) < 0;
}

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
