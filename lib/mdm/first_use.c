#include "mdm/first_use.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "mdm/attested_udid.h"
#include "store/alarms.h"
#include "store/certificates.h"

#define HOUR INT64_C(3600)

/*
 * Whoever has a stolen certificate could have fetched its renewal, too. And one
 * that ended before it was used takes no good one's place.
 */
static int
check_predecessor(const struct mdm_request *c)
{
	const struct identity *id = &c->identity;
	struct certificate before;
	int r;

	if (id->cert.purpose != ENROLLMENT_RENEW || !id->has_host ||
	    !id->host.has_certificate)
		return OK;
	if ((r = certificates_load(
		 c->db, id->host.certificate_sha256, &before)) != OK)
		return r;
	if (before.state == CERTIFICATE_REVOKED)
		r = fail(ERR_MDM_BLOCKED,
		    "the certificate that this one renews is revoked");
	else if (id->expired && clock_now() <= before.not_after)
		r = fail(ERR_MDM_CERTIFICATE,
		    "the certificate ended before it was used");
	certificates_release(&before);
	return r;
}

/* A renewed one waits as long as its device is away. */
static int
check_age(const struct mdm_request *c)
{
	const struct certificate *cert = &c->identity.cert;
	int64_t left =
	    cert->created_at + HOUR * c->conf->enrollment_hours - clock_now();

	if (cert->purpose == ENROLLMENT_RENEW || left >= 0)
		return OK;
	return fail(ERR_MDM_CERTIFICATE,
	    "the certificate was not used within %d hours",
	    c->conf->enrollment_hours);
}

/*
 * A renewal from before the setting: refusing it would lose the device, which
 * replaced its attested key by this one.
 */
static bool
is_from_before(const struct device_state *s, const struct enrollment *e)
{
	return e->purpose == ENROLLMENT_RENEW && s->require_attestation &&
	    !s->business_only && s->host.hardware_attested;
}

static int
alarm_unattested(struct mdm_request *c, const struct enrollment *e)
{
	log_line(LOG_WARN,
	    "host %s renewed its certificate without attestation while that "
	    "was not required",
	    e->device.serial);
	return alarms_raise(c->db, ALARM_RENEWED_WITHOUT_ATTESTATION,
	    e->device.serial, e->device.serial,
	    "it renewed its certificate without attestation while that was "
	    "not required; attestmdm renew --all-to-acme lets it attest again");
}

/* A device that attested is what its serial number should be. */
static int
close_alarms(struct mdm_request *c, const char *serial)
{
	int r = alarms_close(c->db, ALARM_DOWNGRADE_REFUSED, serial);

	if (r == OK)
		r = alarms_close(
		    c->db, ALARM_RENEWED_WITHOUT_ATTESTATION, serial);
	return r;
}

int
first_use_check(struct mdm_request *c)
{
	const struct enrollment *e = &c->identity.enrollment;
	struct device_state state;
	bool attested, before;
	int r;

	if ((r = check_age(c)) != OK || (r = check_predecessor(c)) != OK ||
	    (r = device_state_load(c->db, c->conf, e->device.serial, &state)) !=
		OK ||
	    (r = identity_attested(c->db, &c->identity, &attested)) != OK)
		return r;
	before = !attested && is_from_before(&state, e);
	if ((r = decision_check_use(&state, e, attested || before)) != OK)
		return r;
	if (before)
		return alarm_unattested(c, e);
	return attested ? close_alarms(c, e->device.serial) : OK;
}

int
first_use_admit(struct mdm_request *c)
{
	struct identity *id = &c->identity;
	int r = identity_recognize(id, c->message.udid);

	if (r != OK || id->cert.state != CERTIFICATE_ISSUED)
		return r;
	if ((r = first_use_check(c)) != OK ||
	    (r = identity_take_over(c->db, id)) != OK ||
	    (r = attested_udid_check(c)) != OK)
		return r;
	return attested_udid_ask(c);
}
