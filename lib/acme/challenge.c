#include "acme/challenge.h"

#include <stdio.h>
#include <string.h>

#include "acme/evidence.h"
#include "acme/order.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "store/ade_devices.h"
#include "store/attestations.h"
#include "store/certificates.h"

/* Of the device's own words, in the event log. */
#define DEVICE_ERROR_MAX 256

/* Where the point stands in the two SubjectPublicKeyInfo we know. */
#define P256_SPKI 91
#define P256_XY   27
#define P384_SPKI 120
#define P384_XY   24

/* What came of an answer. */
struct verdict {
	/* OK or an ERR_ATT_ code */
	int code;
	char reason[512];
	struct attestation facts;
	/* the attestation object, decoded */
	struct buf object;
};

/*
 * Makes what is wrong with an attestation the verdict, which ends the order.
 * Anything else is returned, so that the device may try again.
 */
static int
reject(struct verdict *v, int code)
{
	switch (code) {
	case ERR_ATT_NONE:
	case ERR_ATT_CBOR:
	case ERR_ATT_FORMAT:
	case ERR_ATT_CHAIN:
	case ERR_ATT_TIME:
	case ERR_ATT_FRESHNESS:
	case ERR_ATT_IDENTITY:
	case ERR_ATT_KEY:
	case ERR_ATT_KEY_REUSE:
	case ERR_ATT_UNASSIGNED:
		v->code = code;
		snprintf(v->reason, sizeof v->reason, "%s", log_reason());
		return OK;
	default:
		return code;
	}
}

/*
 * Everything that needs no transaction: parsing, signatures, names. A device
 * that could not attest says why in "error".
 */
static int
judge(const struct request *rq, const struct attest_roots *roots,
    const struct order *o, struct verdict *v)
{
	struct json *payload;
	struct blob text;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK)
		return r;
	if (in_json_has(payload, "error") &&
	    in_json_string(payload, "error", &text) == OK)
		r = reject(v,
		    fail(ERR_ATT_NONE, "the device says: %.*s",
			DEVICE_ERROR_MAX, (const char *)text.p));
	else if (!in_json_has(payload, "attObj"))
		r = reject(v, fail(ERR_ATT_NONE, "the answer has no attObj"));
	else if ((r = in_json_string(payload, "attObj", &text)) == OK &&
	    enc_base64url_decode(text, &v->object) != OK)
		r = reject(v,
		    fail(buf_status(&v->object) == ERR_NOMEM ? ERR_NOMEM
							     : ERR_ATT_CBOR,
			"attObj is not base64url of at most %d bytes",
			ATTEST_OBJECT_MAX));
	in_json_free(payload);
	if (r == OK && v->code == OK)
		r = reject(v,
		    evidence_verify(roots, buf_blob(&v->object),
			&rq->enrollment, o, clock_now(), &v->facts));
	return r;
}

int
challenge_key_of(struct blob spki, struct jwk *out)
{
	size_t at;

	*out = (struct jwk){ .n = 0 };
	if (spki.n == P256_SPKI) {
		out->kind = JWK_P256;
		out->n = 32;
		at = P256_XY;
	} else if (spki.n == P384_SPKI) {
		out->kind = JWK_P384;
		out->n = 48;
		at = P384_XY;
	} else {
		return fail(ERR_ATT_KEY, "key of %zu bytes", spki.n);
	}
	memcpy(out->x, spki.p + at, out->n);
	memcpy(out->y, spki.p + at + out->n, out->n);
	return OK;
}

/* In the transaction: is the device ours, and the key new to all we know? */
static int
check_store(struct db *db, const struct attestation *a)
{
	bool assigned, of_account, attested, certified;
	char thumbprint[JWK_THUMBPRINT_TEXT];
	struct jwk key;
	int r;

	if ((r = ade_devices_assigned(db, a->serial, &assigned)) != OK ||
	    (r = challenge_key_of(a->spki, &key)) != OK ||
	    (r = jwk_thumbprint(&key, thumbprint)) != OK ||
	    (r = accounts_thumbprint_known(db, thumbprint, &of_account)) !=
		OK ||
	    (r = attestations_spki_known(db, a->spki_sha256, &attested)) !=
		OK ||
	    (r = certificates_spki_known(db, a->spki_sha256, &certified)) != OK)
		return r;
	if (!assigned)
		r = fail(ERR_ATT_UNASSIGNED,
		    "%s is not assigned to us any more", a->serial);
	else if (of_account)
		r = fail(ERR_ATT_KEY_REUSE, "the key is an account's key");
	else if (attested)
		r = fail(
		    ERR_ATT_KEY_REUSE, "the key was attested to us before");
	else if (certified)
		r = fail(ERR_ATT_KEY_REUSE, "the key has a certificate");
	return r;
}

static int
store_evidence(struct db *db, const struct order *o, const struct verdict *v)
{
	const struct attestation *a = &v->facts;
	struct attestation_row row = {
		.spki = a->spki,
		.leaf = a->leaf,
		.leaf_not_before = a->leaf_not_before,
		.leaf_not_after = a->leaf_not_after,
		.object = buf_blob(&v->object),
	};

	memcpy(row.order_id, o->id, sizeof row.order_id);
	memcpy(row.enrollment_id, o->enrollment_id, sizeof row.enrollment_id);
	memcpy(row.spki_sha256, a->spki_sha256, sizeof row.spki_sha256);
	snprintf(row.serial, sizeof row.serial, "%s", a->serial);
	snprintf(row.udid, sizeof row.udid, "%s", a->udid);
	snprintf(row.os_version, sizeof row.os_version, "%.*s",
	    DB_VERSION_TEXT - 1, a->os_version);
	snprintf(row.sepos_version, sizeof row.sepos_version, "%.*s",
	    DB_VERSION_TEXT - 1, a->sepos_version);
	snprintf(row.llb_version, sizeof row.llb_version, "%.*s",
	    DB_VERSION_TEXT - 1, a->llb_version);
	snprintf(row.software_update_device_id,
	    sizeof row.software_update_device_id, "%s",
	    a->software_update_device_id);
	snprintf(row.sip, sizeof row.sip, "%s", a->sip);
	snprintf(row.secure_boot, sizeof row.secure_boot, "%.*s",
	    (int)sizeof row.secure_boot - 1, a->secure_boot);
	snprintf(row.kernel_extensions, sizeof row.kernel_extensions, "%s",
	    a->kernel_extensions);
	return attestations_insert(db, &row);
}

/* In the transaction: the one change of state. */
static int
decide(struct request *rq, const struct order *o, struct verdict *v)
{
	struct db *db = rq->context.db;
	int r;

	if (v->code == OK && (r = reject(v, check_store(db, &v->facts))) != OK)
		return r;
	r = v->code == OK ? orders_challenge_valid(db, o)
			  : orders_challenge_invalid(db, o, v->code);
	/* Another request decided first: its outcome stands. */
	if (r == ERR_CONFLICT)
		return OK;
	/* Checked above in this transaction, so none of this can be. */
	if (r == OK && v->code == OK && store_evidence(db, o, v) != OK)
		r = fail(ERR_INTERNAL, "no evidence kept for order %s", o->id);
	return r == OK ? context_log(&rq->context, v->code, v->reason) : r;
}

static int
load(const struct request *rq, const char *id, struct order *out)
{
	int r = orders_load_by_challenge(
	    rq->context.db, rq->enrollment.id, rq->account.id, id, out);

	if (r == ERR_NOT_FOUND)
		r = fail(r, "no such challenge of account %s", rq->account.id);
	else if (r == OK)
		order_settle(out, clock_now());
	return r;
}

int
challenge_answer(struct request *rq, const struct attest_roots *roots,
    const char *id, struct order *out)
{
	struct verdict v = { .code = OK };
	bool answers = !rq->jws->empty_payload;
	bool pending;
	struct order o;
	int r;

	*out = (struct order){ .id = "" };
	if ((r = load(rq, id, &o)) != OK)
		return r;
	buf_init(&v.object, ATTEST_OBJECT_MAX);
	pending = answers && o.challenge_status == CHALLENGE_PENDING;
	if (pending)
		r = judge(rq, roots, &o, &v);
	if (r == OK && (r = request_begin(rq)) == OK) {
		if (pending)
			r = decide(rq, &o, &v);
		else if (answers && o.error == ERR_EXPIRED)
			r = context_log(&rq->context, ERR_EXPIRED,
			    "the order expired before its challenge was "
			    "answered");
		if (r == OK)
			r = load(rq, id, out);
		r = context_end(&rq->context, r);
	}
	if (r != OK)
		*out = (struct order){ .id = "" };
	attest_release(&v.facts);
	buf_release(&v.object);
	return r;
}
