#include "acme/revocation.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "acme/order.h"
#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "base/refusal.h"
#include "store/activities.h"
#include "store/certificates.h"

/* Orders of an account that are looked through; it cannot have more alive. */
#define ORDERS_MAX 64

/* RFC 5280 section 5.3.1; 7 is not used. */
static bool
is_reason(int64_t reason)
{
	return reason >= 0 && reason <= 10 && reason != 7;
}

static int
read_revocation(const struct request *rq, struct buf *der, int *reason)
{
	struct json *payload = NULL;
	struct blob text;
	int64_t n = 0;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK ||
	    (r = in_json_string(payload, "certificate", &text)) != OK)
		goto done;
	if ((r = enc_base64url_decode(text, der)) != OK || der->n == 0) {
		r = fail(refusal_code(r, ERR_MALFORMED),
		    "certificate is not base64url");
		goto done;
	}
	if (in_json_has(payload, "reason"))
		r = in_json_int(payload, "reason", INT_MIN, INT_MAX, &n);
	if (r == OK && !is_reason(n))
		r = fail(ERR_REVOCATION_REASON, "reason %lld", (long long)n);
	*reason = (int)n;
done:
	in_json_free(payload);
	return r;
}

static int
is_own_key(const struct request *rq, const struct certificate *c, bool *out)
{
	uint8_t sha256[SECRET_SHA256];
	struct buf spki;
	int r;

	*out = false;
	buf_init(&spki, 512);
	if ((r = jwk_spki(rq->jws->jwk, &spki)) == OK) {
		secret_sha256(buf_blob(&spki), sha256);
		*out = memcmp(sha256, c->spki_sha256, sizeof sha256) == 0;
	}
	buf_release(&spki);
	return r;
}

/* The account ordered it, or proved to be on the same device. */
static int
is_holder(const struct request *rq, const struct certificate *c, bool *out)
{
	struct order_list list = { .rows = NULL };
	size_t i;
	int r;

	*out = false;
	r = orders_list(rq->context.db, rq->enrollment.id, rq->account.id, 0,
	    ORDERS_MAX, &list);
	if (r != OK)
		return r;
	for (i = 0; i < list.n && !*out; i++)
		*out =
		    list.rows[i].authorization_status == AUTHORIZATION_VALID &&
		    order_is_for(&list.rows[i], c->serial);
	orders_list_release(&list);
	return OK;
}

static int
check_signer(const struct request *rq, const struct certificate *c)
{
	bool may = false;
	int r;

	if (strcmp(c->enrollment_id, rq->enrollment.id) != 0)
		return fail(ERR_UNAUTHORIZED,
		    "the certificate is of another enrollment");
	r = rq->has_account ? is_holder(rq, c, &may) : is_own_key(rq, c, &may);
	if (r == OK && !may)
		return fail(ERR_UNAUTHORIZED,
		    "neither its account nor its key asks to revoke it");
	return r;
}

/* In the transaction. */
static int
revoke(struct request *rq, const uint8_t sha256[SECRET_SHA256], int reason)
{
	struct db *db = rq->context.db;
	struct certificate c = { .id = "" };
	char text[64];
	int r;

	snprintf(text, sizeof text, "reason %d", reason);
	r = certificates_load(db, sha256, &c);
	if (r == ERR_NOT_FOUND)
		r = fail(r, "the certificate is none of ours");
	if (r == OK && (r = check_signer(rq, &c)) == OK) {
		r = certificates_revoke(db, sha256, reason);
		if (r == ERR_ALREADY_REVOKED)
			r = fail(r, "certificate %s is revoked already", c.id);
	}
	if (r == OK)
		r = activities_add(db,
		    &(struct activity_note){ .action = "cert.revoke",
			.serial = c.serial,
			.before = certificates_state_name(c.state),
			.after = text,
			.detail = c.id });
	certificates_release(&c);
	if (r != OK)
		return r;
	return context_log(&rq->context, OK, text);
}

int
revocation_request(struct request *rq)
{
	uint8_t sha256[SECRET_SHA256];
	int reason = 0, r;
	struct buf der;

	buf_init(&der, JWS_PAYLOAD_MAX);
	if ((r = read_revocation(rq, &der, &reason)) == OK) {
		secret_sha256(buf_blob(&der), sha256);
		if ((r = request_begin(rq)) == OK)
			r = context_end(
			    &rq->context, revoke(rq, sha256, reason));
	}
	buf_release(&der);
	return r;
}
