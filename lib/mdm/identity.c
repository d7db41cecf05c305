#include "mdm/identity.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/refusal.h"
#include "policy/decision.h"
#include "store/orders.h"
#include "wire/cms.h"
#include "wire/x509.h"

void
identity_release(struct identity *id)
{
	certificates_release(&id->cert);
	memset(id, 0, sizeof *id);
}

/* SHA-256 of the DER of the certificate in an escaped PEM. */
static int
read_client_certificate(const char *escaped, uint8_t sha256[SECRET_SHA256])
{
	gnutls_x509_crt_t crt = NULL;
	struct buf pem;
	int r;

	buf_init(&pem, 2 * X509_DER_MAX);
	if ((r = enc_percent_decode(blob_str(escaped), &pem)) != OK)
		r = fail(refusal_code(r, ERR_MDM_IDENTITY),
		    "the TLS client certificate cannot be read");
	else if ((r = x509_parse_pem(buf_blob(&pem), &crt)) != OK)
		r = refusal_code(r, ERR_MDM_IDENTITY);
	else
		r = x509_sha256(crt, sha256);
	x509_free(crt);
	buf_release(&pem);
	return r;
}

/* The row of a certificate that was signed here. */
static int
look_up(
    struct db *db, const uint8_t sha256[SECRET_SHA256], struct identity *out)
{
	struct buf hex;
	int r = certificates_load(db, sha256, &out->cert);

	out->known = r == OK;
	if (r != ERR_NOT_FOUND)
		return r;
	buf_init(&hex, 2 * SECRET_SHA256 + 1);
	enc_hex(blob_of(sha256, SECRET_SHA256), &hex);
	r = fail(ERR_MDM_CERTIFICATE,
	    "the certificate with SHA-256 %s was not issued here",
	    buf_str(&hex));
	buf_release(&hex);
	return r;
}

static int
prove_by_header(
    struct db *db, const struct identity_proof *proof, struct identity *out)
{
	struct cms_signed *cms = NULL;
	size_t n = strlen(proof->signature);
	uint8_t sha256[SECRET_SHA256];
	struct blob signer;
	struct buf der;
	int r;

	if (n > IDENTITY_HEADER_MAX)
		return fail(ERR_MDM_IDENTITY,
		    "Mdm-Signature has %zu bytes, more than %d", n,
		    IDENTITY_HEADER_MAX);
	buf_init(&der, IDENTITY_HEADER_MAX);
	r = enc_base64_decode(blob_of(proof->signature, n), &der);
	if (r != OK) {
		r = fail(refusal_code(r, ERR_MDM_IDENTITY),
		    "Mdm-Signature is not one value in strict base64");
	} else if ((r = cms_signed_parse(buf_blob(&der), &cms)) != OK ||
	    (r = cms_signed_signer(cms, &signer)) != OK) {
		r = refusal_code(r, ERR_MDM_IDENTITY);
	} else {
		secret_sha256(signer, sha256);
		r = look_up(db, sha256, out);
		if (r == OK && cms->has_content)
			r = fail(ERR_MDM_SIGNATURE,
			    "Mdm-Signature is not a detached signature");
		else if (r == OK &&
		    (r = cms_signed_verify(
			 cms, proof->body, CMS_ALLOW_SHA1)) != OK)
			r = refusal_code(r, ERR_MDM_SIGNATURE);
	}
	cms_signed_free(cms);
	buf_release(&der);
	return r;
}

int
identity_prove(
    struct db *db, const struct identity_proof *proof, struct identity *out)
{
	int r = OK;

	memset(out, 0, sizeof *out);
	out->by_tls = proof->client_certificate != NULL &&
	    proof->client_certificate[0] != '\0';
	if (out->by_tls)
		r = read_client_certificate(
		    proof->client_certificate, out->tls_sha256);
	else if (proof->signature == NULL)
		r = fail(ERR_MDM_IDENTITY,
		    "neither Mdm-Signature nor a TLS client certificate");
	if (r == OK)
		r = proof->signature != NULL
		    ? prove_by_header(db, proof, out)
		    : look_up(db, out->tls_sha256, out);
	out->proven = r == OK;
	return r;
}

/* Everything as it is now: the proof was checked outside of the transaction. */
static int
load_rows(struct db *db, struct identity *id)
{
	struct certificate now;
	int r;

	if ((r = certificates_load(db, id->cert.sha256, &now)) != OK)
		return r;
	certificates_release(&id->cert);
	id->cert = now;
	r = hosts_load_by_serial(db, now.serial, &id->host);
	id->has_host = r == OK;
	if (r == OK || r == ERR_NOT_FOUND)
		r = enrollments_load(db, now.enrollment_id, &id->enrollment);
	if (r == OK && now.hardware_attested && now.state == CERTIFICATE_ISSUED)
		r = orders_is_valid(
		    db, now.enrollment_id, now.order_id, &id->attested);
	return r;
}

/* Is `shown` the certificate that the sender's replaces, or has replaced? */
static bool
is_previous(const struct identity *id, const struct certificate *shown)
{
	const struct certificate *c = &id->cert;
	const struct host *host = &id->host;
	int64_t age = clock_now() - c->first_used_at;

	if (c->purpose != ENROLLMENT_RENEW || !id->has_host ||
	    !host->has_certificate)
		return false;
	if (c->state == CERTIFICATE_ISSUED)
		return shown->state == CERTIFICATE_CURRENT &&
		    memcmp(host->certificate_sha256, shown->sha256,
			SECRET_SHA256) == 0;
	return shown->state == CERTIFICATE_RETIRED &&
	    memcmp(host->certificate_sha256, c->sha256, SECRET_SHA256) == 0 &&
	    host->has_certificate_before &&
	    memcmp(host->certificate_before_sha256, shown->sha256,
		SECRET_SHA256) == 0 &&
	    age >= 0 && age <= IDENTITY_TLS_LAG;
}

/*
 * Both ways must show the same certificate. But Mdm-Signature may be by a
 * renewed one while the connection, or the TLS session that it resumes, is
 * older than the renewal.
 */
static int
check_agreement(struct db *db, const struct identity *id)
{
	struct certificate shown;
	int r;

	if (memcmp(id->tls_sha256, id->cert.sha256, SECRET_SHA256) == 0)
		return OK;
	r = certificates_load(db, id->tls_sha256, &shown);
	if (r == ERR_NOT_FOUND || (r == OK && !is_previous(id, &shown)))
		r = fail(ERR_MDM_CERTIFICATE,
		    "Mdm-Signature and the TLS connection show different "
		    "certificates");
	certificates_release(&shown);
	return r;
}

/* Mdm-Signature alone may be a replay. */
static int
check_header_is_enough(const struct identity *id, bool required)
{
	/* A device that enrolls again may have no certificate to show. */
	bool enrolls = id->cert.state == CERTIFICATE_ISSUED &&
	    id->cert.purpose == ENROLLMENT_ENROLL;
	int r = OK;

	if (id->has_host && id->host.client_certificate_at != 0 && !enrolls)
		r = fail(ERR_MDM_CLIENT_CERTIFICATE,
		    "there is only Mdm-Signature, which may be a replay: the "
		    "host showed its certificate in TLS before");
	else if (required)
		r = fail(ERR_MDM_CLIENT_CERTIFICATE,
		    "there is only Mdm-Signature, and [mdm] client_certificate "
		    "requires the certificate in TLS, too");
	return r;
}

int
identity_check(const struct context *c, struct identity *id, int64_t grace)
{
	const struct certificate *cert = &id->cert;
	int64_t now = clock_now();
	const char *why = NULL;
	int r;

	if ((r = load_rows(c->db, id)) != OK)
		return r;
	id->expired = now > cert->not_after;
	if (cert->state == CERTIFICATE_RETIRED)
		why = "the certificate was replaced by a newer one";
	else if (id->enrollment.state == ENROLLMENT_REVOKED)
		why = "the enrollment was revoked";
	else if (now < cert->not_before)
		why = "the certificate is not valid yet";
	else if (id->expired && now >= cert->not_after + grace)
		why = "the certificate has expired";
	/* A blocked device is told so, for it unenrolls then. */
	if (cert->state == CERTIFICATE_REVOKED)
		r = fail(ERR_MDM_BLOCKED, "the certificate is revoked");
	else if (id->has_host)
		r = decision_check_blocked(&id->host);
	if (r == OK && why != NULL)
		r = fail(ERR_MDM_CERTIFICATE, "%s", why);
	else if (r == OK && id->by_tls)
		r = check_agreement(c->db, id);
	else if (r == OK)
		r = check_header_is_enough(
		    id, c->conf->client_certificate_required);
	return r;
}

int
identity_recognize(const struct identity *id, const char *udid)
{
	const struct host *host = &id->host;
	bool is_unused = id->cert.state == CERTIFICATE_ISSUED;
	bool is_renewal =
	    is_unused && id->has_host && id->cert.purpose == ENROLLMENT_RENEW;
	bool is_present = id->cert.state == CERTIFICATE_CURRENT &&
	    id->has_host && host->has_certificate &&
	    memcmp(host->certificate_sha256, id->cert.sha256, SECRET_SHA256) ==
		0;
	int r = OK;

	if (!is_renewal && !is_present)
		r = fail(ERR_MDM_CERTIFICATE,
		    is_unused
			? "Authenticate has not come with this certificate yet"
			: "the host has another certificate now");
	else if (host->state == HOST_UNENROLLED)
		r = fail(ERR_MDM_CERTIFICATE,
		    "the host checked out and has to enroll again");
	else if (strcasecmp(host->device.udid, udid) != 0)
		r = fail(ERR_MDM_DEVICE,
		    "the message is from UDID %s, the certificate is of UDID "
		    "%s",
		    udid, host->device.udid);
	return r;
}
