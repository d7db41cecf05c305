/*
 * The InstallProfile command that renews a host's certificate, on its way
 * through the queue. What opens a renewal is enroll/renewer.h; what ends it in
 * success is the first use of the new certificate, not the answer to this.
 */
#ifndef MDM_RENEWAL_COMMAND_H
#define MDM_RENEWAL_COMMAND_H

#include <stdbool.h>

#include "mdm/mdm_request.h"
#include "store/commands.h"

/*
 * As commands_next(), but a renewal whose enrollment is used up or over is
 * cancelled instead of sent; one that the settings or Apple Business forbid
 * by now is taken back, with a row in the event log; one that waits goes before
 * commands that were sent and have no answer; and to an expired identity
 * nothing else than its renewal is sent. ERR_NOT_FOUND. The caller releases
 * *out in any case.
 */
int renewal_command_next(struct mdm_request *req, struct command *out);

/* May this sender answer that command? An expired identity: its renewal. */
int renewal_command_allows(
    struct mdm_request *req, const char *uuid, bool *out);

/*
 * After an answer came, also one that is not stored: an error that answers the
 * open renewal ends it in failure, with the device's words in the event log.
 */
int renewal_command_answered(
    struct mdm_request *req, const struct command_result *result);

#endif
