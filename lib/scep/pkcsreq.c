#include "scep/pkcsreq.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "ca/issue.h"
#include "policy/issuance.h"
#include "policy/device_state.h"
#include "scep/entitlement.h"
#include "store/certificates.h"
#include "store/enrollments.h"
#include "store/events.h"
#include "wire/csr.h"
#include "wire/x509.h"

/* How far a client's clock may be behind, in seconds. */
#define CLOCKS_APART 3600

/* What one request works on. */
struct work {
	struct scep *scep;
	const struct pkimessage *m;
	const char *remote_address;
	struct csr *csr;
	struct entitlement right;
	struct certificate certificate;
};

static bool
is_renewal(const struct work *w)
{
	return w->m->type == PKIMESSAGE_RENEWAL_REQ;
}

/*
 * The key of the request must also sign the message, so that a client learns
 * nothing about challenges and devices by copying somebody's request. A renewal
 * is signed with the former key, and `out` stays empty.
 */
static int
signer_key(const struct work *w, struct buf *out)
{
	return is_renewal(w) ? OK : x509_spki(w->m->signer, out);
}

static int
open_request(struct work *w, enum enveloped_cipher *cipher)
{
	const struct conf *conf = w->scep->conf;
	unsigned how = (conf->older_clients ? ENVELOPED_ALLOW_3DES : 0) |
	    (conf->single_des ? ENVELOPED_ALLOW_DES : 0);
	unsigned what =
	    CSR_ALLOW_RSA | (conf->older_clients ? CSR_ALLOW_SHA1 : 0);
	struct buf content, spki;
	int r;

	buf_init(&content, ENVELOPED_BYTES_MAX);
	buf_init(&spki, X509_DER_MAX);
	if ((r = signer_key(w, &spki)) != OK)
		goto done;
	r = enveloped_open(w->m->cms->content,
	    key_handle(authority_key(w->scep->ca)),
	    authority_certificate(w->scep->ca), how, cipher, &content);
	if (r == OK)
		r = csr_parse_for(
		    buf_blob(&content), buf_blob(&spki), what, &w->csr);
	/* A sound request and a wrong key must look alike from outside. */
	if (r == ERR_BAD_CSR)
		r = ERR_SCEP_MESSAGE;
done:
	buf_release(&spki);
	buf_wipe(&content);
	return r;
}

/* One from before the renewal asked for another, and may be a copy. */
static int
check_signing_time(const struct work *w)
{
	if (w->m->signing_time >= w->right.opened_at - CLOCKS_APART)
		return OK;
	return fail(ERR_SCEP_REQUEST,
	    "the message has no signing time, or was signed before the renewal "
	    "was opened");
}

static int
find_enrollment(struct work *w)
{
	struct db *db = w->scep->db;
	uint8_t signer[SECRET_SHA256];
	int r;

	if (!is_renewal(w))
		return entitlement_by_challenge(db, w->csr, &w->right);
	if ((r = x509_sha256(w->m->signer, signer)) != OK)
		return r;
	if ((r = entitlement_by_certificate(db, signer, &w->right)) != OK)
		return r;
	return check_signing_time(w);
}

/* The very request that was answered a moment ago. */
static bool
is_retry(const struct work *w)
{
	return w->right.enrollment.state != ENROLLMENT_REVOKED &&
	    w->right.challenge.used_at != 0 &&
	    clock_now() - w->right.challenge.used_at <= PKCSREQ_RETRY_SECONDS &&
	    strcmp(w->right.challenge.transaction_id, w->m->transaction_id) ==
	    0 &&
	    memcmp(w->right.challenge.spki_sha256, w->csr->spki_sha256,
		SECRET_SHA256) == 0;
}

static struct event
event_of(const struct work *w, int code, const char *reason)
{
	return (struct event){
		.enrollment_id = w->right.known ? w->right.enrollment.id : NULL,
		.serial =
		    w->right.known ? w->right.enrollment.device.serial : NULL,
		.step = PKCSREQ_STEP,
		.outcome = events_outcome(code),
		.code = code,
		.reason = reason,
		.remote_address = w->remote_address
	};
}

static int
answer_again(struct work *w, struct buf *out)
{
	struct certificate c;
	struct event again;
	int r;

	if ((r = certificates_load_by_enrollment(
		 w->scep->db, w->right.enrollment.id, &c)) != OK)
		return r;
	if (c.state == CERTIFICATE_ISSUED || c.state == CERTIFICATE_CURRENT) {
		r = buf_add_blob(out, c.der);
		again = event_of(w, OK, "the same certificate, asked again");
		again.step = PKCSREQ_STEP_AGAIN;
		events_note(w->scep->db, &again);
	} else
		r = fail(ERR_SCEP_CHALLENGE, "the certificate is %s",
		    certificates_state_name(c.state));
	certificates_release(&c);
	return r;
}

static int
check_challenge(const struct work *w)
{
	return w->right.challenge.used_at == 0
	    ? OK
	    : fail(ERR_SCEP_CHALLENGE, "the challenge was used");
}

static int
check_policy(const struct work *w)
{
	struct db *db = w->scep->db;
	struct device_state state;
	struct issuance_scep facts = { .now = clock_now(),
		.enrollment = &w->right.enrollment,
		.state = &state,
		.csr = w->csr };
	int r;

	if ((r = device_state_load(db, w->scep->conf,
		 w->right.enrollment.device.serial, &state)) != OK ||
	    (r = certificates_spki_known(
		 db, w->csr->spki_sha256, &facts.key_known)) != OK)
		return r;
	return issuance_check_scep(&facts);
}

/* In the transaction: all that makes it a certificate of ours. */
static int
bind_certificate(struct work *w)
{
	struct db *db = w->scep->db;
	struct event done;
	char signed_for[DB_ID_TEXT];
	int r;

	memcpy(signed_for, w->right.enrollment.id, sizeof(signed_for));
	if ((r = find_enrollment(w)) != OK || (r = check_policy(w)) != OK)
		return r;
	if (strcmp(signed_for, w->right.enrollment.id) != 0)
		return fail(
		    ERR_SCEP_REQUEST, "another renewal was opened meanwhile");
	if ((r = scep_challenges_use(db, w->right.enrollment.id,
		 w->m->transaction_id, w->csr->spki_sha256)) != OK ||
	    (r = issue_store(db, &w->certificate)) != OK)
		return r == ERR_CONFLICT
		    ? fail(ERR_SCEP_CHALLENGE,
			  "challenge or enrollment was used meanwhile")
		    : r;
	done = event_of(w, OK, "a certificate for a key that was not attested");
	return events_add(db, &done);
}

static int
commit(struct work *w)
{
	int r;

	if ((r = db_begin(w->scep->db)) != OK)
		return r;
	if ((r = bind_certificate(w)) == OK)
		r = db_commit(w->scep->db);
	db_rollback(w->scep->db);
	return r;
}

/* A RenewalReq is opened only for a signer that may renew. */
static int
understand(struct work *w, enum enveloped_cipher *cipher)
{
	int r = is_renewal(w) ? find_enrollment(w) : open_request(w, cipher);

	if (r != OK)
		return r;
	return is_renewal(w) ? open_request(w, cipher) : find_enrollment(w);
}

static int
serve(struct work *w, enum enveloped_cipher *cipher, struct buf *out)
{
	int r;

	if ((r = understand(w, cipher)) != OK)
		return r;
	if (is_retry(w))
		return answer_again(w, out);
	if ((r = check_challenge(w)) != OK || (r = check_policy(w)) != OK ||
	    (r = issue_for_enrollment(w->scep->ca, w->scep->conf,
		 &w->right.enrollment, w->csr->spki, &w->certificate)) != OK ||
	    (r = commit(w)) != OK)
		return r;
	return buf_add_blob(out, w->certificate.der);
}

/* The request's own transaction is over, and with it what it did. */
static void
refuse(const struct work *w, int code)
{
	struct event t = event_of(w, code, log_reason());

	events_note(w->scep->db, &t);
}

int
pkcsreq_serve(struct scep *scep, const struct pkimessage *m,
    const char *remote_address, enum enveloped_cipher *cipher, struct buf *out)
{
	struct work w = {
		.scep = scep, .m = m, .remote_address = remote_address
	};
	int r = serve(&w, cipher, out);

	if (r != OK)
		refuse(&w, r);
	certificates_release(&w.certificate);
	csr_free(w.csr);
	return r;
}

int
pkcsreq_refuse(struct scep *scep, int code, const char *remote_address)
{
	struct work w = { .scep = scep, .remote_address = remote_address };

	refuse(&w, code);
	return code;
}
