#include "acme/order.h"

#include <stdio.h>
#include <string.h>

#include "acme/identifier.h"
#include "acme/renewal_info.h"
#include "base/clock.h"
#include "base/log.h"

void
order_settle(struct order *o, int64_t now)
{
	if (o->expires_at > now ||
	    (o->status != ORDER_PENDING && o->status != ORDER_READY))
		return;
	if (o->authorization_status == AUTHORIZATION_PENDING)
		o->authorization_status = AUTHORIZATION_INVALID;
	else if (o->authorization_status == AUTHORIZATION_VALID)
		o->authorization_status = AUTHORIZATION_EXPIRED;
	if (o->challenge_status == CHALLENGE_PENDING)
		o->challenge_status = CHALLENGE_INVALID;
	o->status = ORDER_INVALID;
	o->error = ERR_EXPIRED;
}

bool
order_is_for(const struct order *o, const char *serial)
{
	return serial[0] != '\0' && strcmp(o->identifier_value, serial) == 0;
}

static int
read_identifier(const struct json *payload, struct order *o)
{
	struct json *list, *one;
	struct blob type, value;
	int r;

	if ((r = in_json_array(payload, "identifiers", &list)) != OK)
		return r;
	if (in_json_count(list) != 1)
		return fail(ERR_MALFORMED,
		    "%zu identifiers where one is wanted", in_json_count(list));
	if ((r = in_json_at_object(list, 0, &one)) != OK ||
	    (r = in_json_string(one, "type", &type)) != OK ||
	    (r = in_json_string(one, "value", &value)) != OK ||
	    (r = identifier_check(type, value)) != OK)
		return r;
	memcpy(o->identifier_type, type.p, type.n);
	memcpy(o->identifier_value, value.p, value.n);
	return OK;
}

static int
read_new_order(const struct request *rq, struct order *o, struct buf *replaces)
{
	struct json *payload;
	struct blob text;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK)
		return r;
	if ((r = read_identifier(payload, o)) != OK)
		goto done;
	/* What we do not offer must not be passed over in silence. */
	if (in_json_has(payload, "notBefore") ||
	    in_json_has(payload, "notAfter"))
		r = fail(ERR_MALFORMED, "the order asks for dates");
	else if (in_json_has(payload, "profile"))
		r = fail(ERR_PROFILE, "the order names a profile");
	else if ((r = in_json_opt_string(payload, "replaces", &text)) == OK &&
	    text.p != NULL)
		r = buf_add_blob(replaces, text);
done:
	in_json_free(payload);
	return r;
}

/* Apple makes a new account each time: "same account" is "same device". */
static int
find_predecessor(
    const struct request *rq, const struct buf *replaces, struct order *o)
{
	struct certificate c = { .id = "" };
	int r;

	if (replaces->n == 0)
		return OK;
	r = renewal_info_find(rq->context.db, buf_str(replaces), &c);
	if (r == ERR_NOT_FOUND ||
	    (r == OK && strcmp(c.serial, rq->enrollment.device.serial) != 0))
		r = fail(ERR_MALFORMED,
		    "replaces names no certificate of this device");
	if (r == OK) {
		o->has_replaces = true;
		memcpy(o->replaces, c.sha256, sizeof o->replaces);
	}
	certificates_release(&c);
	return r;
}

/* In the transaction. */
static int
store_order(struct request *rq, const struct buf *replaces, struct order *o)
{
	int r;

	if ((r = find_predecessor(rq, replaces, o)) != OK)
		return r;
	r = orders_create(rq->context.db, o, ORDER_LIFE);
	if (r == ERR_RATE_LIMITED)
		return fail(r,
		    "account %s or its enrollment has too many orders",
		    rq->account.id);
	if (r == ERR_ALREADY_REPLACED)
		return fail(r, "another order replaces that certificate");
	return r == OK ? context_log(&rq->context, OK, "") : r;
}

int
order_create(struct request *rq, struct order *out, struct buf *replaces)
{
	struct order o = { .id = "" };
	int r;

	*out = o;
	memcpy(o.account_id, rq->account.id, sizeof o.account_id);
	memcpy(o.enrollment_id, rq->enrollment.id, sizeof o.enrollment_id);
	if ((r = read_new_order(rq, &o, replaces)) != OK)
		return r;
	if (rq->enrollment.state != ENROLLMENT_OPEN)
		return fail(ERR_IDENTIFIER_REJECTED,
		    "the enrollment has its certificate already");
	if (!order_is_for(&o, rq->enrollment.device.serial))
		return fail(ERR_IDENTIFIER_REJECTED,
		    "ordered for %.80s, but the enrollment is for %s",
		    o.identifier_value, rq->enrollment.device.serial);
	if ((r = request_begin(rq)) == OK)
		r = context_end(&rq->context, store_order(rq, replaces, &o));
	if (r == OK)
		*out = o;
	return r;
}

int
order_predecessor(struct db *db, const struct order *o, struct buf *replaces)
{
	struct certificate c = { .id = "" };
	int r = OK;

	if (o->has_replaces &&
	    (r = certificates_load(db, o->replaces, &c)) == OK)
		r = renewal_info_id(&c, replaces);
	certificates_release(&c);
	return r;
}

int
order_load(const struct request *rq, const char *id, struct order *out)
{
	int r = orders_load(
	    rq->context.db, rq->enrollment.id, rq->account.id, id, out);

	if (r == ERR_NOT_FOUND)
		r = fail(r, "no such order of account %s", rq->account.id);
	else if (r == OK)
		order_settle(out, clock_now());
	return r;
}

int
order_read(
    struct request *rq, const char *id, struct order *out, struct buf *replaces)
{
	struct order o;
	int r;

	*out = (struct order){ .id = "" };
	if ((r = request_want_empty(rq)) != OK || (r = request_begin(rq)) != OK)
		return r;
	if ((r = order_load(rq, id, &o)) == OK)
		r = order_predecessor(rq->context.db, &o, replaces);
	if ((r = context_end(&rq->context, r)) == OK)
		*out = o;
	return r;
}

static int
want_deactivation(const struct request *rq)
{
	struct json *payload;
	struct blob status;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK)
		return r;
	r = in_json_string(payload, "status", &status);
	if (r == OK && !blob_eq_str(status, "deactivated"))
		r = fail(ERR_MALFORMED,
		    "an authorization can be set to deactivated only");
	in_json_free(payload);
	return r;
}

/* In the transaction. */
static int
deactivate(struct request *rq, struct order *o)
{
	struct db *db = rq->context.db;
	int r = orders_authorization_deactivate(db, o);

	if (r == ERR_CONFLICT)
		return fail(ERR_MALFORMED,
		    "the authorization is not pending or valid any more");
	if (r != OK || (r = context_log(&rq->context, OK, "deactivated")) != OK)
		return r;
	return orders_load(db, rq->enrollment.id, rq->account.id, o->id, o);
}

int
order_authorization(struct request *rq, const char *id, struct order *out)
{
	struct order o;
	int r;

	*out = (struct order){ .id = "" };
	if (!rq->jws->empty_payload && (r = want_deactivation(rq)) != OK)
		return r;
	if ((r = request_begin(rq)) != OK)
		return r;
	r = orders_load_by_authorization(
	    rq->context.db, rq->enrollment.id, rq->account.id, id, &o);
	if (r == ERR_NOT_FOUND)
		r = fail(
		    r, "no such authorization of account %s", rq->account.id);
	if (r == OK && !rq->jws->empty_payload)
		r = deactivate(rq, &o);
	if ((r = context_end(&rq->context, r)) != OK)
		return r;
	*out = o;
	order_settle(out, clock_now());
	return OK;
}
