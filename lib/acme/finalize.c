#include "acme/finalize.h"

#include <stdio.h>
#include <string.h>

#include "acme/evidence.h"
#include "acme/order.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
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
	struct buf account_spki;
	struct certificate certificate;
	struct device_state state;
};

static void
work_init(struct work *w)
{
	*w = (struct work){ .csr = NULL };
	buf_init(&w->account_spki, 512);
}

static void
work_release(struct work *w)
{
	certificates_release(&w->certificate);
	buf_release(&w->account_spki);
	csr_free(w->csr);
	attest_release(&w->attested);
	attestations_release(&w->evidence);
}

static int
load_order(const struct request *rq, const char *id, struct order *out)
{
	int r;

	r = orders_load(
	    rq->acme->db, rq->enrollment.id, rq->account.id, id, out);
	if (r == ERR_NOT_FOUND)
		return fail(r, "no such order of account %s", rq->account.id);
	if (r == OK)
		order_settle(out, clock_now());
	return r;
}

static int
check_ready(const struct order *o)
{
	if (o->status == ORDER_READY)
		return OK;
	return fail(ERR_ORDER_NOT_READY, "order %s is %s%s%s", o->id,
	    orders_status_name(o->status), o->error[0] != '\0' ? ": " : "",
	    o->error);
}

static int
read_csr(const struct request *rq, struct csr **out)
{
	struct json *payload = NULL;
	struct blob text;
	struct buf der;
	int r;

	buf_init(&der, JWS_PAYLOAD_MAX);
	if ((r = request_want_object(rq, &payload)) != OK ||
	    (r = in_json_string(payload, "csr", &text)) != OK)
		goto done;
	if (text.n == 0 || enc_base64url_decode(text, &der) != OK) {
		r = fail(ERR_MALFORMED, "csr is not base64url");
		goto done;
	}
	r = csr_parse(buf_blob(&der), 0, out);
done:
	buf_release(&der);
	in_json_free(payload);
	return r;
}

/*
 * acme-challenge keeps no evidence that does not verify: another program wrote
 * this row. One alarm for a serial number, in a transaction of its own.
 */
static void
alarm_forged(const struct request *rq, const struct work *w)
{
	const char *serial = rq->enrollment.device.serial;
	char text[256];

	snprintf(text, sizeof text,
	    "order %s had an attestation that does not verify: nothing was "
	    "signed, but a program that writes to the database may be taken "
	    "over",
	    w->order.id);
	alarms_note(rq->acme->db, ALARM_EVIDENCE_FORGED, serial, serial, text);
}

/*
 * Whoever can write to the database can write this row, so its columns prove
 * nothing; Apple's signatures in the attestation object do. The certificates
 * must be valid at the time the challenge was accepted. That time is a column
 * too, so it is trusted only as far back as an order lives.
 */
static int
verify_evidence(
    const struct request *rq, const struct finalize_keys *keys, struct work *w)
{
	int64_t now = clock_now(), at = w->evidence.verified_at;
	char reason[512];

	if (w->evidence.object.n == 0)
		return fail(ERR_ORDER_NOT_READY,
		    "order %s was made before attestations were kept",
		    w->order.id);
	if (at > now)
		at = now;
	if (at < now - ORDER_LIFE)
		at = now - ORDER_LIFE;
	if (evidence_verify(keys->roots, w->evidence.object, &rq->enrollment,
		&w->order, at, &w->attested) == OK)
		return OK;
	snprintf(reason, sizeof reason, "%s", log_reason());
	alarm_forged(rq, w);
	return fail(ERR_EVIDENCE,
	    "order %s is ready, but its attestation does not verify: %s",
	    w->order.id, reason);
}

static int
load_facts(const struct request *rq, struct work *w)
{
	struct db *db = rq->acme->db;
	int r;

	r = attestations_load_by_order(db, w->order.id, &w->evidence);
	if (r == ERR_NOT_FOUND)
		return fail(ERR_INTERNAL, "order %s is ready without evidence",
		    w->order.id);
	if (r != OK ||
	    (r = device_state_load(db, rq->acme->conf,
		 rq->enrollment.device.serial, &w->state)) != OK)
		return r;
	return jwk_spki(rq->account_key, &w->account_spki);
}

/* The policy's view of it. */
static int
check_policy(const struct request *rq, const struct work *w)
{
	struct issuance_acme facts = {
		.now = clock_now(),
		.enrollment = &rq->enrollment,
		.state = &w->state,
		.account = &rq->account,
		.account_spki = buf_blob(&w->account_spki),
		.order = &w->order,
		.attestation = &w->evidence,
		.attested = &w->attested,
		.csr = w->csr,
	};

	return issuance_check_acme(&facts);
}

/* In the transaction: an administrator may have acted since the order. */
static int
check_device(const struct request *rq)
{
	struct device_state s;
	int r;

	r = device_state_load(
	    rq->acme->db, rq->acme->conf, rq->enrollment.device.serial, &s);
	return r == OK ? decision_check_issue(&s, &rq->enrollment) : r;
}

/* In the transaction: all that makes it a certificate of ours. */
static int
bind(struct request *rq, const struct work *w, const char *remote_address)
{
	struct db *db = rq->acme->db;
	int r;

	if ((r = check_device(rq)) != OK ||
	    (r = orders_finalize(db, &w->order, w->certificate.id)) != OK ||
	    (r = issue_store(db, &w->certificate)) != OK)
		return r == ERR_CONFLICT
		    ? fail(ERR_ORDER_NOT_READY,
			  "order or enrollment was used meanwhile")
		    : r;
	return request_note(rq, FINALIZE_STEP, OK, "", remote_address);
}

/*
 * Records a bad certificate request: one for another key ends the order, any
 * other counts against it. Returns `code`.
 */
static int
note_bad_request(struct request *rq, const struct work *w, int code,
    const char *remote_address)
{
	char reason[512];
	bool dead = false;
	int r;

	snprintf(reason, sizeof reason, "%s", log_reason());
	if ((r = request_begin(rq)) != OK)
		return r;
	r = code == ERR_CSR_KEY
	    ? orders_invalidate(rq->acme->db, &w->order, code)
	    : orders_bad_csr(rq->acme->db, &w->order, &dead);
	if (r == OK || r == ERR_CONFLICT)
		r = request_note(
		    rq, FINALIZE_STEP, code, reason, remote_address);
	if (r == OK)
		r = request_commit(rq);
	if (r != OK)
		db_rollback(rq->acme->db);
	if (dead)
		log_line(LOG_WARN, "order %s got too many bad requests",
		    w->order.id);
	return r == OK ? code : r;
}

static int
commit(struct request *rq, const char *id, const struct work *w,
    const char *remote_address, struct order *out, struct buf *replaces)
{
	int r;

	if ((r = request_begin(rq)) != OK)
		return r;
	if ((r = bind(rq, w, remote_address)) == OK &&
	    (r = load_order(rq, id, out)) == OK &&
	    (r = order_predecessor(rq->acme->db, out, replaces)) == OK)
		r = request_commit(rq);
	if (r != OK) {
		db_rollback(rq->acme->db);
		*out = (struct order){ .id = "" };
	}
	return r;
}

int
finalize_order(struct request *rq, const struct finalize_keys *keys,
    const char *id, const char *remote_address, struct order *out,
    struct buf *replaces)
{
	struct work w;
	int r;

	*out = (struct order){ .id = "" };
	work_init(&w);
	if ((r = load_order(rq, id, &w.order)) != OK ||
	    (r = check_ready(&w.order)) != OK)
		goto done;
	if ((r = read_csr(rq, &w.csr)) == OK &&
	    (r = load_facts(rq, &w)) == OK &&
	    (r = verify_evidence(rq, keys, &w)) == OK)
		r = check_policy(rq, &w);
	if (r == ERR_BAD_CSR || r == ERR_CSR_KEY)
		r = note_bad_request(rq, &w, r, remote_address);
	if (r == OK &&
	    (r = issue_for_enrollment(keys->ca, rq->acme->conf, &rq->enrollment,
		 w.attested.spki, &w.certificate)) == OK) {
		memcpy(w.certificate.order_id, w.order.id, sizeof w.order.id);
		r = commit(rq, id, &w, remote_address, out, replaces);
	}
done:
	work_release(&w);
	return r;
}

/* In the transaction. */
static int
write_chain(struct request *rq, const struct authority *ca, const char *id,
    const char *remote_address, struct buf *out)
{
	struct certificate c = { .id = "" };
	int r;

	r = certificates_load_scoped(
	    rq->acme->db, rq->enrollment.id, rq->account.id, id, &c);
	if (r == ERR_NOT_FOUND)
		r = fail(
		    r, "no such certificate of account %s", rq->account.id);
	if (r == OK && c.state == CERTIFICATE_REVOKED)
		r = fail(ERR_UNAUTHORIZED, "certificate %s is revoked", id);
	if (r == OK && (r = check_device(rq)) == OK &&
	    (r = issue_chain(ca, c.der, out)) == OK)
		r = request_note(
		    rq, FINALIZE_STEP_DOWNLOAD, OK, "", remote_address);
	certificates_release(&c);
	return r;
}

int
finalize_download(struct request *rq, const struct finalize_keys *keys,
    const char *id, const char *remote_address, struct buf *out)
{
	int r;

	if ((r = request_want_empty(rq)) != OK || (r = request_begin(rq)) != OK)
		return r;
	if ((r = write_chain(rq, keys->ca, id, remote_address, out)) == OK)
		r = request_commit(rq);
	if (r != OK)
		db_rollback(rq->acme->db);
	return r;
}
