#include "mdm/attested_udid.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "policy/product.h"
#include "mdm/command.h"
#include "store/alarms.h"
#include "store/attestations.h"

static enum product_system
system_of(const struct host *host)
{
	struct product product;

	product_parse(host->device.product, &product);
	if (product.system == SYSTEM_UNKNOWN)
		product_parse(host->model, &product);
	return product.system;
}

/* The identifier that the host reports; "" when there is nothing to compare. */
static const char *
reported(const struct host *host, const char **name)
{
	switch (system_of(host)) {
	case SYSTEM_IOS:
	case SYSTEM_IPADOS:
		*name = "UDID";
		return host->device.udid;
	case SYSTEM_MACOS:
		*name = "ProvisioningUDID";
		return host->provisioning_udid;
	case SYSTEM_UNKNOWN:
	case SYSTEM_TVOS:
	case SYSTEM_WATCHOS:
	case SYSTEM_VISIONOS:
		break;
	}
	return "";
}

int
attested_udid_check(struct mdm_request *req)
{
	const struct host *host = &req->identity.host;
	const char *order = req->identity.cert.order_id, *name = "", *says;
	struct db *db = req->context.db;
	struct attestation_row row;
	char text[ALARM_TEXT];
	int r;

	says = reported(host, &name);
	if (!host->hardware_attested || order[0] == '\0' || says[0] == '\0')
		return OK;
	r = attestations_load_by_order(db, order, &row);
	if (r == OK && row.udid[0] != '\0' && strcasecmp(row.udid, says) == 0) {
		r = alarms_close(db, ALARM_UDID_MISMATCH, host->id);
	} else if (r == OK && row.udid[0] != '\0') {
		snprintf(text, sizeof text,
		    "its %s is %s, but Apple attested %s for its key: the "
		    "device that checks in may not be the one that attested",
		    name, says, row.udid);
		log_line(LOG_WARN, "host %s: %s", host->device.serial, text);
		r = alarms_raise(db, ALARM_UDID_MISMATCH, host->id,
		    host->device.serial, text);
	}
	attestations_release(&row);
	return r == ERR_NOT_FOUND ? OK : r;
}

int
attested_udid_ask(struct mdm_request *req)
{
	const struct host *host = &req->identity.host;
	struct command_text text;
	int r;

	if (!host->hardware_attested || host->provisioning_udid[0] != '\0' ||
	    system_of(host) != SYSTEM_MACOS)
		return OK;
	command_text_init(&text);
	if ((r = command_device_information(NULL, 0, &text)) == OK)
		r = command_enqueue(
		    req->context.db, host->id, &text, 0, COMMAND_CHECKIN_SENDER);
	command_text_release(&text);
	return r;
}
