#include "mdm/link_device.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "store/hosts.h"

static int
bind_serial(struct mdm_request *c, const char *serial)
{
	struct certificate *cert = &c->identity.cert;
	struct enrollment *e = &c->identity.enrollment;
	int r;

	if (!hosts_is_serial(serial))
		return fail(ERR_MDM_DEVICE,
		    "Authenticate of an enrollment by hand has no usable "
		    "SerialNumber");
	/* A refusal is to be found under the number that was claimed. */
	snprintf(cert->serial, sizeof(cert->serial), "%s", serial);
	snprintf(e->device.serial, sizeof(e->device.serial), "%s", serial);
	if ((r = enrollments_bind(c->db, e->id, serial)) != OK ||
	    (r = certificates_bind(c->db, cert->sha256, serial)) != OK)
		return r == ERR_CONFLICT
		    ? fail(ERR_MDM_CERTIFICATE,
			  "the enrollment by hand is another device's already")
		    : r;
	return OK;
}

static int
check_host(const struct host *host, const char *udid)
{
	if (host->state == HOST_ENROLLED || host->state == HOST_PENDING)
		return fail(ERR_ENROLL_OTHER_DEVICE,
		    "%s is enrolled, and the link was not made for it; held "
		    "for review",
		    host->device.serial);
	if (host->device.udid[0] != '\0' &&
	    strcasecmp(host->device.udid, udid) != 0)
		return fail(ERR_ENROLL_OTHER_DEVICE,
		    "%s was another device, and the link was not made for it; "
		    "held for review",
		    host->device.serial);
	return OK;
}

/* Nothing proves the serial number that a device gives with such a link. */
static int
check_claim(struct mdm_request *c)
{
	const char *serial = c->identity.cert.serial;
	bool assigned;
	int r;

	if (c->identity.has_host &&
	    (r = check_host(&c->identity.host, c->message.udid)) != OK)
		return r;
	if ((r = ade_devices_assigned(c->db, serial, &assigned)) != OK)
		return r;
	return assigned ? fail(ERR_ENROLL_OTHER_DEVICE,
			      "Apple Business assigned %s, and the "
			      "link was not made for it; held for review",
			      serial)
			: OK;
}

int
link_device_identify(struct mdm_request *c)
{
	struct identity *id = &c->identity;
	bool named = id->enrollment.device.serial[0] != '\0';
	const char *serial;
	int r;

	if ((r = message_text(
		 &c->message, "SerialNumber", DB_SERIAL_TEXT, &serial)) != OK ||
	    (!named && (r = bind_serial(c, serial)) != OK))
		return r;
	r = hosts_load_by_serial(c->db, id->cert.serial, &id->host);
	id->has_host = r == OK;
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (id->has_host && (r = decision_check_blocked(&id->host)) != OK)
		return r;
	return named ? OK : check_claim(c);
}
