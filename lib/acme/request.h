/*
 * A signed ACME request (RFC 8555 section 6.2), from the bytes of a POST to an
 * account we know and a payload it signed.
 *
 * The life of one: request_find() names its enrollment; request_verify() reads
 * and proves it without writing; its action does
 *
 *	if ((r = request_begin(rq)) == OK)
 *		r = context_end(&rq->context, work(rq));
 *
 * where request_begin() opens the transaction, uses the nonce up and looks
 *again at everything that was read outside. A refused request ends with
 * request_refuse().
 */
#ifndef ACME_REQUEST_H
#define ACME_REQUEST_H

#include "acme/nonce_token.h"
#include "store/accounts.h"
#include "store/context.h"
#include "store/enrollments.h"
#include "wire/in_json.h"
#include "wire/jws.h"

/* Bytes of a body, and nesting of a payload. */
#define REQUEST_BODY_MAX      JWS_BODY_MAX
#define REQUEST_PAYLOAD_DEPTH 6

/* For how long an enrollment's resources exist. */
enum request_scope {
	/* While it may lead to its certificate, and until it expires. */
	REQUEST_WHILE_USABLE,
	/* As above; once it has its certificate, as long as its row exists. */
	REQUEST_WHILE_CERTIFIED,
};

/* Which of `kid` and `jwk` a resource takes (RFC 8555 section 6.2). */
enum request_signer {
	REQUEST_BY_ACCOUNT,
	REQUEST_BY_KEY,
	REQUEST_BY_EITHER,
};

struct request {
	/* the first member: see app_size in web/worker.h */
	struct context context;
	/* its id is "" until it is found */
	struct enrollment enrollment;
	enum request_scope scope;
	/* NULL until parsed */
	struct jws *jws;
	/* by kid; otherwise account is empty and the key is jws->jwk */
	bool has_account;
	struct account account;
	struct jwk *account_key;
	/* zeros until the request is verified */
	struct nonce_token nonce;
};

/*
 * Finds the enrollment that the path names. ERR_NOT_FOUND when it is unknown,
 * over, revoked, or not for ACME; nothing is logged or written then.
 */
int request_find(
    struct request *rq, const char *enrollment_id, enum request_scope scope);

/* Makes it an empty request with the same context. */
void request_release(struct request *rq);

/*
 * Fills rq from a body. `target` is the request target as the client wrote it.
 * In this order: structure (codes of jws_parse), kid or jwk as `signer` says
 * (ERR_MALFORMED), account known (ERR_NO_ACCOUNT) and alive (ERR_ACCOUNT_DEAD),
 * url (ERR_UNAUTHORIZED), nonce ours and young (ERR_BAD_NONCE, ERR_MALFORMED),
 * signature (ERR_BAD_SIGNATURE).
 */
int request_verify(struct request *rq, const uint8_t nonce_key[NONCE_TOKEN_KEY],
    struct blob body, const char *target, enum request_signer signer);

/* OK when the payload is empty: POST-as-GET. Else ERR_MALFORMED. */
int request_want_empty(const struct request *rq);

/* The payload, which must be a JSON object. Free with in_json_free(). */
int request_want_object(const struct request *rq, struct json **out);

/*
 * Opens the transaction and uses the nonce in it: ERR_BAD_NONCE when another
 * request did. Also fails when since then the account died or changed its key,
 * or the enrollment ended. No transaction is open after a failure.
 */
int request_begin(struct request *rq);

/*
 * context_refuse(), which also uses up the nonce when the signature was good.
 * Returns `code`.
 */
int request_refuse(struct request *rq, int code);

#endif
