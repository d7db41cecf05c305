#include "scep/scep_authorization.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/certificates.h"
#include "store/hosts.h"
#include "store/renewals.h"

/* Loads an enrollment that is proven to be the sender's. */
static int
load_enrollment(struct context *c, const char *id, struct enrollment *out)
{
	int r = enrollments_load(c->db, id, out);

	if (r == OK) {
		memcpy(c->enrollment_id, out->id, sizeof out->id);
		memcpy(c->serial, out->device.serial, sizeof c->serial);
	}
	return r;
}

int
scep_authorization_by_challenge(
    struct context *c, const struct csr *csr, struct scep_authorization *out)
{
	int r;

	if (!csr->has_challenge)
		return fail(ERR_SCEP_CHALLENGE, "there is no challenge");
	r = scep_challenges_load(c->db, csr->challenge, &out->challenge);
	if (r == ERR_NOT_FOUND)
		r = fail(ERR_SCEP_CHALLENGE, "the challenge is unknown");
	if (r == OK)
		r = load_enrollment(
		    c, out->challenge.enrollment_id, &out->enrollment);
	return r;
}

static int
check_certificate(const struct certificate *signer)
{
	int64_t now = clock_now();

	const char *why = NULL;

	if (signer->state != CERTIFICATE_CURRENT)
		why = certificates_state_name(signer->state);
	else if (now < signer->not_before || now > signer->not_after)
		why = "not valid now";
	return why == NULL
	    ? OK
	    : fail(ERR_SCEP_REQUEST,
		  "the certificate that asks for its renewal is %s", why);
}

/* The open renewal of the enrolled host that has this certificate. */
static int
load_renewal(
    struct db *db, const struct certificate *signer, struct renewal *out)
{
	struct host host;
	int r = hosts_load_by_serial(db, signer->serial, &host);

	if (r == ERR_NOT_FOUND ||
	    (r == OK &&
		(host.state != HOST_ENROLLED || !host.has_certificate ||
		    memcmp(host.certificate_sha256, signer->sha256,
			SECRET_SHA256) != 0)))
		r = fail(ERR_SCEP_REQUEST,
		    "no enrolled host has the certificate that asks for its "
		    "renewal");
	if (r != OK)
		return r;
	r = renewals_load(db, host.id, out);
	if (r == ERR_NOT_FOUND || (r == OK && out->enrollment_id[0] == '\0'))
		r = fail(ERR_SCEP_REQUEST,
		    "host %s asks for a renewal, but none is open",
		    host.device.serial);
	return r;
}

int
scep_authorization_by_certificate(struct context *c,
    const uint8_t signer_sha256[SECRET_SHA256], struct scep_authorization *out)
{
	struct certificate signer;
	struct renewal renewal;
	int r = certificates_load(c->db, signer_sha256, &signer);

	if (r == ERR_NOT_FOUND)
		r = fail(ERR_SCEP_REQUEST,
		    "the certificate that asks for its renewal was not issued "
		    "here");
	if (r == OK &&
	    (r = load_enrollment(c, signer.enrollment_id, &out->enrollment)) ==
		OK &&
	    (r = check_certificate(&signer)) == OK &&
	    (r = load_renewal(c->db, &signer, &renewal)) == OK) {
		out->renewal_opened_at = renewal.opened_at;
		r = scep_challenges_load_by_enrollment(
		    c->db, renewal.enrollment_id, &out->challenge);
		if (r == ERR_NOT_FOUND)
			r = fail(ERR_SCEP_REQUEST,
			    "the open renewal is not for SCEP");
		if (r == OK)
			r = load_enrollment(
			    c, renewal.enrollment_id, &out->enrollment);
	}
	certificates_release(&signer);
	return r;
}
