#include "acme/account.h"

#include <stdlib.h>
#include <string.h>

#include "acme/account_contact.h"
#include "base/log.h"
#include "store/attestations.h"

#define CONTACTS_JSON_MAX 4096

/* What newAccount asks for. */
struct wanted {
	bool only_existing;
	bool terms_agreed;
	struct buf contact;
};

static int
opt_bool(const struct json *o, const char *name, bool *out)
{
	*out = false;
	return in_json_has(o, name) ? in_json_bool(o, name, out) : OK;
}

static int
read_new_account(const struct request *rq, struct wanted *w)
{
	struct json *payload;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK)
		return r;
	if ((r = opt_bool(payload, "onlyReturnExisting", &w->only_existing)) ==
		OK &&
	    (r = opt_bool(payload, "termsOfServiceAgreed", &w->terms_agreed)) ==
		OK)
		r = account_contact_read(payload, &w->contact);
	if (r == OK && in_json_has(payload, "externalAccountBinding"))
		r = fail(
		    ERR_MALFORMED, "external account binding is not offered");
	in_json_free(payload);
	return r;
}

int
account_check_key(const struct request *rq, const struct jwk *key)
{
	uint8_t sha256[SECRET_SHA256];
	struct buf spki;
	bool known = false;
	int r;

	buf_init(&spki, 512);
	if ((r = jwk_spki(key, &spki)) == OK) {
		secret_sha256(buf_blob(&spki), sha256);
		r = attestations_spki_known(rq->context.db, sha256, &known);
	}
	buf_release(&spki);
	if (r == OK && known)
		return fail(ERR_UNAUTHORIZED, "the key is an attested one");
	return r;
}

/* In the transaction. */
static int
make_account(const struct request *rq, const struct wanted *w,
    const char *thumbprint, struct account *out, bool *created)
{
	struct account in = { .terms_agreed = w->terms_agreed };
	struct buf jwk;
	int r;

	buf_init(&jwk, 1024);
	if ((r = account_check_key(rq, rq->jws->jwk)) == OK &&
	    (r = jwk_write(rq->jws->jwk, &jwk)) == OK) {
		memcpy(in.enrollment_id, rq->enrollment.id,
		    sizeof in.enrollment_id);
		memcpy(in.thumbprint, thumbprint, sizeof in.thumbprint);
		in.jwk = buf_str(&jwk);
		in.contact = buf_str(&w->contact);
		r = accounts_create(rq->context.db, &in, out, created);
	}
	if (r == ERR_RATE_LIMITED)
		r = fail(r, "the enrollment has too many accounts");
	buf_release(&jwk);
	return r;
}

/* In the transaction: the key's account, or a new one where that is allowed. */
static int
find_or_make(struct request *rq, const struct wanted *w, struct account *out,
    bool *created)
{
	bool open = rq->enrollment.state == ENROLLMENT_OPEN;
	char thumbprint[JWK_THUMBPRINT_TEXT];
	int r;

	if ((r = jwk_thumbprint(rq->jws->jwk, thumbprint)) != OK)
		return r;
	if (open && !w->only_existing)
		r = make_account(rq, w, thumbprint, out, created);
	else
		r = accounts_load_by_thumbprint(
		    rq->context.db, rq->enrollment.id, thumbprint, out);
	if (r == ERR_NOT_FOUND)
		return fail(
		    w->only_existing ? ERR_NO_ACCOUNT : ERR_UNAUTHORIZED,
		    "the key has no account, enrollment is %s",
		    enrollments_state_name(rq->enrollment.state));
	if (r == OK && out->status != ACCOUNT_VALID)
		return fail(ERR_ACCOUNT_DEAD, "account %s is %s", out->id,
		    accounts_status_name(out->status));
	return r == OK && *created ? context_log(&rq->context, OK, "") : r;
}

int
account_create(struct request *rq, struct account *out, bool *created)
{
	struct wanted w = { .only_existing = false };
	int r;

	*out = (struct account){ .id = "" };
	*created = false;
	buf_init(&w.contact, CONTACTS_JSON_MAX);
	if ((r = read_new_account(rq, &w)) == OK &&
	    (r = request_begin(rq)) == OK)
		r = context_end(
		    &rq->context, find_or_make(rq, &w, out, created));
	if (r != OK)
		accounts_release(out);
	buf_release(&w.contact);
	return r;
}

/* In the transaction: a new contact, or the account's end. */
static int
change(struct request *rq, const struct json *payload)
{
	struct db *db = rq->context.db;
	struct buf contact;
	struct blob status;
	int r = OK;

	if (in_json_has(payload, "contact")) {
		buf_init(&contact, CONTACTS_JSON_MAX);
		if ((r = account_contact_read(payload, &contact)) == OK)
			r = accounts_set_contact(db, rq->enrollment.id,
			    rq->account.id, buf_str(&contact));
		buf_release(&contact);
	}
	if (r != OK ||
	    (r = in_json_opt_string(payload, "status", &status)) != OK)
		return r;
	/* Any other status is ignored (RFC 8555 section 7.3.2). */
	if (status.p == NULL || !blob_eq_str(status, "deactivated"))
		return OK;
	r = accounts_deactivate(db, rq->enrollment.id, rq->account.id);
	return r == OK ? context_log(&rq->context, OK, "deactivated") : r;
}

static int
check_own(const struct request *rq, const char *id)
{
	if (strcmp(rq->account.id, id) != 0)
		return fail(ERR_NOT_FOUND, "account %s asked for another's",
		    rq->account.id);
	return OK;
}

int
account_update(struct request *rq, const char *id, struct account *out)
{
	struct json *payload = NULL;
	int r;

	*out = (struct account){ .id = "" };
	if ((r = check_own(rq, id)) != OK)
		return r;
	if (!rq->jws->empty_payload &&
	    (r = request_want_object(rq, &payload)) != OK)
		return r;
	if ((r = request_begin(rq)) == OK) {
		if (payload != NULL)
			r = change(rq, payload);
		if (r == OK)
			r = accounts_load(
			    rq->context.db, rq->enrollment.id, id, out);
		if ((r = context_end(&rq->context, r)) != OK)
			accounts_release(out);
	}
	in_json_free(payload);
	return r;
}

int
account_orders(
    struct request *rq, const char *id, int offset, struct order_list *out)
{
	int r;

	*out = (struct order_list){ .rows = NULL };
	if ((r = check_own(rq, id)) != OK ||
	    (r = request_want_empty(rq)) != OK || (r = request_begin(rq)) != OK)
		return r;
	r = orders_list(rq->context.db, rq->enrollment.id, id, offset,
	    ACCOUNT_ORDERS_PAGE, out);
	if ((r = context_end(&rq->context, r)) != OK)
		orders_list_release(out);
	return r;
}

int
account_read_offset(const char *text, int *out)
{
	size_t n = strlen(text);

	*out = 0;
	if (n == 0 || n > 6 || strspn(text, "0123456789") != n ||
	    text[0] == '0')
		return fail(ERR_NOT_FOUND, "no such page");
	*out = (int)strtol(text, NULL, 10);
	return OK;
}
