/*
 * A signed ACME request (RFC 8555 section 6.2), from the bytes of a POST to an
 * account we know and a payload it signed.
 *
 * The life of one: request_verify() reads and proves it without writing;
 * request_begin() opens the transaction of its action, in which the nonce is
 * used up and everything that was read outside is looked at again; the action
 * commits. A refused request ends with request_refuse().
 */
#ifndef ACME_REQUEST_H
#define ACME_REQUEST_H

#include "acme/nonce_token.h"
#include "base/conf.h"
#include "store/accounts.h"
#include "store/enrollments.h"
#include "store/events.h"
#include "wire/in_json.h"
#include "wire/jws.h"

/* Bytes of a body, and nesting of a payload. */
#define REQUEST_BODY_MAX      JWS_BODY_MAX
#define REQUEST_PAYLOAD_DEPTH 6

/* What a program holds for all its requests. */
struct acme {
	struct db *db;
	const struct conf *conf;
	uint8_t nonce_key[NONCE_TOKEN_KEY];
};

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
	const struct acme *acme;
	struct enrollment enrollment;
	enum request_scope scope;
	/* NULL until verified */
	struct jws *jws;
	/* by kid; otherwise account is empty and the key is jws->jwk */
	bool has_account;
	struct account account;
	struct jwk *account_key;
	struct nonce_token nonce;
	/* already written to the event log */
	bool noted;
};

/*
 * Finds the enrollment that the path names. ERR_NOT_FOUND when it is unknown,
 * over, revoked, or not for ACME; nothing is logged or written then.
 */
int request_enrollment(const struct acme *acme, const char *id,
    enum request_scope scope, struct enrollment *out);

/* An empty request to an enrollment that exists. */
void request_init(struct request *rq, const struct acme *acme,
    const struct enrollment *enrollment, enum request_scope scope);
void request_release(struct request *rq);

/*
 * Fills rq from a body. `target` is the request target as the client wrote it.
 * In this order: structure (codes of jws_parse), kid or jwk as `signer` says
 * (ERR_MALFORMED), account known (ERR_NO_ACCOUNT) and alive (ERR_ACCOUNT_DEAD),
 * url (ERR_UNAUTHORIZED), nonce ours and young (ERR_BAD_NONCE, ERR_MALFORMED),
 * signature (ERR_BAD_SIGNATURE).
 */
int request_verify(struct request *rq, struct blob body, const char *target,
    enum request_signer signer);

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

/* Commits it; on failure nothing was written, the event log's row included. */
int request_commit(struct request *rq);

/* Adds a row to the event log, inside of the open transaction. */
int request_note(struct request *rq, const char *step, int code,
    const char *reason, const char *remote_address);

/*
 * Ends a refused request: drops an open transaction, then, in one of its own,
 * uses the nonce up, if the signature was good, and adds a row to the event log
 * unless the request has one. A failure here is logged and changes nothing.
 */
void request_refuse(struct request *rq, const char *step, int code,
    const char *reason, const char *remote_address);

#endif
