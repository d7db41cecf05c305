#include "acme/key_change.h"

#include <string.h>

#include "acme/account.h"
#include "acme/links.h"
#include "base/log.h"

static int
check_account(const struct request *rq, const struct json *payload)
{
	char url[LINKS_TEXT];
	struct blob account;
	int r;

	if ((r = in_json_string(payload, "account", &account)) != OK)
		return r;
	links_write(url, rq->acme->conf->url, rq->enrollment.id, LINK_ACCOUNT,
	    rq->account.id);
	if (!blob_eq_str(account, url))
		return fail(
		    ERR_MALFORMED, "the inner account is not the outer kid");
	return OK;
}

static int
check_old_key(const struct request *rq, const struct json *payload)
{
	struct json *object;
	struct jwk *key;
	bool same;
	int r;

	if ((r = in_json_object(payload, "oldKey", &object)) != OK ||
	    (r = jwk_parse(object, &key)) != OK)
		return r;
	same = jwk_eq(key, rq->account_key);
	jwk_free(key);
	if (!same)
		return fail(ERR_MALFORMED, "oldKey is not the account's key");
	return OK;
}

/* The inner JWS names this URL, this account and its present key. */
static int
check_inner(const struct request *rq, const struct jws *inner)
{
	struct json *payload = NULL;
	int r;

	if (strcmp(inner->url, rq->jws->url) != 0)
		return fail(ERR_MALFORMED, "inner and outer url differ");
	if ((r = in_json_parse_object(
		 inner->payload, REQUEST_PAYLOAD_DEPTH, &payload)) != OK ||
	    (r = check_account(rq, payload)) != OK)
		goto done;
	r = check_old_key(rq, payload);
done:
	in_json_free(payload);
	if (r == OK && jwk_eq(inner->jwk, rq->account_key))
		r = fail(ERR_MALFORMED, "the new key is the old one");
	return r;
}

/* In the transaction. */
static int
change(struct request *rq, const struct jwk *key, const char *remote_address,
    char other[DB_ID_TEXT])
{
	char thumbprint[JWK_THUMBPRINT_TEXT];
	struct buf jwk;
	int r;

	buf_init(&jwk, 1024);
	if ((r = account_check_key(rq, key)) != OK ||
	    (r = jwk_thumbprint(key, thumbprint)) != OK ||
	    (r = jwk_write(key, &jwk)) != OK)
		goto done;
	r = accounts_change_key(rq->acme->db, rq->enrollment.id, rq->account.id,
	    rq->account.thumbprint, thumbprint, buf_str(&jwk), other);
	if (r == ERR_KEY_IN_USE)
		r = fail(r, "account %s has the new key", other);
	if (r == OK)
		r = request_note(rq, KEY_CHANGE_STEP, OK, "", remote_address);
done:
	buf_release(&jwk);
	return r;
}

int
key_change_request(struct request *rq, const char *remote_address,
    char other[DB_ID_TEXT], struct account *out)
{
	struct db *db = rq->acme->db;
	struct jws *inner = NULL;
	int r;

	*out = (struct account){ .id = "" };
	other[0] = '\0';
	if ((r = jws_parse(rq->jws->payload, JWS_INNER, &inner)) != OK ||
	    (r = jws_verify(inner, inner->jwk)) != OK ||
	    (r = check_inner(rq, inner)) != OK || (r = request_begin(rq)) != OK)
		goto done;
	if ((r = change(rq, inner->jwk, remote_address, other)) == OK &&
	    (r = accounts_load(db, rq->enrollment.id, rq->account.id, out)) ==
		OK)
		r = request_commit(rq);
	if (r != OK) {
		db_rollback(db);
		accounts_release(out);
		*out = (struct account){ .id = "" };
	}
done:
	jws_free(inner);
	return r;
}
