#include "scep/entitlement.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/certificates.h"
#include "store/hosts.h"
#include "store/renewals.h"

int
entitlement_by_challenge(
    struct db *db, const struct csr *csr, struct entitlement *out)
{
	int r;

	if (!csr->has_challenge)
		return fail(ERR_SCEP_CHALLENGE, "there is no challenge");
	r = scep_challenges_load(db, csr->challenge, &out->challenge);
	if (r == ERR_NOT_FOUND)
		return fail(ERR_SCEP_CHALLENGE, "the challenge is unknown");
	if (r != OK ||
	    (r = enrollments_load(
		 db, out->challenge.enrollment_id, &out->enrollment)) != OK)
		return r;
	out->known = true;
	return OK;
}

static int
check_certificate(const struct certificate *c)
{
	int64_t now = clock_now();

	if (c->state != CERTIFICATE_CURRENT)
		return fail(ERR_SCEP_REQUEST,
		    "the certificate that asks for its renewal is %s",
		    certificates_state_name(c->state));
	if (now < c->not_before || now > c->not_after)
		return fail(ERR_SCEP_REQUEST,
		    "the certificate that asks for its renewal is not valid "
		    "now");
	return OK;
}

/* The enrolled host that has this certificate, and its open renewal. */
static int
load_renewal(struct db *db, const struct certificate *c, struct renewal *out)
{
	struct host host;
	int r = hosts_load_by_serial(db, c->serial, &host);

	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (r == ERR_NOT_FOUND || host.state != HOST_ENROLLED ||
	    !host.has_certificate ||
	    memcmp(host.certificate_sha256, c->sha256, SECRET_SHA256) != 0)
		return fail(ERR_SCEP_REQUEST,
		    "no enrolled host has the certificate that asks for its "
		    "renewal");
	r = renewals_load(db, host.id, out);
	if (r == ERR_NOT_FOUND || (r == OK && out->enrollment_id[0] == '\0'))
		return fail(ERR_SCEP_REQUEST,
		    "host %s asks for a renewal, but none is open",
		    host.device.serial);
	return r;
}

static int
load_entitlement(
    struct db *db, const struct certificate *c, struct entitlement *out)
{
	struct enrollment renewed;
	struct renewal renewal;
	int r;

	if ((r = enrollments_load(db, c->enrollment_id, &out->enrollment)) !=
	    OK)
		return r;
	out->known = true;
	if ((r = check_certificate(c)) != OK ||
	    (r = load_renewal(db, c, &renewal)) != OK ||
	    (r = enrollments_load(db, renewal.enrollment_id, &renewed)) != OK)
		return r;
	r = scep_challenges_load_by_enrollment(db, renewed.id, &out->challenge);
	if (r == ERR_NOT_FOUND)
		return fail(
		    ERR_SCEP_REQUEST, "the open renewal is not for SCEP");
	if (r != OK)
		return r;
	out->enrollment = renewed;
	out->opened_at = renewal.opened_at;
	return OK;
}

int
entitlement_by_certificate(struct db *db,
    const uint8_t signer_sha256[SECRET_SHA256], struct entitlement *out)
{
	struct certificate c;
	int r = certificates_load(db, signer_sha256, &c);

	if (r == ERR_NOT_FOUND)
		return fail(ERR_SCEP_REQUEST,
		    "the certificate that asks for its renewal was not issued "
		    "here");
	if (r != OK)
		return r;
	r = load_entitlement(db, &c, out);
	certificates_release(&c);
	return r;
}
