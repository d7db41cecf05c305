/*
 * Devices that wait in Setup Assistant (AwaitingConfiguration) until the server
 * lets them out with the command DeviceConfigured (Apple: device management,
 * "Device configured").
 */
#ifndef MDM_AWAITING_H
#define MDM_AWAITING_H

#include "mdm/contact.h"
#include "store/commands.h"

/* Seconds after its enrollment that a device waits for its other commands. */
#define AWAITING_MAX 1800

/*
 * Queues DeviceConfigured behind all other commands: what is to be there when
 * the user arrives comes first. It comes also when others are put off.
 */
int awaiting_enqueue(struct contact *c);

/*
 * The DeviceConfigured of a device that waits for longer than AWAITING_MAX: it
 * is to be sent before whatever holds it up. The first time leaves a row in the
 * event log.
 * ERR_NOT_FOUND, unlogged, when there is none to send. The caller releases
 * *out.
 */
int awaiting_overdue(struct contact *c, struct command *out);

#endif
