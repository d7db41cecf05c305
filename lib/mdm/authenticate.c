#include "mdm/authenticate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "mdm/attested_udid.h"
#include "mdm/first_use.h"
#include "policy/decision.h"
#include "store/activities.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "store/datum.h"
#include "store/enrollments.h"
#include "store/hosts.h"

#define TEXT_MAX 255
/* Users choose the name, at any length; the database keeps 255 bytes of it. */
#define DEVICE_NAME_MAX 65536

static int
read_vitals(const struct mdm_request *req, struct host_vitals *v)
{
	const char *serial = "", *product = "", *os_version = "", *build = "";
	const struct {
		const char *key;
		size_t max;
		const char **out;
	} texts[] = {
		{ "Topic", TEXT_MAX, &v->topic },
		{ "DeviceName", DEVICE_NAME_MAX, &v->device_name },
		{ "Model", TEXT_MAX, &v->model },
		{ "ModelName", TEXT_MAX, &v->model_name },
		{ "SerialNumber", DB_SERIAL_TEXT - 1, &serial },
		{ "ProductName", TEXT_MAX, &product },
		{ "OSVersion", TEXT_MAX, &os_version },
		{ "BuildVersion", TEXT_MAX, &build },
	};
	size_t i;
	int r;

	*v = (struct host_vitals){ 0 };
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if ((r = message_text(&req->message, texts[i].key, texts[i].max,
			 texts[i].out)) != OK)
			return r;
	COPY(v->device.udid, req->message.udid);
	COPY(v->device.serial, serial);
	COPY(v->device.product, product);
	COPY(v->device.os_version, os_version);
	COPY(v->device.build_version, build);
	return OK;
}

/* From now on a link for any device is for the one with this serial number. */
static int
bind_link(struct mdm_request *req, const char *serial)
{
	struct certificate *cert = &req->identity.cert;
	struct enrollment *e = &req->identity.enrollment;
	struct context *c = &req->context;
	int r;

	if (!hosts_is_serial(serial))
		return fail(ERR_MDM_DEVICE,
		    "Authenticate of a link enrollment has no usable "
		    "SerialNumber");
	/* A refusal is to be found under the number that was claimed. */
	snprintf(c->serial, sizeof c->serial, "%s", serial);
	snprintf(cert->serial, sizeof cert->serial, "%s", serial);
	snprintf(e->device.serial, sizeof e->device.serial, "%s", serial);
	if ((r = enrollments_bind(c->db, e->id, serial)) == OK)
		r = certificates_bind(c->db, cert->sha256, serial);
	return r == ERR_CONFLICT
	    ? fail(ERR_MDM_CERTIFICATE,
		  "the link enrollment is another device's already")
	    : r;
}

/*
 * Nothing proves the serial number that a device gives with a link for any
 * device. A device that is known comes by itself, or an administrator makes a
 * link for it.
 */
static int
check_link_claim(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	const struct host *host = &id->host;
	bool assigned;
	int r;

	if (id->has_host &&
	    (host->state == HOST_ENROLLED || host->state == HOST_PENDING))
		r = fail(ERR_ENROLL_OTHER_DEVICE,
		    "%s is enrolled, and the link was not made for it; held "
		    "for review",
		    host->device.serial);
	else if (id->has_host && host->device.udid[0] != '\0' &&
	    strcasecmp(host->device.udid, req->message.udid) != 0)
		r = fail(ERR_ENROLL_OTHER_DEVICE,
		    "%s was another device, and the link was not made for it; "
		    "held for review",
		    host->device.serial);
	else if ((r = ade_devices_assigned(
		      req->context.db, id->cert.serial, &assigned)) == OK &&
	    assigned)
		r = fail(ERR_ENROLL_OTHER_DEVICE,
		    "Apple Business assigned %s, and the link was not made for "
		    "it; held for review",
		    id->cert.serial);
	return r;
}

/*
 * The first Authenticate of a link enrollment: the message says which device it
 * is, because nothing said so before, or the link did.
 */
static int
identify_link_device(struct mdm_request *req, const char *serial)
{
	struct identity *id = &req->identity;
	bool named = id->enrollment.device.serial[0] != '\0';
	int r;

	if (!named && (r = bind_link(req, serial)) != OK)
		return r;
	r = hosts_load_by_serial(req->context.db, id->cert.serial, &id->host);
	id->has_host = r == OK;
	if (r == OK)
		r = decision_check_blocked(&id->host);
	else if (r == ERR_NOT_FOUND)
		r = OK;
	return r == OK && !named ? check_link_claim(req) : r;
}

/* Without a serial number in the message the UDID has to be a known one. */
static int
check_serial(const struct mdm_request *req, const struct device *said)
{
	const struct identity *id = &req->identity;
	const char *requested_udid = id->enrollment.device.udid;
	bool known = (requested_udid[0] != '\0' &&
			 strcasecmp(requested_udid, said->udid) == 0) ||
	    (id->has_host && strcasecmp(id->host.device.udid, said->udid) == 0);
	int r = OK;

	if (said->serial[0] == '\0' && !known)
		r = fail(ERR_MDM_DEVICE,
		    "Authenticate has no SerialNumber, and its UDID is not "
		    "known for the certificate's serial number");
	else if (said->serial[0] != '\0' &&
	    strcmp(said->serial, id->cert.serial) != 0)
		r = fail(ERR_MDM_DEVICE,
		    "Authenticate is from serial number %s, the certificate "
		    "is of %s",
		    said->serial, id->cert.serial);
	return r;
}

/*
 * The UDID of a host changes when it enrolls again after it left, or with a
 * link, which check_link_claim() allowed. Else only an attested certificate
 * proves its serial number: it takes the place of a host that is not attested
 * and never proved that it is its own.
 */
static int
check_host_udid(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	const struct host *host = &id->host;
	bool is_unused = id->cert.state == CERTIFICATE_ISSUED;

	if (!id->has_host || host->device.udid[0] == '\0' ||
	    host->state == HOST_UNENROLLED ||
	    (is_unused && id->enrollment.source == ENROLLMENT_LINK) ||
	    strcasecmp(host->device.udid, req->message.udid) == 0)
		return OK;
	if (!is_unused || id->cert.purpose != ENROLLMENT_ENROLL ||
	    host->hardware_attested || !id->attested)
		return fail(ERR_MDM_DEVICE,
		    "Authenticate is from UDID %s, the host is enrolled as %s",
		    req->message.udid, host->device.udid);
	snprintf(req->remark, sizeof req->remark,
	    "; it takes the place of UDID %s, which was not attested",
	    host->device.udid);
	return OK;
}

/* A UDID never belongs to two hosts. */
static int
check_udid_is_free(struct mdm_request *req)
{
	const char *serial = req->identity.cert.serial;
	struct db *db = req->context.db;
	struct host other;
	int r;

	r = hosts_load_by_udid(db, req->message.udid, &other);
	if (r != OK || strcmp(other.device.serial, serial) == 0)
		return r == ERR_NOT_FOUND ? OK : r;
	if (other.state != HOST_UNENROLLED && other.state != HOST_BLOCKED)
		return fail(ERR_MDM_DEVICE,
		    "the UDID %s belongs to the host with serial number %s",
		    req->message.udid, other.device.serial);
	log_line(LOG_WARN, "the UDID %s of host %s is now of %s",
	    req->message.udid, other.device.serial, serial);
	return hosts_release_udid(db, other.id);
}

/* What Authenticate leaves out, the device said when it asked to enroll. */
static void
complete(struct device *said, const struct device *asked)
{
	if (said->product[0] == '\0')
		memcpy(said->product, asked->product, sizeof said->product);
	if (said->os_version[0] == '\0')
		memcpy(said->os_version, asked->os_version,
		    sizeof said->os_version);
	if (said->build_version[0] == '\0')
		memcpy(said->build_version, asked->build_version,
		    sizeof said->build_version);
}

/* In the event log in any case: not every device with a new key was erased. */
static void
note_signer(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	size_t n = strlen(req->remark);

	if (id->has_host &&
	    hosts_signer_differs(&id->host, id->enrollment.signer_sha256))
		snprintf(req->remark + n, sizeof req->remark - n, "%s",
		    id->host.has_signer
			? "; its profile was not asked for by the device key "
			  "from before"
			: "; the device key from before is not known");
}

static int
begin_generation(struct mdm_request *req, struct host_vitals *vitals)
{
	struct identity *id = &req->identity;
	struct host_identity new = { .certificate_sha256 = id->cert.sha256,
		.enrollment_id = id->cert.enrollment_id,
		.hardware_attested = id->attested,
		.signer_sha256 = id->enrollment.signer_sha256 };
	struct db *db = req->context.db;
	int r;

	note_signer(req);
	if (id->has_host && id->host.hardware_attested && !id->attested &&
	    (r = activities_add_withdrawn(db, NULL, id->cert.serial,
		 "it enrolls again without attestation")) != OK)
		return r;
	snprintf(vitals->device.serial, sizeof vitals->device.serial, "%s",
	    id->cert.serial);
	complete(&vitals->device, &id->enrollment.device);
	if ((r = certificates_make_current(db, id->cert.sha256)) == OK &&
	    (r = hosts_authenticate(db, &new, vitals, &id->host)) ==
		ERR_CONFLICT)
		r = fail(ERR_MDM_DEVICE, "the UDID %s is another host's",
		    req->message.udid);
	if (r != OK)
		return r;
	id->has_host = true;
	req->achieved = id->attested
	    ? "a new enrollment, its hardware attested"
	    : "a new enrollment, its hardware not attested";
	return attested_udid_check(req);
}

int
authenticate_handle(struct mdm_request *req)
{
	struct identity *id = &req->identity;
	const struct enrollment *e = &id->enrollment;
	bool is_unused = id->cert.state == CERTIFICATE_ISSUED;
	struct host_vitals vitals;
	int r;

	if (req->message.user_channel)
		return fail(ERR_MDM_MESSAGE, "Authenticate comes from a user");
	if ((r = read_vitals(req, &vitals)) != OK ||
	    (is_unused && e->source == ENROLLMENT_LINK &&
		(r = identify_link_device(req, vitals.device.serial)) != OK) ||
	    (r = check_serial(req, &vitals.device)) != OK ||
	    (r = check_host_udid(req)) != OK ||
	    (r = check_udid_is_free(req)) != OK ||
	    (is_unused && (r = first_use_check(req)) != OK))
		return r;
	/* Nothing attests who asked for a profile with SCEP. */
	if (is_unused && e->method == ENROLLMENT_SCEP &&
	    e->device.udid[0] != '\0' &&
	    strcasecmp(e->device.udid, req->message.udid) != 0)
		return fail(ERR_MDM_DEVICE,
		    "Authenticate is from UDID %s, the profile was for UDID %s",
		    req->message.udid, e->device.udid);
	if (is_unused && id->cert.purpose == ENROLLMENT_ENROLL)
		return begin_generation(req, &vitals);
	if ((r = identity_recognize(id, req->message.udid)) == OK)
		r = hosts_update_vitals(req->context.db, id->host.id, &vitals);
	return r;
}
