#include "acme/request.h"

#include <stdio.h>
#include <string.h>

#include "acme/links.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/nonces.h"

int
request_enrollment(const struct acme *acme, const char *id,
    enum request_scope scope, struct enrollment *out)
{
	int r;

	r = enrollments_load_usable(acme->db, id, out);
	if (r == ERR_NOT_FOUND && scope == REQUEST_WHILE_CERTIFIED) {
		r = enrollments_load(acme->db, id, out);
		if (r == OK && out->state != ENROLLMENT_ISSUED &&
		    out->state != ENROLLMENT_ENROLLED)
			r = ERR_NOT_FOUND;
	}
	if (r == OK && out->method != ENROLLMENT_ACME)
		r = ERR_NOT_FOUND;
	if (r != OK)
		*out = (struct enrollment){ .id = "" };
	return r;
}

void
request_init(struct request *rq, const struct acme *acme,
    const struct enrollment *enrollment, enum request_scope scope)
{
	*rq = (struct request){
		.acme = acme, .enrollment = *enrollment, .scope = scope
	};
}

void
request_release(struct request *rq)
{
	jws_free(rq->jws);
	jwk_free(rq->account_key);
	accounts_release(&rq->account);
	*rq = (struct request){ .acme = NULL };
}

static int
check_signer(const struct jws *jws, enum request_signer signer)
{
	if (signer == REQUEST_BY_ACCOUNT && jws->kid == NULL)
		return fail(ERR_MALFORMED, "jwk where kid is wanted");
	if (signer == REQUEST_BY_KEY && jws->jwk == NULL)
		return fail(ERR_MALFORMED, "kid where jwk is wanted");
	return OK;
}

static int
load_account(struct request *rq, const char *kid)
{
	const struct acme *acme = rq->acme;
	char id[DB_ID_TEXT];
	int r;

	if (!links_read_account(acme->conf->url, rq->enrollment.id, kid, id))
		return fail(ERR_NO_ACCOUNT, "kid is no account URL of here");
	r = accounts_load(acme->db, rq->enrollment.id, id, &rq->account);
	if (r == ERR_NOT_FOUND)
		return fail(ERR_NO_ACCOUNT, "no account %s", id);
	if (r != OK)
		return r;
	rq->has_account = true;
	if (rq->account.status != ACCOUNT_VALID)
		return fail(ERR_ACCOUNT_DEAD, "account %s is %s", id,
		    accounts_status_name(rq->account.status));
	return jwk_parse_text(blob_str(rq->account.jwk), &rq->account_key);
}

static int
check_url(const struct request *rq, const char *url, const char *target)
{
	const char *server = rq->acme->conf->url;
	size_t n = strlen(server);

	if (strncmp(url, server, n) != 0 || strcmp(url + n, target) != 0)
		return fail(ERR_UNAUTHORIZED,
		    "signed for another URL than the one it was sent to");
	return OK;
}

int
request_verify(struct request *rq, struct blob body, const char *target,
    enum request_signer signer)
{
	const struct acme *acme = rq->acme;
	struct nonce_token nonce;
	struct jws *jws = NULL;
	int r;

	if ((r = jws_parse(body, 0, &jws)) != OK ||
	    (r = check_signer(jws, signer)) != OK)
		goto done;
	if (jws->kid != NULL && (r = load_account(rq, jws->kid)) != OK)
		goto done;
	if ((r = check_url(rq, jws->url, target)) != OK ||
	    (r = nonce_token_check(acme->nonce_key, rq->enrollment.id,
		 jws->nonce, clock_now(), &nonce)) != OK ||
	    (r = jws_verify(
		 jws, rq->has_account ? rq->account_key : jws->jwk)) != OK)
		goto done;
	rq->nonce = nonce;
	rq->jws = jws;
	jws = NULL;
done:
	jws_free(jws);
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
	return nonces_use(rq->acme->db,
	    blob_of(rq->nonce.id, sizeof rq->nonce.id), rq->nonce.generation,
	    rq->nonce.expires_at);
}

/* Is what was read before the transaction still true in it? */
static int
check_again(const struct request *rq)
{
	struct account account = { .id = "" };
	struct enrollment enrollment;
	int r;

	r = request_enrollment(
	    rq->acme, rq->enrollment.id, rq->scope, &enrollment);
	if (r == ERR_NOT_FOUND)
		return fail(r, "the enrollment ended meanwhile");
	if (r != OK || !rq->has_account)
		return r;
	r = accounts_load(
	    rq->acme->db, rq->enrollment.id, rq->account.id, &account);
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

	rq->noted = false;
	if ((r = db_begin(rq->acme->db)) != OK)
		return r;
	r = use_nonce(rq);
	if (r == ERR_BAD_NONCE)
		r = fail(r, "the nonce was used before");
	if (r == OK)
		r = check_again(rq);
	if (r != OK)
		db_rollback(rq->acme->db);
	return r;
}

int
request_commit(struct request *rq)
{
	int r;

	if ((r = db_commit(rq->acme->db)) != OK)
		rq->noted = false;
	return r;
}

int
request_note(struct request *rq, const char *step, int code, const char *reason,
    const char *remote_address)
{
	struct event t = {
		.enrollment_id = rq->enrollment.id,
		.serial = rq->enrollment.device.serial,
		.step = step,
		.outcome = EVENT_OK,
		.code = code,
		.reason = reason,
		.remote_address = remote_address,
	};
	int r;

	if (code != OK)
		t.outcome = events_outcome(code);
	r = events_add(rq->acme->db, &t);
	if (r == OK)
		rq->noted = true;
	return r;
}

void
request_refuse(struct request *rq, const char *step, int code,
    const char *reason, const char *remote_address)
{
	struct db *db = rq->acme->db;
	char kept[512];
	int r = OK;

	/* What fails from here on must not replace the reason. */
	snprintf(kept, sizeof kept, "%s", reason);
	db_rollback(db);
	/*
	 * A client does not wait for a busy database a second time. And a
	 * refusal need not survive a power cut.
	 */
	if (code == ERR_BUSY || db_begin_relaxed(db) != OK)
		return;
	if (rq->jws != NULL)
		r = use_nonce(rq);
	if (r == OK || r == ERR_BAD_NONCE)
		r = OK;
	if (r == OK && !rq->noted)
		r = request_note(rq, step, code, kept, remote_address);
	if (r == OK)
		r = db_commit(db);
	if (r != OK) {
		db_rollback(db);
		log_line(LOG_WARN, "the event log of a refusal was lost");
	}
}
