#include "acme/request.h"

#include <string.h>

#include "acme/links.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/nonces.h"

static int
load_enrollment(struct db *db, const char *id, enum request_scope scope,
    struct enrollment *out)
{
	int r = enrollments_load_usable(db, id, out);

	if (r == ERR_NOT_FOUND && scope == REQUEST_WHILE_CERTIFIED) {
		r = enrollments_load(db, id, out);
		if (r == OK && out->state != ENROLLMENT_ISSUED &&
		    out->state != ENROLLMENT_ENROLLED)
			r = ERR_NOT_FOUND;
	}
	if (r == OK && out->method != ENROLLMENT_ACME)
		r = ERR_NOT_FOUND;
	return r;
}

int
request_find(
    struct request *rq, const char *enrollment_id, enum request_scope scope)
{
	struct context *c = &rq->context;
	struct enrollment e;
	int r = load_enrollment(c->db, enrollment_id, scope, &e);

	if (r == OK) {
		rq->enrollment = e;
		rq->scope = scope;
		memcpy(c->enrollment_id, e.id, sizeof c->enrollment_id);
		memcpy(c->serial, e.device.serial, sizeof c->serial);
	}
	return r;
}

void
request_release(struct request *rq)
{
	jws_free(rq->jws);
	jwk_free(rq->account_key);
	accounts_release(&rq->account);
	*rq = (struct request){ .context = rq->context };
}

static int
load_account(struct request *rq)
{
	const struct context *c = &rq->context;
	char id[DB_ID_TEXT];
	int r;

	if (!links_read_account(
		c->conf->url, rq->enrollment.id, rq->jws->kid, id))
		r = fail(
		    ERR_NO_ACCOUNT, "kid is not the URL of an account here");
	else if ((r = accounts_load(c->db, rq->enrollment.id, id,
		      &rq->account)) == ERR_NOT_FOUND)
		r = fail(ERR_NO_ACCOUNT, "no account %s", id);
	else if (r == OK && rq->account.status != ACCOUNT_VALID)
		r = fail(ERR_ACCOUNT_DEAD, "account %s is %s", id,
		    accounts_status_name(rq->account.status));
	else if (r == OK)
		r = jwk_parse_text(blob_str(rq->account.jwk), &rq->account_key);
	rq->has_account = r == OK;
	return r;
}

int
request_verify(struct request *rq, const uint8_t nonce_key[NONCE_TOKEN_KEY],
    struct blob body, const char *target, enum request_signer signer)
{
	const char *server = rq->context.conf->url;
	size_t n = strlen(server);
	struct nonce_token nonce;
	struct jws *jws;
	int r;

	if ((r = jws_parse(body, 0, &rq->jws)) != OK)
		return r;
	jws = rq->jws;
	if (signer == REQUEST_BY_ACCOUNT && jws->kid == NULL)
		r = fail(ERR_MALFORMED, "jwk where kid is wanted");
	else if (signer == REQUEST_BY_KEY && jws->jwk == NULL)
		r = fail(ERR_MALFORMED, "kid where jwk is wanted");
	else if (jws->kid != NULL)
		r = load_account(rq);
	if (r == OK &&
	    (strncmp(jws->url, server, n) != 0 ||
		strcmp(jws->url + n, target) != 0))
		r = fail(ERR_UNAUTHORIZED,
		    "signed for another URL than the one it was sent to");
	if (r == OK &&
	    (r = nonce_token_check(nonce_key, rq->enrollment.id, jws->nonce,
		 clock_now(), &nonce)) == OK &&
	    (r = jws_verify(
		 jws, rq->has_account ? rq->account_key : jws->jwk)) == OK)
		rq->nonce = nonce;
	return r;
}

int
request_want_empty(const struct request *rq)
{
	if (!rq->jws->empty_payload)
		return fail(ERR_MALFORMED, "payload where none is wanted");
	return OK;
}

int
request_want_object(const struct request *rq, struct json **out)
{
	*out = NULL;
	if (rq->jws->empty_payload)
		return fail(ERR_MALFORMED, "no payload where one is wanted");
	return in_json_parse_object(
	    rq->jws->payload, REQUEST_PAYLOAD_DEPTH, out);
}

static int
use_nonce(const struct request *rq)
{
	return nonces_use(rq->context.db,
	    blob_of(rq->nonce.id, sizeof rq->nonce.id), rq->nonce.generation,
	    rq->nonce.expires_at);
}

/* Is what was read before the transaction still true in it? */
static int
check_again(const struct request *rq)
{
	struct db *db = rq->context.db;
	struct account account = { .id = "" };
	struct enrollment enrollment;
	int r;

	r = load_enrollment(db, rq->enrollment.id, rq->scope, &enrollment);
	if (r == ERR_NOT_FOUND)
		r = fail(r, "the enrollment ended meanwhile");
	if (r != OK || !rq->has_account)
		return r;
	r = accounts_load(db, rq->enrollment.id, rq->account.id, &account);
	if (r == OK && account.status != ACCOUNT_VALID)
		r = fail(ERR_ACCOUNT_DEAD, "account %s is %s meanwhile",
		    account.id, accounts_status_name(account.status));
	if (r == OK && strcmp(account.thumbprint, rq->account.thumbprint) != 0)
		r = fail(ERR_BAD_SIGNATURE,
		    "account %s changed its key meanwhile", account.id);
	accounts_release(&account);
	return r;
}

int
request_begin(struct request *rq)
{
	int r;

	if ((r = context_begin(&rq->context)) != OK)
		return r;
	if ((r = use_nonce(rq)) == ERR_BAD_NONCE)
		r = fail(r, "the nonce was used before");
	if (r == OK)
		r = check_again(rq);
	return r == OK ? OK : context_end(&rq->context, r);
}

/* It may have been used already, in a transaction that was committed. */
static int
use_nonce_of_refused(void *p)
{
	const struct request *rq = p;
	int r = rq->nonce.expires_at == 0 ? OK : use_nonce(rq);

	return r == ERR_BAD_NONCE ? OK : r;
}

int
request_refuse(struct request *rq, int code)
{
	return context_refuse_with(
	    &rq->context, code, use_nonce_of_refused, rq);
}
