/*
 * Commands to an enrolled device: it reports what became of the last one and
 * gets the next, until there is none (Apple: device management, "Sending MDM
 * commands to a device").
 *
 * At least once: a command stays first in line until its result comes. After
 * NotNow the same command is not sent again before the device comes anew
 * (Idle). A result for a command that this device was never sent is logged and
 * changes nothing. So that no answer stops the queue, a result that cannot be
 * read still ends its command (mdm/report.h), and a command whose answers do
 * not even say which command they are for ends as failed (mdm/unreadable.h).
 */
#ifndef MDM_QUEUE_H
#define MDM_QUEUE_H

#include "mdm/mdm_request.h"

/* Nothing is read of a larger body. */
#define QUEUE_BODY_MAX (32u << 20)

/* Of an ErrorChain no more is kept than this. */
#define QUEUE_ERRORS_MAX     32
#define QUEUE_ERROR_TEXT_MAX 4096

/*
 * Serves one request for commands; the next command, or nothing, is in
 * req->reply. Codes of mdm_request.h, ERR_MDM_CERTIFICATE, ERR_MDM_DEVICE.
 */
int queue_serve(struct mdm_request *req);

/*
 * The same for a report with more than QUEUE_BODY_MAX bytes, of which none were
 * received. Only a TLS client certificate proves whose it is.
 */
int queue_serve_too_large(struct mdm_request *req);

#endif
