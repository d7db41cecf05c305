#include "mdm/admission.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/ade_devices.h"
#include "store/certificates.h"
#include "store/settings.h"

#define HOUR INT64_C(3600)

/* What the rules look at. */
struct facts {
	bool require;
	bool business;
	bool assigned;
	/* the certificate came from an attestation */
	bool attested;
	/* the serial number did before */
	bool was_attested;
};

static int
load_facts(struct contact *c, const struct enrollment *e, struct facts *f)
{
	const struct identity *id = &c->identity;
	int r;

	f->was_attested = id->has_host && id->host.ever_attested_at != 0;
	if ((r = settings_get_bool(c->db, c->conf, SETTINGS_REQUIRE_ATTESTATION,
		 &f->require)) != OK ||
	    (r = settings_get_bool(
		 c->db, c->conf, SETTINGS_BUSINESS_ONLY, &f->business)) != OK ||
	    (r = ade_devices_assigned(c->db, e->serial, &f->assigned)) != OK)
		return r;
	return identity_attested(c->db, id, &f->attested);
}

static int
check_business(const struct enrollment *e, const struct facts *f)
{
	if (f->business && e->source == ENROLLMENT_MANUAL)
		return fail(ERR_ENROLL_BUSINESS,
		    "only Apple Business enrollments are allowed, and this is "
		    "one by hand");
	if (f->business && !f->assigned)
		return fail(ERR_ENROLL_BUSINESS,
		    "only Apple Business enrollments are allowed, and the "
		    "serial number is not assigned");
	if (!f->assigned && e->source == ENROLLMENT_ADE)
		return fail(ERR_ENROLL_UNASSIGNED,
		    "Apple Business Manager took this serial number away");
	return OK;
}

static int
check_attestation(const struct enrollment *e, const struct facts *f)
{
	if (f->attested || !f->require)
		return OK;
	if (f->business)
		return fail(ERR_ENROLL_METHOD,
		    "only attested devices are allowed, and the certificate is "
		    "not of one");
	if (!f->was_attested)
		return OK;
	if (e->purpose != ENROLLMENT_RENEW)
		return fail(ERR_ENROLL_DOWNGRADE,
		    "%s attested before, and its new certificate was made "
		    "without that",
		    e->serial);
	/* The device has no other any more; refusing would lose it. */
	log_line(LOG_WARN,
	    "please look at host %s: it renewed its certificate without "
	    "attestation while that was not required",
	    e->serial);
	return OK;
}

/* Whoever has a stolen certificate could have fetched its renewal, too. */
static int
check_predecessor(const struct contact *c, const struct enrollment *e)
{
	const struct host *host = &c->identity.host;
	struct certificate before;
	int r;

	if (e->purpose != ENROLLMENT_RENEW || !c->identity.has_host ||
	    !host->has_certificate)
		return OK;
	if ((r = certificates_load(c->db, host->certificate_sha256, &before)) !=
	    OK)
		return r;
	if (before.state == CERTIFICATE_REVOKED)
		r = fail(ERR_MDM_BLOCKED,
		    "the certificate that this one renews is revoked");
	certificates_release(&before);
	return r;
}

/* A renewed one waits as long as its device is away. */
static int
check_age(const struct contact *c, const struct enrollment *e)
{
	int64_t left = c->identity.cert.created_at +
	    HOUR * c->conf->enrollment_hours - clock_now();

	if (e->purpose == ENROLLMENT_RENEW || left >= 0)
		return OK;
	return fail(ERR_MDM_CERTIFICATE,
	    "the certificate was not used within %d hours",
	    c->conf->enrollment_hours);
}

int
admission_of_certificate(struct contact *c, const struct enrollment *e)
{
	struct facts f;
	int r;

	if (e->state == ENROLLMENT_REVOKED)
		return fail(ERR_MDM_CERTIFICATE, "the enrollment was revoked");
	if ((r = check_age(c, e)) != OK ||
	    (r = check_predecessor(c, e)) != OK ||
	    (r = load_facts(c, e, &f)) != OK ||
	    (r = check_business(e, &f)) != OK)
		return r;
	return check_attestation(e, &f);
}

int
admission_of_message(struct contact *c)
{
	struct identity *id = &c->identity;
	struct enrollment e;
	int r = identity_recognize(id, c->message.udid);

	if (r != OK || id->cert.state != CERTIFICATE_ISSUED)
		return r;
	if ((r = enrollments_load(c->db, id->cert.enrollment_id, &e)) != OK ||
	    (r = admission_of_certificate(c, &e)) != OK)
		return r;
	return identity_take_over(c->db, id);
}
