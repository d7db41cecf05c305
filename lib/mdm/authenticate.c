#include "mdm/authenticate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "mdm/first_use.h"
#include "mdm/attested_udid.h"
#include "mdm/link_device.h"
#include "store/certificates.h"
#include "store/enrollments.h"
#include "store/hosts.h"

#define TEXT_MAX 255
/* Users choose the name, at any length; the database keeps 255 bytes of it. */
#define DEVICE_NAME_MAX 65536

static int
read_vitals(const struct mdm_request *c, struct host_vitals *v)
{
	const struct message *m = &c->message;
	int r;

	*v = (struct host_vitals){ 0 };
	if ((r = message_text(m, "Topic", TEXT_MAX, &v->topic)) != OK ||
	    (r = message_text(
		 m, "DeviceName", DEVICE_NAME_MAX, &v->device_name)) != OK ||
	    (r = message_text(m, "Model", TEXT_MAX, &v->model)) != OK ||
	    (r = message_text(m, "ModelName", TEXT_MAX, &v->model_name)) !=
		OK ||
	    (r = message_text(m, "ProductName", TEXT_MAX, &v->product_name)) !=
		OK ||
	    (r = message_text(m, "OSVersion", TEXT_MAX, &v->os_version)) !=
		OK ||
	    (r = message_text(
		 m, "BuildVersion", TEXT_MAX, &v->build_version)) != OK)
		return r;
	return OK;
}

/* Without a serial number in the message the UDID has to be a known one. */
static int
check_known_udid(const struct mdm_request *c)
{
	const struct identity *id = &c->identity;
	const char *asker = id->enrollment.device.udid;

	if ((asker[0] != '\0' && strcasecmp(asker, c->message.udid) == 0) ||
	    (id->has_host && id->host.device.udid[0] != '\0' &&
		strcasecmp(id->host.device.udid, c->message.udid) == 0))
		return OK;
	return fail(ERR_MDM_DEVICE,
	    "Authenticate has no SerialNumber, and its UDID is not known for "
	    "the certificate's serial number");
}

static int
check_serial(const struct mdm_request *c)
{
	const char *bound = c->identity.cert.serial, *serial;
	int r;

	if ((r = message_text(
		 &c->message, "SerialNumber", DB_SERIAL_TEXT, &serial)) != OK)
		return r;
	if (serial[0] == '\0')
		return check_known_udid(c);
	if (strcmp(serial, bound) != 0)
		return fail(ERR_MDM_DEVICE,
		    "Authenticate is from serial number %s, the certificate "
		    "is of %s",
		    serial, bound);
	return OK;
}

/* link_device_identify() found that the link may replace what was there. */
static bool
may_change_udid(const struct mdm_request *c)
{
	return c->identity.enrollment.source == ENROLLMENT_LINK &&
	    c->identity.cert.state == CERTIFICATE_ISSUED;
}

/*
 * May this device take the place of a host with another UDID? An attested
 * certificate proves its serial number; a host that is not attested never
 * proved that it is its own.
 */
static int
may_supersede(struct mdm_request *c, bool *out)
{
	const struct identity *id = &c->identity;

	*out = false;
	if (id->cert.state != CERTIFICATE_ISSUED ||
	    id->cert.purpose != ENROLLMENT_ENROLL || id->host.hardware_attested)
		return OK;
	return identity_attested(c->db, id, out);
}

static int
check_host_udid(struct mdm_request *c)
{
	const struct host *host = &c->identity.host;
	bool supersedes;
	int r;

	if (!c->identity.has_host || host->device.udid[0] == '\0' ||
	    may_change_udid(c) || host->state == HOST_UNENROLLED ||
	    strcasecmp(host->device.udid, c->message.udid) == 0)
		return OK;
	if ((r = may_supersede(c, &supersedes)) != OK)
		return r;
	if (!supersedes)
		return fail(ERR_MDM_DEVICE,
		    "Authenticate is from UDID %s, the host is enrolled as %s",
		    c->message.udid, host->device.udid);
	snprintf(c->remark, sizeof(c->remark),
	    "; it takes the place of UDID %s, which was not attested",
	    host->device.udid);
	return OK;
}

static int
check_udid(struct mdm_request *c)
{
	struct host other;
	int r;

	if ((r = check_host_udid(c)) != OK)
		return r;
	r = hosts_load_by_udid(c->db, c->message.udid, &other);
	if (r == ERR_NOT_FOUND)
		return OK;
	if (r != OK ||
	    strcmp(other.device.serial, c->identity.cert.serial) == 0)
		return r;
	if (other.state != HOST_UNENROLLED && other.state != HOST_BLOCKED)
		return fail(ERR_MDM_DEVICE,
		    "the UDID %s belongs to the host with serial number %s",
		    c->message.udid, other.device.serial);
	log_line(LOG_WARN, "the UDID %s of host %s is now of %s",
	    c->message.udid, other.device.serial, c->identity.cert.serial);
	return hosts_release_udid(c->db, other.id);
}

/* Nothing attests who asked for it by SCEP: both names have to be the same. */
static int
check_asker(const struct mdm_request *c)
{
	const struct enrollment *e = &c->identity.enrollment;

	if (e->method == ENROLLMENT_SCEP && e->device.udid[0] != '\0' &&
	    strcasecmp(e->device.udid, c->message.udid) != 0)
		return fail(ERR_MDM_DEVICE,
		    "Authenticate is from UDID %s, the profile was for UDID %s",
		    c->message.udid, e->device.udid);
	return OK;
}

/* What Authenticate leaves out, the device said when it asked to enroll. */
static void
complete(struct host_vitals *v, const struct enrollment *e)
{
	if (v->product_name[0] == '\0')
		v->product_name = e->device.product;
	if (v->os_version[0] == '\0')
		v->os_version = e->device.os_version;
	if (v->build_version[0] == '\0')
		v->build_version = e->device.build_version;
}

/* In the event log in any case: not every device with a new key was erased. */
static void
note_signer(struct mdm_request *c)
{
	const struct host *host = &c->identity.host;
	size_t n = strlen(c->remark);

	if (c->identity.has_host &&
	    hosts_signer_differs(host, c->identity.enrollment.signer_sha256))
		snprintf(c->remark + n, sizeof(c->remark) - n, "%s",
		    host->has_signer
			? "; its profile was not asked for by the device key "
			  "from before"
			: "; the device key from before is not known");
}

static int
begin_generation(struct mdm_request *c, struct host_vitals *vitals)
{
	struct certificate *cert = &c->identity.cert;
	struct host_identity new = { .serial = cert->serial,
		.udid = c->message.udid,
		.certificate_sha256 = cert->sha256,
		.enrollment_id = cert->enrollment_id,
		.signer_sha256 = c->identity.enrollment.signer_sha256 };
	int r;

	note_signer(c);
	if ((r = identity_attested(
		 c->db, &c->identity, &new.hardware_attested)) != OK ||
	    (r = certificates_make_current(c->db, cert->sha256)) != OK)
		return r;
	complete(vitals, &c->identity.enrollment);
	r = hosts_authenticate(c->db, &new, vitals, &c->identity.host);
	if (r == ERR_CONFLICT)
		return fail(ERR_MDM_DEVICE, "the UDID %s is another host's",
		    c->message.udid);
	if (r != OK)
		return r;
	c->identity.has_host = true;
	c->achieved = new.hardware_attested
	    ? "a new enrollment, its hardware attested"
	    : "a new enrollment, its hardware not attested";
	return attested_udid_check(c);
}

int
authenticate_handle(struct mdm_request *c)
{
	struct identity *id = &c->identity;
	struct host_vitals vitals;
	int r;

	if ((r = read_vitals(c, &vitals)) != OK)
		return r;
	if (id->enrollment.source == ENROLLMENT_LINK &&
	    id->cert.state == CERTIFICATE_ISSUED &&
	    (r = link_device_identify(c)) != OK)
		return r;
	if ((r = check_serial(c)) != OK || (r = check_udid(c)) != OK)
		return r;
	if (id->cert.state == CERTIFICATE_ISSUED) {
		if ((r = first_use_check(c)) != OK ||
		    (r = check_asker(c)) != OK)
			return r;
		if (id->cert.purpose == ENROLLMENT_ENROLL)
			return begin_generation(c, &vitals);
	}
	if ((r = identity_recognize(id, c->message.udid)) != OK)
		return r;
	return hosts_update_vitals(c->db, id->host.id, &vitals);
}
