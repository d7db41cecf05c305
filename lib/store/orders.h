/*
 * ACME orders, each with its one authorization and that one's one challenge in
 * the same row (RFC 8555 section 7.1.6 draws the states). Rows are returned as
 * they are stored: what has expired since is the reader's to say. The
 * compare-and-set functions check the expiry themselves, and take the order as
 * it was loaded: its id, account and enrollment must all match.
 */
#ifndef STORE_ORDERS_H
#define STORE_ORDERS_H

#include "store/db.h"

/* Unexpired pending and ready orders that one account may have. */
#define ORDERS_OPEN_PER_ACCOUNT 5
#define ORDERS_PER_ENROLLMENT   100

/* Certificate requests that an order survives. */
#define ORDERS_BAD_CSRS 5

enum order_status { ORDER_PENDING, ORDER_READY, ORDER_VALID, ORDER_INVALID };

enum authorization_status {
	AUTHORIZATION_PENDING,
	AUTHORIZATION_VALID,
	AUTHORIZATION_INVALID,
	AUTHORIZATION_DEACTIVATED,
	AUTHORIZATION_EXPIRED,
};

enum challenge_status {
	CHALLENGE_PENDING,
	CHALLENGE_VALID,
	CHALLENGE_INVALID,
};

struct order {
	char id[DB_ID_TEXT];
	char authorization_id[DB_ID_TEXT];
	char challenge_id[DB_ID_TEXT];
	char account_id[DB_ID_TEXT];
	char enrollment_id[DB_ID_TEXT];
	char identifier_type[33];
	char identifier_value[257];
	char token[SECRET_TOKEN_TEXT];
	enum order_status status;
	enum authorization_status authorization_status;
	enum challenge_status challenge_status;
	int64_t validated_at;
	/* what made it invalid, or OK */
	int error;
	int bad_csrs;
	/* "" until valid */
	char certificate_id[DB_ID_TEXT];
	/* SHA-256 of the certificate it replaces (RFC 9773 section 5) */
	bool has_replaces;
	uint8_t replaces[SECRET_SHA256];
	int64_t created_at;
	int64_t expires_at;
};

struct order_list {
	struct order *rows;
	size_t n;
	/* more rows follow after these */
	bool more;
};

/* The words of ACME: "pending", "ready", "valid", … */
const char *orders_status_name(enum order_status status);
const char *orders_authorization_name(enum authorization_status status);
const char *orders_challenge_name(enum challenge_status status);

/*
 * Stores *o, of which the caller filled account_id, enrollment_id, the
 * identifier and perhaps replaces, as a pending order that lives `seconds`.
 * Sets ids, token, states and times. ERR_ACCOUNT_DEAD unless the account is of
 * that enrollment and valid; ERR_RATE_LIMITED when it has
 * ORDERS_OPEN_PER_ACCOUNT open orders, or when the enrollment had
 * ORDERS_PER_ENROLLMENT orders, whatever became of them; ERR_ALREADY_REPLACED
 * when an order for the same predecessor exists.
 */
int orders_create(struct db *db, struct order *o, int64_t seconds);

/* Did this order of the enrollment lead to its certificate? */
int orders_is_valid(
    struct db *db, const char *enrollment_id, const char *id, bool *out);

/* All within the enrollment and the account, else ERR_NOT_FOUND. */
int orders_load(struct db *db, const char *enrollment_id,
    const char *account_id, const char *id, struct order *out);
int orders_load_by_authorization(struct db *db, const char *enrollment_id,
    const char *account_id, const char *authorization_id, struct order *out);
int orders_load_by_challenge(struct db *db, const char *enrollment_id,
    const char *account_id, const char *challenge_id, struct order *out);

/*
 * Challenge and authorization pending → valid, order pending → ready. Else
 * ERR_CONFLICT. attestations_insert() belongs into the same transaction.
 */
int orders_challenge_valid(struct db *db, const struct order *o);

/* All three pending → invalid for the reason `code`. Else ERR_CONFLICT. */
int orders_challenge_invalid(struct db *db, const struct order *o, int code);

/*
 * Authorization pending or valid → deactivated; an order that is pending or
 * ready becomes invalid. Else ERR_CONFLICT (RFC 8555 section 7.5.2).
 */
int orders_authorization_deactivate(struct db *db, const struct order *o);

/* What accounts_deactivate() does to the account's open orders. */
int orders_deactivate_account(struct db *db, const char *account_id);

/*
 * Counts one unusable certificate request of a ready order; the last one that
 * ORDERS_BAD_CSRS allows makes it invalid (BAD_CSR), and *dead true.
 */
int orders_bad_csr(struct db *db, const struct order *o, bool *dead);

/* ready → invalid for the reason `code`, such as ERR_CSR_KEY. */
int orders_invalidate(struct db *db, const struct order *o, int code);

/* ready → valid with its certificate. Else ERR_CONFLICT. */
int orders_finalize(
    struct db *db, const struct order *o, const char *certificate_id);

/*
 * Oldest first, without those that are invalid or expired unfinished (RFC 8555
 * section 7.1.2.1).
 */
int orders_list(struct db *db, const char *enrollment_id,
    const char *account_id, int offset, int limit, struct order_list *out);

/* All of an enrollment, oldest first: for administrators. */
int orders_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct order_list *out);
void orders_list_release(struct order_list *list);

#endif
