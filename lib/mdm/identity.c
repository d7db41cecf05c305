#include "mdm/identity.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/err.h"
#include "base/log.h"
#include "policy/decision.h"
#include "store/orders.h"
#include "store/renewals.h"
#include "wire/cms.h"
#include "wire/x509.h"

void
identity_release(struct identity *id)
{
	certificates_release(&id->cert);
	memset(id, 0, sizeof(*id));
}

int
identity_client_certificate(const char *escaped, uint8_t sha256[SECRET_SHA256])
{
	gnutls_x509_crt_t crt = NULL;
	struct buf pem;
	int r = ERR_MDM_IDENTITY;

	buf_init(&pem, 2 * X509_DER_MAX);
	if (enc_percent_decode(blob_str(escaped), &pem) != OK)
		r = fail(ERR_MDM_IDENTITY,
		    "the TLS client certificate cannot be read");
	else if (x509_parse_pem(buf_blob(&pem), &crt) == OK)
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
parse_header(const char *header, struct cms_signed **out)
{
	struct buf der;
	size_t n = strlen(header);
	int r;

	if (n > IDENTITY_HEADER_MAX)
		return fail(ERR_MDM_IDENTITY,
		    "Mdm-Signature has %zu bytes, more than %d", n,
		    IDENTITY_HEADER_MAX);
	buf_init(&der, IDENTITY_HEADER_MAX);
	if (enc_base64_decode(blob_of(header, n), &der) != OK)
		r = fail(ERR_MDM_IDENTITY,
		    "Mdm-Signature is not one value in strict base64");
	else if (cms_signed_parse(buf_blob(&der), out) != OK)
		r = ERR_MDM_IDENTITY;
	else
		r = OK;
	buf_release(&der);
	return r;
}

static int
check_signature(const struct cms_signed *cms, struct blob body)
{
	if (cms->has_content)
		return fail(ERR_MDM_SIGNATURE,
		    "Mdm-Signature is not a detached signature");
	if (cms_signed_verify(cms, body, CMS_ALLOW_SHA1) != OK)
		return ERR_MDM_SIGNATURE;
	return OK;
}

static int
prove_by_header(
    struct db *db, const struct identity_proof *proof, struct identity *out)
{
	struct cms_signed *cms = NULL;
	uint8_t sha256[SECRET_SHA256];
	struct blob der;
	int r;

	if ((r = parse_header(proof->signature, &cms)) != OK)
		goto done;
	if (cms_signed_signer(cms, &der) != OK) {
		r = ERR_MDM_IDENTITY;
		goto done;
	}
	secret_sha256(der, sha256);
	if ((r = look_up(db, sha256, out)) == OK)
		r = check_signature(cms, proof->body);
done:
	cms_signed_free(cms);
	return r;
}

int
identity_prove(
    struct db *db, const struct identity_proof *proof, struct identity *out)
{
	int r;

	memset(out, 0, sizeof(*out));
	out->by_tls = proof->client_certificate != NULL &&
	    proof->client_certificate[0] != '\0';
	if (proof->signature == NULL && !out->by_tls)
		return fail(ERR_MDM_IDENTITY,
		    "neither Mdm-Signature nor a TLS client certificate");
	if (out->by_tls &&
	    (r = identity_client_certificate(
		 proof->client_certificate, out->tls_sha256)) != OK)
		return r;
	if (proof->signature != NULL)
		r = prove_by_header(db, proof, out);
	else
		r = look_up(db, out->tls_sha256, out);
	out->proven = r == OK;
	return r;
}

static int
load_host(struct db *db, struct identity *id)
{
	int r = hosts_load_by_serial(db, id->cert.serial, &id->host);

	id->has_host = r == OK;
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
check_dates(struct identity *id, int64_t grace)
{
	const struct certificate *c = &id->cert;
	int64_t now = clock_now();

	if (now < c->not_before)
		return fail(
		    ERR_MDM_CERTIFICATE, "the certificate is not valid yet");
	id->expired = now > c->not_after;
	if (id->expired && now >= c->not_after + grace)
		return fail(ERR_MDM_CERTIFICATE, "the certificate has expired");
	return OK;
}

/* Is `shown` the certificate that the sender's replaces, or has replaced? */
static bool
is_before(const struct identity *id, const struct certificate *shown)
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
	bool good;
	int r;

	if (!id->by_tls ||
	    memcmp(id->tls_sha256, id->cert.sha256, SECRET_SHA256) == 0)
		return OK;
	r = certificates_load(db, id->tls_sha256, &shown);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	good = r == OK && is_before(id, &shown);
	if (r == OK)
		certificates_release(&shown);
	return good ? OK
		    : fail(ERR_MDM_CERTIFICATE,
			  "Mdm-Signature and the TLS connection show different "
			  "certificates");
}

/* A device that enrolls again may have lost its way to show a certificate. */
static bool
is_new_enrollment(const struct identity *id)
{
	return id->cert.state == CERTIFICATE_ISSUED &&
	    id->cert.purpose == ENROLLMENT_ENROLL;
}

int
identity_check_client_certificate(const struct identity *id, bool required)
{
	if (id->by_tls)
		return OK;
	if (id->has_host && id->host.client_certificate_at != 0 &&
	    !is_new_enrollment(id))
		return fail(ERR_MDM_CLIENT_CERTIFICATE,
		    "there is only Mdm-Signature, which may be a replay: the "
		    "host showed its certificate in TLS before");
	if (required)
		return fail(ERR_MDM_CLIENT_CERTIFICATE,
		    "there is only Mdm-Signature, and [mdm] client_certificate "
		    "requires the certificate in TLS, too");
	return OK;
}

int
identity_check(struct db *db, struct identity *id, int64_t grace)
{
	struct certificate now;
	int r;

	if ((r = certificates_load(db, id->cert.sha256, &now)) != OK)
		return r;
	certificates_release(&id->cert);
	id->cert = now;
	if ((r = load_host(db, id)) != OK ||
	    (r = enrollments_load(
		 db, id->cert.enrollment_id, &id->enrollment)) != OK)
		return r;
	if (id->cert.state == CERTIFICATE_REVOKED)
		return fail(ERR_MDM_BLOCKED, "the certificate is revoked");
	if (id->has_host && (r = decision_check_blocked(&id->host)) != OK)
		return r;
	if (id->cert.state == CERTIFICATE_RETIRED)
		return fail(ERR_MDM_CERTIFICATE,
		    "the certificate was replaced by a newer one");
	if (id->enrollment.state == ENROLLMENT_REVOKED)
		return fail(ERR_MDM_CERTIFICATE, "the enrollment was revoked");
	if ((r = check_agreement(db, id)) != OK)
		return r;
	return check_dates(id, grace);
}

static bool
is_present(const struct identity *id)
{
	return id->cert.state == CERTIFICATE_CURRENT && id->has_host &&
	    id->host.has_certificate &&
	    memcmp(id->host.certificate_sha256, id->cert.sha256,
		SECRET_SHA256) == 0;
}

static bool
is_renewal(const struct identity *id)
{
	return id->cert.state == CERTIFICATE_ISSUED &&
	    id->cert.purpose == ENROLLMENT_RENEW && id->has_host;
}

int
identity_recognize(const struct identity *id, const char *udid)
{
	if (!is_renewal(id) && !is_present(id))
		return fail(ERR_MDM_CERTIFICATE,
		    id->cert.state == CERTIFICATE_ISSUED
			? "Authenticate has not come with this certificate yet"
			: "the host has another certificate now");
	if (id->host.state == HOST_UNENROLLED)
		return fail(ERR_MDM_CERTIFICATE,
		    "the host checked out and has to enroll again");
	if (strcasecmp(id->host.device.udid, udid) != 0)
		return fail(ERR_MDM_DEVICE,
		    "the message is from UDID %s, the certificate is of UDID "
		    "%s",
		    udid, id->host.device.udid);
	return OK;
}

int
identity_attested(struct db *db, const struct identity *id, bool *out)
{
	struct order_list orders;
	size_t i;
	int r;

	*out = false;
	if (!id->cert.hardware_attested || id->cert.order_id[0] == '\0' ||
	    id->cert.state == CERTIFICATE_REVOKED)
		return OK;
	if ((r = orders_list_by_enrollment(
		 db, id->cert.enrollment_id, &orders)) != OK)
		return r;
	for (i = 0; i < orders.n; i++)
		if (strcmp(orders.rows[i].id, id->cert.order_id) == 0 &&
		    orders.rows[i].status == ORDER_VALID)
			*out = true;
	orders_list_release(&orders);
	return OK;
}

/*
 * Nothing of the host changes but its identity: queue, tokens and history are
 * of the device, which is the same.
 */
int
identity_take_over(struct db *db, struct identity *id)
{
	struct host_identity new = { .serial = id->cert.serial,
		.udid = id->host.device.udid,
		.certificate_sha256 = id->cert.sha256,
		.enrollment_id = id->cert.enrollment_id };
	int r = enrollments_mark_enrolled(db, id->cert.enrollment_id);

	if (r == ERR_CONFLICT)
		return fail(
		    ERR_MDM_CERTIFICATE, "the renewal of it was revoked");
	if (r != OK ||
	    (r = identity_attested(db, id, &new.hardware_attested)) != OK ||
	    (r = certificates_make_current(db, id->cert.sha256)) != OK ||
	    (r = hosts_set_certificate(db, id->host.id, &new)) != OK ||
	    (r = renewals_finish(db, id->host.id)) != OK)
		return r;
	id->renewed = true;
	log_line(
	    LOG_NOTICE, "host %s renewed its certificate", id->cert.serial);
	return hosts_load(db, id->host.id, &id->host);
}
