#include "mdm/device_configured.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mdm/command.h"

#define TYPE "DeviceConfigured"

/* Priority of the last command of a queue; administrators give 0 to 9. */
#define PRIORITY_LAST (-1)

int
device_configured_enqueue(struct mdm_request *req)
{
	struct command_text text;
	int r;

	command_text_init(&text);
	if ((r = command_simple(TYPE, &text)) == OK)
		r = command_enqueue(req->context.db, req->identity.host.id,
		    &text, PRIORITY_LAST, COMMAND_CHECKIN_SENDER);
	command_text_release(&text);
	return r;
}

int
device_configured_overdue(struct mdm_request *req, struct command *out)
{
	const struct host *host = &req->identity.host;
	char reason[128];
	int r;

	*out = (struct command){ 0 };
	if (!host->awaiting_configuration || req->identity.expired ||
	    clock_now() - host->enrolled_at <= DEVICE_CONFIGURED_DELAY)
		return ERR_NOT_FOUND;
	r = commands_first_of(req->context.db, host->id, TYPE, out);
	if (r != OK || out->state != COMMAND_QUEUED)
		return r;
	snprintf(reason, sizeof reason,
	    "it has waited in Setup Assistant for %d minutes: released before "
	    "its other commands",
	    DEVICE_CONFIGURED_DELAY / 60);
	log_line(LOG_WARN, "host %s: %s", host->device.serial, reason);
	if ((r = context_log(&req->context, OK, reason)) != OK)
		commands_release(out);
	return r;
}
