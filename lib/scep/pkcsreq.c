#include "scep/pkcsreq.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "ca/issue.h"
#include "policy/device_state.h"
#include "policy/issuance.h"
#include "scep/scep_authorization.h"
#include "store/certificates.h"
#include "store/enrollments.h"
#include "wire/csr.h"
#include "wire/x509.h"

/* How far a client's clock may be behind, in seconds. */
#define CLOCKS_APART 3600

/* What one request works on. */
struct work {
	struct scep *scep;
	const struct pkimessage *m;
	struct csr *csr;
	struct scep_authorization authorization;
	struct certificate certificate;
};

/*
 * Decrypts and reads the certificate request. Its key must also have signed the
 * message, so that a client learns nothing about challenges and devices by
 * copying somebody's request. A renewal is signed with the former key.
 */
static int
open_request(struct work *w, enum enveloped_cipher *cipher)
{
	const struct conf *conf = w->scep->context.conf;
	unsigned how = (conf->older_clients ? ENVELOPED_ALLOW_3DES : 0) |
	    (conf->single_des ? ENVELOPED_ALLOW_DES : 0);
	unsigned what =
	    CSR_ALLOW_RSA | (conf->older_clients ? CSR_ALLOW_SHA1 : 0);
	struct buf content, spki;
	int r = OK;

	buf_init(&content, ENVELOPED_BYTES_MAX);
	buf_init(&spki, X509_DER_MAX);
	if (w->m->type != PKIMESSAGE_RENEWAL_REQ)
		r = x509_spki(w->m->signer, &spki);
	if (r == OK)
		r = enveloped_open(w->m->cms->content,
		    key_handle(authority_key(w->scep->ca)),
		    authority_certificate(w->scep->ca), how, cipher, &content);
	if (r == OK)
		r = csr_parse_for(
		    buf_blob(&content), buf_blob(&spki), what, &w->csr);
	/* A sound request and a wrong key must look alike from outside. */
	if (r == ERR_BAD_CSR)
		r = ERR_SCEP_MESSAGE;
	buf_release(&spki);
	buf_wipe(&content);
	return r;
}

static int
authorize(struct work *w)
{
	struct context *c = &w->scep->context;
	uint8_t signer[SECRET_SHA256];
	int r;

	if (w->m->type != PKIMESSAGE_RENEWAL_REQ)
		return scep_authorization_by_challenge(
		    c, w->csr, &w->authorization);
	/* One from before the renewal asked for another, and may be a copy. */
	if ((r = x509_sha256(w->m->signer, signer)) == OK &&
	    (r = scep_authorization_by_certificate(
		 c, signer, &w->authorization)) == OK &&
	    w->m->signing_time <
		w->authorization.renewal_opened_at - CLOCKS_APART)
		r = fail(ERR_SCEP_REQUEST,
		    "the message has no signing time, or was signed before the "
		    "renewal was opened");
	return r;
}

/* The very request that was answered a moment ago. */
static bool
is_retry(const struct work *w)
{
	const struct scep_challenge *used = &w->authorization.challenge;

	return w->authorization.enrollment.state != ENROLLMENT_REVOKED &&
	    used->used_at != 0 &&
	    clock_now() - used->used_at <= PKCSREQ_RETRY_SECONDS &&
	    strcmp(used->transaction_id, w->m->transaction_id) == 0 &&
	    memcmp(used->spki_sha256, w->csr->spki_sha256, SECRET_SHA256) == 0;
}

static int
answer_again(struct work *w, struct buf *out)
{
	struct context *c = &w->scep->context;
	struct certificate issued;
	int r;

	r = certificates_load_by_enrollment(
	    c->db, w->authorization.enrollment.id, &issued);
	if (r == OK && issued.state != CERTIFICATE_ISSUED &&
	    issued.state != CERTIFICATE_CURRENT) {
		r = fail(ERR_SCEP_CHALLENGE, "the certificate is %s",
		    certificates_state_name(issued.state));
	} else if (r == OK) {
		c->step = PKCSREQ_STEP_AGAIN;
		if ((r = buf_add_blob(out, issued.der)) == OK &&
		    (r = db_begin_relaxed(c->db)) == OK)
			r = context_end(c,
			    context_log(
				c, OK, "the same certificate, asked again"));
	}
	certificates_release(&issued);
	return r;
}

static int
check_policy(const struct work *w)
{
	struct db *db = w->scep->context.db;
	struct device_state state;
	struct issuance_scep facts = { .now = clock_now(),
		.enrollment = &w->authorization.enrollment,
		.state = &state,
		.csr = w->csr };
	int r;

	if ((r = device_state_load(db, w->scep->context.conf,
		 w->authorization.enrollment.device.serial, &state)) == OK &&
	    (r = certificates_spki_known(
		 db, w->csr->spki_sha256, &facts.key_known)) == OK)
		r = issuance_check_scep(&facts);
	return r;
}

/* In the transaction: all that makes it a certificate of ours. */
static int
store_issuance(struct work *w)
{
	struct context *c = &w->scep->context;
	int r;

	if ((r = authorize(w)) != OK || (r = check_policy(w)) != OK)
		return r;
	if (strcmp(w->certificate.enrollment_id,
		w->authorization.enrollment.id) != 0)
		return fail(
		    ERR_SCEP_REQUEST, "another renewal was opened meanwhile");
	if ((r = scep_challenges_use(c->db, w->authorization.enrollment.id,
		 w->m->transaction_id, w->csr->spki_sha256)) == OK)
		r = issue_store(c->db, &w->certificate);
	if (r == ERR_CONFLICT)
		r = fail(ERR_SCEP_CHALLENGE,
		    "challenge or enrollment was used meanwhile");
	if (r == OK)
		r = context_log(
		    c, OK, "a certificate for a key that was not attested");
	return r;
}

static int
serve(struct work *w, enum enveloped_cipher *cipher, struct buf *out)
{
	struct context *c = &w->scep->context;
	bool renewal = w->m->type == PKIMESSAGE_RENEWAL_REQ;
	int r;

	/*
	 * A RenewalReq is opened only for a signer that may renew; any other
	 * has to be opened first, because its challenge is inside. Either is
	 * authorized again by store_issuance(), in the transaction, because the
	 * challenge can be used, or the renewal closed, during the signing.
	 */
	if ((renewal && (r = authorize(w)) != OK) ||
	    (r = open_request(w, cipher)) != OK ||
	    (!renewal && (r = authorize(w)) != OK))
		return r;
	if (is_retry(w))
		return answer_again(w, out);
	if (w->authorization.challenge.used_at != 0)
		return fail(ERR_SCEP_CHALLENGE, "the challenge was used");
	/* Signing takes its time, so it comes before the transaction. */
	if ((r = check_policy(w)) == OK &&
	    (r = issue_for_enrollment(w->scep->issuer,
		 w->scep->crl_file, c->conf, &w->authorization.enrollment,
		 w->csr->spki, &w->certificate)) == OK &&
	    (r = context_begin(c)) == OK)
		r = context_end(c, store_issuance(w));
	return r == OK ? buf_add_blob(out, w->certificate.der) : r;
}

int
pkcsreq_serve(struct scep *scep, const struct pkimessage *m,
    enum enveloped_cipher *cipher, struct buf *out)
{
	struct work w = { .scep = scep, .m = m };
	int r = serve(&w, cipher, out);

	certificates_release(&w.certificate);
	csr_free(w.csr);
	return r;
}
