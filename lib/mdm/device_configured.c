#include "mdm/device_configured.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mdm/command.h"
#include "store/events.h"

#define TYPE "DeviceConfigured"

/* Priority of the last command of a queue; administrators give 0 to 9. */
#define PRIORITY_LAST (-1)

int
device_configured_enqueue(struct mdm_request *c)
{
	struct command_text text;
	struct command command = { .priority = PRIORITY_LAST,
		.created_by = "check-in" };
	int r;

	command_text_init(&text);
	if ((r = command_simple(TYPE, &text)) == OK) {
		command.plist = buf_blob(&text.plist);
		memcpy(command.uuid, text.uuid, sizeof(command.uuid));
		memcpy(command.request_type, text.request_type,
		    sizeof(command.request_type));
		memcpy(command.host_id, c->identity.host.id,
		    sizeof(command.host_id));
		r = commands_enqueue(c->db, &command);
	}
	command_text_release(&text);
	return r;
}

static int
note(struct mdm_request *c)
{
	char reason[128];

	snprintf(reason, sizeof(reason),
	    "it waits in Setup Assistant for %d minutes: let out before its "
	    "other commands",
	    DEVICE_CONFIGURED_DELAY / 60);
	log_line(LOG_WARN, "host %s: %s", c->identity.cert.serial, reason);
	return events_add(c->db,
	    &(struct event){ .enrollment_id = c->identity.cert.enrollment_id,
		.serial = c->identity.cert.serial,
		.step = c->step,
		.outcome = EVENT_OK,
		.code = OK,
		.reason = reason,
		.remote_address = c->remote_address });
}

int
device_configured_overdue(struct mdm_request *c, struct command *out)
{
	const struct host *host = &c->identity.host;
	int r;

	*out = (struct command){ 0 };
	if (!host->awaiting_configuration || c->identity.expired ||
	    clock_now() - host->enrolled_at <= DEVICE_CONFIGURED_DELAY)
		return ERR_NOT_FOUND;
	if ((r = commands_first_of(c->db, host->id, TYPE, out)) != OK)
		return r;
	if (out->state == COMMAND_QUEUED && (r = note(c)) != OK)
		commands_release(out);
	return r;
}
