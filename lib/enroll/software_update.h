/*
 * Holding a device back until it has updated its system: the 403 answer to a
 * profile request that Setup Assistant understands (Apple: "error codes",
 * com.apple.softwareupdate.required, iOS 17 and macOS 14).
 */
#ifndef ENROLL_SOFTWARE_UPDATE_H
#define ENROLL_SOFTWARE_UPDATE_H

#include "base/buf.h"

/* Appends the JSON body that demands `minimum`; OK or buf's code. */
int software_update_write(const char *minimum, struct buf *out);

#endif
