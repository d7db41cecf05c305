#include "acme/key_change.h"

#include <string.h>

#include "acme/account.h"
#include "acme/links.h"
#include "base/log.h"

/* The inner JWS names this URL, this account and its present key. */
static int
check_inner(const struct request *rq, const struct jws *inner)
{
	struct json *payload = NULL, *object;
	struct jwk *old = NULL;
	char url[LINKS_TEXT];
	struct blob account;
	int r;

	if (strcmp(inner->url, rq->jws->url) != 0)
		return fail(ERR_MALFORMED, "inner and outer url differ");
	links_write(url, rq->context.conf->url, rq->enrollment.id, LINK_ACCOUNT,
	    rq->account.id);
	if ((r = in_json_parse_object(
		 inner->payload, REQUEST_PAYLOAD_DEPTH, &payload)) != OK ||
	    (r = in_json_string(payload, "account", &account)) != OK ||
	    (r = in_json_object(payload, "oldKey", &object)) != OK ||
	    (r = jwk_parse(object, &old)) != OK)
		goto done;
	if (!blob_eq_str(account, url))
		r = fail(
		    ERR_MALFORMED, "the inner account is not the outer kid");
	else if (!jwk_eq(old, rq->account_key))
		r = fail(ERR_MALFORMED, "oldKey is not the account's key");
	else if (jwk_eq(inner->jwk, rq->account_key))
		r = fail(ERR_MALFORMED, "the new key is the old one");
done:
	jwk_free(old);
	in_json_free(payload);
	return r;
}

/* In the transaction. */
static int
change(struct request *rq, const struct jwk *key, char other[DB_ID_TEXT],
    struct account *out)
{
	struct db *db = rq->context.db;
	char thumbprint[JWK_THUMBPRINT_TEXT];
	struct buf jwk;
	int r;

	buf_init(&jwk, 1024);
	if ((r = account_check_key(rq, key)) == OK &&
	    (r = jwk_thumbprint(key, thumbprint)) == OK &&
	    (r = jwk_write(key, &jwk)) == OK)
		r = accounts_change_key(db, rq->enrollment.id, rq->account.id,
		    rq->account.thumbprint, thumbprint, buf_str(&jwk), other);
	buf_release(&jwk);
	if (r == ERR_KEY_IN_USE)
		return fail(r, "account %s has the new key", other);
	if (r != OK || (r = context_log(&rq->context, OK, "")) != OK)
		return r;
	return accounts_load(db, rq->enrollment.id, rq->account.id, out);
}

int
key_change_request(
    struct request *rq, char other[DB_ID_TEXT], struct account *out)
{
	struct jws *inner = NULL;
	int r;

	*out = (struct account){ .id = "" };
	other[0] = '\0';
	if ((r = jws_parse(rq->jws->payload, JWS_INNER, &inner)) == OK &&
	    (r = jws_verify(inner, inner->jwk)) == OK &&
	    (r = check_inner(rq, inner)) == OK && (r = request_begin(rq)) == OK)
		r = context_end(
		    &rq->context, change(rq, inner->jwk, other, out));
	if (r != OK)
		accounts_release(out);
	jws_free(inner);
	return r;
}
