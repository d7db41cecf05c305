/*
 * Holding a device back until it has updated its system: the 403 answer to a
 * profile request that Setup Assistant understands (Apple: "error codes",
 * com.apple.softwareupdate.required, iOS 17 and macOS 14).
 */
#ifndef ENROLL_SOFTWARE_UPDATE_H
#define ENROLL_SOFTWARE_UPDATE_H

#include <stdbool.h>

#include "base/buf.h"
#include "ca/product.h"

/*
 * The name of the setting (store/settings.h) that holds this system's minimum
 * version; NULL for SYSTEM_UNKNOWN.
 */
const char *software_update_setting(enum product_system system);

/*
 * True when `minimum` is set (not ""), the device can update itself now, and
 * its version is known and lower. A minimum that is no version holds nobody.
 */
bool software_update_needed(
    const char *minimum, bool can_update, const struct os_version *have);

/* Appends the JSON body that demands `minimum`; OK or buf's code. */
int software_update_write(const char *minimum, struct buf *out);

#endif
