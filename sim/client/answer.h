/* What a simulated device answers to MDM commands. */
#ifndef ANSWER_H
#define ANSWER_H

#include "sim/client/apple_device.h"

/*
 * Appends the answer to one command dictionary ({RequestType: …}); an unknown
 * one is answered with Error 12021. Faults may spoil a result. Returns its
 * Status, a static text.
 */
const char *answer_write(const struct apple_device *d,
    const struct faults *faults, const char *uuid, plist_t command,
    struct buf *out);

/*
 * Appends the answer to an InstallProfile command: Acknowledged, or Error with
 * the domain and code of a profile that could not be installed. Returns its
 * Status, a static text.
 */
const char *answer_installed(
    const char *udid, const char *uuid, bool installed, struct buf *out);

/* Appends a message without results: Idle (uuid NULL) or NotNow. */
void answer_status(
    const char *udid, const char *uuid, const char *status, struct buf *out);

#endif
