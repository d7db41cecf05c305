#include "acme/account.h"

#include <stdlib.h>
#include <string.h>

#include "acme/account_contact.h"
#include "base/log.h"
#include "store/attestations.h"

#define CONTACTS_JSON_MAX 4096

/* What a newAccount asks for. */
struct wish {
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
read_wish(const struct request *rq, struct wish *wish)
{
	struct json *payload = NULL;
	int r;

	if ((r = request_want_object(rq, &payload)) != OK)
		return r;
	if ((r = opt_bool(
		 payload, "onlyReturnExisting", &wish->only_existing)) != OK ||
	    (r = opt_bool(
		 payload, "termsOfServiceAgreed", &wish->terms_agreed)) != OK ||
	    (r = account_contact_read(payload, &wish->contact)) != OK)
		goto done;
	if (in_json_has(payload, "externalAccountBinding"))
		r = fail(
		    ERR_MALFORMED, "external account binding is not offered");
done:
	in_json_free(payload);
	return r;
}

/* `code` says what it means when there is none. */
static int
find(const struct request *rq, const char *thumbprint, int code,
    struct account *out)
{
	int r;

	r = accounts_load_by_thumbprint(
	    rq->acme->db, rq->enrollment.id, thumbprint, out);
	if (r == ERR_NOT_FOUND)
		return fail(code, "the key has no account, enrollment is %s",
		    enrollments_state_name(rq->enrollment.state));
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
		r = attestations_spki_known(rq->acme->db, sha256, &known);
	}
	buf_release(&spki);
	if (r == OK && known)
		return fail(ERR_UNAUTHORIZED, "the key is an attested one");
	return r;
}

/* In the transaction. */
static int
make(const struct request *rq, const struct wish *wish, const char *thumbprint,
    struct account *out, bool *created)
{
	struct account in = { .terms_agreed = wish->terms_agreed };
	struct buf jwk;
	int r;

	if (rq->enrollment.state != ENROLLMENT_OPEN)
		return find(rq, thumbprint, ERR_UNAUTHORIZED, out);
	buf_init(&jwk, 1024);
	if ((r = account_check_key(rq, rq->jws->jwk)) != OK ||
	    (r = jwk_write(rq->jws->jwk, &jwk)) != OK)
		goto done;
	memcpy(in.enrollment_id, rq->enrollment.id, sizeof in.enrollment_id);
	memcpy(in.thumbprint, thumbprint, sizeof in.thumbprint);
	in.jwk = buf_str(&jwk);
	in.contact = buf_str(&wish->contact);
	r = accounts_create(rq->acme->db, &in, out, created);
	if (r == ERR_RATE_LIMITED)
		r = fail(r, "the enrollment has too many accounts");
done:
	buf_release(&jwk);
	return r;
}

int
account_create(struct request *rq, const char *remote_address,
    struct account *out, bool *created)
{
	struct wish wish = { .only_existing = false };
	char thumbprint[JWK_THUMBPRINT_TEXT];
	int r;

	*out = (struct account){ .id = "" };
	*created = false;
	buf_init(&wish.contact, CONTACTS_JSON_MAX);
	if ((r = read_wish(rq, &wish)) != OK ||
	    (r = jwk_thumbprint(rq->jws->jwk, thumbprint)) != OK ||
	    (r = request_begin(rq)) != OK)
		goto done;
	r = wish.only_existing ? find(rq, thumbprint, ERR_NO_ACCOUNT, out)
			       : make(rq, &wish, thumbprint, out, created);
	if (r == OK && out->status != ACCOUNT_VALID)
		r = fail(ERR_ACCOUNT_DEAD, "account %s is %s", out->id,
		    accounts_status_name(out->status));
	if (r == OK && *created)
		r = request_note(rq, ACCOUNT_STEP, OK, "", remote_address);
	if (r == OK)
		r = request_commit(rq);
done:
	if (r != OK) {
		db_rollback(rq->acme->db);
		accounts_release(out);
		*out = (struct account){ .id = "" };
		*created = false;
	}
	buf_release(&wish.contact);
	return r;
}

static int
change_contact(const struct request *rq, const struct json *payload)
{
	struct buf contact;
	int r;

	if (!in_json_has(payload, "contact"))
		return OK;
	buf_init(&contact, CONTACTS_JSON_MAX);
	if ((r = account_contact_read(payload, &contact)) == OK)
		r = accounts_set_contact(rq->acme->db, rq->enrollment.id,
		    rq->account.id, buf_str(&contact));
	buf_release(&contact);
	return r;
}

static int
change_status(
    struct request *rq, const struct json *payload, const char *remote_address)
{
	struct blob status;
	int r;

	if ((r = in_json_opt_string(payload, "status", &status)) != OK)
		return r;
	/* Any other status is ignored (RFC 8555 section 7.3.2). */
	if (status.p == NULL || !blob_eq_str(status, "deactivated"))
		return OK;
	r = accounts_deactivate(
	    rq->acme->db, rq->enrollment.id, rq->account.id);
	if (r == OK)
		r = request_note(
		    rq, ACCOUNT_STEP, OK, "deactivated", remote_address);
	return r;
}

/* In the transaction. */
static int
change(
    struct request *rq, const struct json *payload, const char *remote_address)
{
	int r;

	if (payload == NULL)
		return OK;
	if ((r = change_contact(rq, payload)) != OK)
		return r;
	return change_status(rq, payload, remote_address);
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
account_update(struct request *rq, const char *id, const char *remote_address,
    struct account *out)
{
	struct json *payload = NULL;
	int r;

	*out = (struct account){ .id = "" };
	if ((r = check_own(rq, id)) != OK)
		return r;
	if (!rq->jws->empty_payload &&
	    (r = request_want_object(rq, &payload)) != OK)
		return r;
	if ((r = request_begin(rq)) != OK)
		goto done;
	if ((r = change(rq, payload, remote_address)) == OK)
		r = accounts_load(rq->acme->db, rq->enrollment.id, id, out);
	if (r == OK)
		r = request_commit(rq);
	if (r != OK) {
		db_rollback(rq->acme->db);
		accounts_release(out);
		*out = (struct account){ .id = "" };
	}
done:
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
	r = orders_list(rq->acme->db, rq->enrollment.id, id, offset,
	    ACCOUNT_ORDERS_PAGE, out);
	if (r == OK)
		r = request_commit(rq);
	if (r != OK) {
		db_rollback(rq->acme->db);
		orders_list_release(out);
	}
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
