#include "acme/finalize.h"

#include <stdio.h>
#include <string.h>

#include "acme/evidence.h"
#include "acme/order.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/refusal.h"
#include "ca/issue.h"
#include "policy/decision.h"
#include "policy/issuance.h"
#include "store/alarms.h"
#include "store/attestations.h"
#include "wire/csr.h"

/* What one finalize works on. */
struct work {
	struct order order;
	struct attestation_row evidence;
	/* what the attestation object in it says when it is verified now */
	struct attestation attested;
	struct csr *csr;
	struct certificate certificate;
};

static int
read_csr(const struct request *rq, struct csr **out)
{
	struct json *payload;
	struct blob text;
	struct buf der;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK)
		return r;
	buf_init(&der, JWS_PAYLOAD_MAX);
	if ((r = in_json_string(payload, "csr", &text)) == OK) {
		if ((r = enc_base64url_decode(text, &der)) != OK || der.n == 0)
			r = fail(refusal_code(r, ERR_MALFORMED),
			    "csr is not base64url");
		else
			r = csr_parse(buf_blob(&der), 0, out);
	}
	buf_release(&der);
	in_json_free(payload);
	return r;
}

/*
 * acme-challenge keeps no evidence that does not verify: another program wrote
 * this row. One alarm for a serial number, in a transaction of its own.
 */
static int
refuse_forged(const struct request *rq, const struct order *o)
{
	const char *serial = rq->enrollment.device.serial;
	char reason[512], text[256];

	snprintf(reason, sizeof reason, "%s", log_reason());
	snprintf(text, sizeof text,
	    "order %s had an attestation that does not verify: nothing was "
	    "signed, but a program that writes to the database may be taken "
	    "over",
	    o->id);
	alarms_note(
	    rq->context.db, ALARM_EVIDENCE_FORGED, serial, serial, text);
	return fail(ERR_EVIDENCE,
	    "order %s is ready, but its attestation does not verify: %s", o->id,
	    reason);
}

/*
 * Whoever can write to the database can write this row, so its columns prove
 * nothing; Apple's signatures in the attestation object do. The certificates
 * must be valid at the time the challenge was accepted. That time is a column
 * too, so it is trusted only as far back as an order lives.
 */
static int
verify_evidence(
    const struct request *rq, const struct attest_roots *roots, struct work *w)
{
	int64_t now = clock_now(), at;
	int r;

	r = attestations_load_by_order(
	    rq->context.db, w->order.id, &w->evidence);
	if (r == ERR_NOT_FOUND)
		r = fail(ERR_INTERNAL, "order %s is ready without evidence",
		    w->order.id);
	else if (r == OK && w->evidence.object.n == 0)
		r = fail(ERR_ORDER_NOT_READY,
		    "order %s was made before attestations were kept",
		    w->order.id);
	if (r != OK)
		return r;
	at = w->evidence.verified_at;
	if (at > now)
		at = now;
	if (at < now - ORDER_LIFE)
		at = now - ORDER_LIFE;
	r = evidence_verify(roots, w->evidence.object, &rq->enrollment,
	    &w->order, at, &w->attested);
	return r == OK || evidence_is_unchecked(r)
	    ? r
	    : refuse_forged(rq, &w->order);
}

static int
check_policy(const struct request *rq, const struct work *w)
{
	struct device_state state;
	struct issuance_acme facts = {
		.now = clock_now(),
		.enrollment = &rq->enrollment,
		.state = &state,
		.account = &rq->account,
		.order = &w->order,
		.attestation = &w->evidence,
		.attested = &w->attested,
		.csr = w->csr,
	};
	struct buf spki;
	int r;

	buf_init(&spki, 512);
	if ((r = device_state_load(rq->context.db, rq->context.conf,
		 rq->enrollment.device.serial, &state)) == OK &&
	    (r = jwk_spki(rq->account_key, &spki)) == OK) {
		facts.account_spki = buf_blob(&spki);
		r = issuance_check_acme(&facts);
	}
	buf_release(&spki);
	return r;
}

/*
 * Records a bad certificate request: one for another key ends the order, any
 * other counts against it. Returns `code`.
 */
static int
reject_csr(struct request *rq, const struct order *o, int code)
{
	struct db *db = rq->context.db;
	char reason[512];
	bool dead = false;
	int r;

	snprintf(reason, sizeof reason, "%s", log_reason());
	if ((r = request_begin(rq)) != OK)
		return r;
	r = code == ERR_CSR_KEY ? orders_invalidate(db, o, code)
				: orders_bad_csr(db, o, &dead);
	if (r == OK || r == ERR_CONFLICT)
		r = context_log(&rq->context, code, reason);
	r = context_end(&rq->context, r);
	if (dead)
		log_line(LOG_WARN, "order %s got too many bad requests", o->id);
	return r == OK ? code : r;
}

/* In the transaction: an administrator may have acted since the order. */
static int
check_device(const struct request *rq)
{
	struct device_state s;
	int r;

	r = device_state_load(
	    rq->context.db, rq->context.conf, rq->enrollment.device.serial, &s);
	return r == OK ? decision_check_issue(&s, &rq->enrollment) : r;
}

/* In the transaction: all that makes it a certificate of ours. */
static int
store_issuance(
    struct request *rq, struct work *w, struct order *out, struct buf *replaces)
{
	struct db *db = rq->context.db;
	int r;

	if ((r = check_device(rq)) != OK)
		return r;
	memcpy(w->certificate.order_id, w->order.id, sizeof w->order.id);
	if ((r = orders_finalize(db, &w->order, w->certificate.id)) == OK)
		r = issue_store(db, &w->certificate);
	if (r == ERR_CONFLICT)
		r = fail(ERR_ORDER_NOT_READY,
		    "order or enrollment was used meanwhile");
	if (r == OK && (r = context_log(&rq->context, OK, "")) == OK &&
	    (r = order_load(rq, w->order.id, out)) == OK)
		r = order_predecessor(db, out, replaces);
	return r;
}

int
finalize_order(struct request *rq, const struct finalize_keys *keys,
    const char *id, struct order *out, struct buf *replaces)
{
	struct work w = { .csr = NULL };
	int r;

	*out = (struct order){ .id = "" };
	r = order_load(rq, id, &w.order);
	if (r == OK && w.order.status != ORDER_READY)
		r = fail(ERR_ORDER_NOT_READY, "order %s is %s%s%s", w.order.id,
		    orders_status_name(w.order.status),
		    w.order.error == OK ? "" : ": ",
		    w.order.error == OK ? "" : err_name(w.order.error));
	if (r == OK && (r = read_csr(rq, &w.csr)) == OK &&
	    (r = verify_evidence(rq, keys->roots, &w)) == OK)
		r = check_policy(rq, &w);
	if (r == ERR_BAD_CSR || r == ERR_CSR_KEY)
		r = reject_csr(rq, &w.order, r);
	/* Signing takes its time, so it comes before the transaction. */
	if (r == OK &&
	    (r = issue_for_enrollment(keys->ca, keys->files.crl_file,
		 rq->context.conf, &rq->enrollment, w.attested.spki,
		 &w.certificate)) == OK &&
	    (r = request_begin(rq)) == OK)
		r = context_end(
		    &rq->context, store_issuance(rq, &w, out, replaces));
	if (r != OK)
		*out = (struct order){ .id = "" };
	certificates_release(&w.certificate);
	csr_free(w.csr);
	attest_release(&w.attested);
	attestations_release(&w.evidence);
	return r;
}

/* With the CA that signed it, which may have been renewed since. */
static int
add_chain(const struct conf *conf, const struct authority *ca,
    const struct certificate *c, struct buf *out)
{
	struct blob issuer = blob_of(c->issuer_key_id, c->issuer_key_id_len);
	struct authority *former = NULL;
	int r;

	if (blob_eq(authority_key_id(ca), issuer))
		return issue_chain(ca, c->der, out);
	if ((r = generation_find(conf, GENERATION_ACME, issuer, &former)) == OK)
		r = issue_chain(former, c->der, out);
	authority_free(former);
	return r;
}

/* In the transaction. */
static int
write_chain(struct request *rq, const struct authority *ca, const char *id,
    struct buf *out)
{
	struct certificate c = { .id = "" };
	int r;

	r = certificates_load_scoped(
	    rq->context.db, rq->enrollment.id, rq->account.id, id, &c);
	if (r == ERR_NOT_FOUND)
		r = fail(
		    r, "no such certificate of account %s", rq->account.id);
	if (r == OK && c.state == CERTIFICATE_REVOKED)
		r = fail(ERR_UNAUTHORIZED, "certificate %s is revoked", id);
	if (r == OK && (r = check_device(rq)) == OK &&
	    (r = add_chain(rq->context.conf, ca, &c, out)) == OK)
		r = context_log(&rq->context, OK, "");
	certificates_release(&c);
	return r;
}

int
finalize_download(struct request *rq, const struct finalize_keys *keys,
    const char *id, struct buf *out)
{
	int r;

	if ((r = request_want_empty(rq)) == OK && (r = request_begin(rq)) == OK)
		r = context_end(
		    &rq->context, write_chain(rq, keys->ca, id, out));
	return r;
}
