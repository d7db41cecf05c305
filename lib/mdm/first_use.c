#include "mdm/first_use.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mdm/attested_udid.h"
#include "policy/decision.h"
#include "store/activities.h"
#include "store/alarms.h"
#include "store/certificates.h"
#include "store/renewals.h"

#define HOUR INT64_C(3600)

/*
 * Whoever has a stolen certificate could have fetched its renewal, too. And one
 * that expired before it was used must not replace a good one.
 */
static int
check_predecessor(const struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	struct certificate before;
	int r;

	if (!id->has_host || !id->host.has_certificate)
		return OK;
	r = certificates_load(
	    req->context.db, id->host.certificate_sha256, &before);
	if (r == OK && before.state == CERTIFICATE_REVOKED)
		r = fail(ERR_MDM_BLOCKED,
		    "the certificate that this one renews is revoked");
	else if (r == OK && id->expired && clock_now() <= before.not_after)
		r = fail(ERR_MDM_CERTIFICATE,
		    "the certificate expired before it was used");
	certificates_release(&before);
	return r;
}

static int
alarm_unattested(struct mdm_request *req)
{
	const char *serial = req->identity.cert.serial;

	log_line(LOG_WARN,
	    "host %s renewed its certificate without attestation while that "
	    "was not required",
	    serial);
	return alarms_raise(req->context.db, ALARM_RENEWED_WITHOUT_ATTESTATION,
	    serial, serial,
	    "it renewed its certificate without attestation while that was "
	    "not required; attestmdm renew --all-to-acme lets it attest again");
}

int
first_use_check(struct mdm_request *req)
{
	const struct identity *id = &req->identity;
	const char *serial = id->enrollment.device.serial;
	struct context *c = &req->context;
	struct device_state state;
	bool excused, must;
	int r = OK;

	/* A renewed one waits as long as its device is away. */
	if (id->cert.purpose == ENROLLMENT_RENEW)
		r = check_predecessor(req);
	else if (clock_now() >
	    id->cert.created_at + HOUR * c->conf->enrollment_hours)
		r = fail(ERR_MDM_CERTIFICATE,
		    "the certificate was not used within %d hours",
		    c->conf->enrollment_hours);
	if (r != OK ||
	    (r = device_state_load(c->db, c->conf, serial, &state)) != OK)
		return r;
	/*
	 * A renewal without attestation, issued before the setting was switched
	 * on, passes as if it were attested: refusing it would lose the device,
	 * which replaced its attested key by this one. The alarm says so.
	 */
	must = decision_must_attest(&state, id->enrollment.device.product);
	excused = !id->attested && id->cert.purpose == ENROLLMENT_RENEW &&
	    must && !state.business_only && state.host.hardware_attested;
	r = decision_check_use(
	    &state, &id->enrollment, id->attested || excused);
	/*
	 * A device that attested is what its serial number should be; and where
	 * it need not attest, nothing is downgraded.
	 */
	if (r == OK && excused)
		r = alarm_unattested(req);
	else if (r == OK && (id->attested || !must))
		r = alarms_close(c->db, ALARM_DOWNGRADE_REFUSED, serial);
	if (r == OK && (id->attested || (state.require_attestation && !must)))
		r = alarms_close(
		    c->db, ALARM_RENEWED_WITHOUT_ATTESTATION, serial);
	return r;
}

static const char *
mark(bool attested)
{
	return attested ? "attested" : "not attested";
}

static int
record_renewal(const struct mdm_request *req, bool was_attested)
{
	const struct identity *id = &req->identity;
	struct db *db = req->context.db;
	int r = activities_add(db,
	    &(struct activity_note){ .action = "host.renew",
		.serial = id->cert.serial,
		.before = mark(was_attested),
		.after = mark(id->attested),
		.detail = id->cert.id });

	if (r != OK || !was_attested || id->attested)
		return r;
	return activities_add_withdrawn(db, NULL, id->cert.serial,
	    "it renewed its certificate without attestation");
}

/*
 * Nothing of the host changes but its identity: queue, tokens and history are
 * of the device, which is the same.
 */
static int
replace_certificate(struct mdm_request *req)
{
	struct identity *id = &req->identity;
	struct host_identity new = { .certificate_sha256 = id->cert.sha256,
		.enrollment_id = id->cert.enrollment_id,
		.hardware_attested = id->attested };
	struct context renewal = req->context;
	bool was_attested = id->host.hardware_attested;
	struct db *db = req->context.db;
	int r = enrollments_mark_enrolled(db, id->cert.enrollment_id);

	if (r == ERR_CONFLICT)
		r = fail(ERR_MDM_CERTIFICATE,
		    "the renewal of this certificate was revoked");
	if (r != OK ||
	    (r = certificates_make_current(db, id->cert.sha256)) != OK ||
	    (r = hosts_set_certificate(db, id->host.id, &new)) != OK ||
	    (r = renewals_finish(db, id->host.id)) != OK ||
	    (r = hosts_load(db, id->host.id, &id->host)) != OK ||
	    (r = record_renewal(req, was_attested)) != OK)
		return r;
	log_line(
	    LOG_NOTICE, "host %s renewed its certificate", id->cert.serial);
	renewal.step = "renewal";
	return context_log(&renewal, OK,
	    id->host.hardware_attested ? "renewed, its hardware attested"
				       : "renewed, its hardware not attested");
}

int
first_use_replace(struct mdm_request *req)
{
	int r;

	if (req->identity.cert.state != CERTIFICATE_ISSUED)
		return OK;
	if ((r = first_use_check(req)) == OK &&
	    (r = replace_certificate(req)) == OK &&
	    (r = attested_udid_check(req)) == OK)
		r = attested_udid_ask(req);
	return r;
}
