/*
 * Devices that wait in Setup Assistant (AwaitingConfiguration) until the server
 * lets them out with the command DeviceConfigured (Apple: device management,
 * "Device configured").
 */
#ifndef MDM_DEVICE_CONFIGURED_H
#define MDM_DEVICE_CONFIGURED_H

#include "mdm/mdm_request.h"
#include "store/commands.h"

/* Seconds after its enrollment that a device waits for its other commands. */
#define DEVICE_CONFIGURED_DELAY 1800

/*
 * Queues DeviceConfigured behind all other commands: what is to be there when
 * the user arrives comes first. It comes also when others are put off.
 */
int device_configured_enqueue(struct mdm_request *req);

/*
 * The DeviceConfigured of a device that waits for longer than
 * DEVICE_CONFIGURED_DELAY: it is to be sent before whatever holds it up. The
 * first time leaves a row in the event log. ERR_NOT_FOUND, unlogged, when there
 * is none to send. The caller releases *out.
 */
int device_configured_overdue(struct mdm_request *req, struct command *out);

#endif
