#include "store/orders.h"

#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

enum {
	ACCOUNT_ALIVE,
	COUNT_OPEN,
	COUNT_ALL,
	FREE_REPLACES,
	CREATE,
	LOAD,
	IS_VALID,
	LOAD_BY_AUTHORIZATION,
	LOAD_BY_CHALLENGE,
	CHALLENGE_PASSED,
	CHALLENGE_FAILED,
	DEACTIVATE,
	DEACTIVATE_ACCOUNT,
	BAD_CSR,
	INVALIDATE,
	FINALIZE,
	LIST,
	LIST_BY_ENROLLMENT,
};

#define SCOPE      " WHERE enrollment_id = $1 AND account_id = $2"
#define SCOPED_ONE SCOPE " AND id = $3"
#define ALIVE                                                                  \
	" AND EXISTS (SELECT 1 FROM accounts"                                  \
	" WHERE accounts.id = account_id AND accounts.status = 'valid')"

static const char *const texts[] = {
	[ACCOUNT_ALIVE] = "SELECT 1 FROM accounts WHERE enrollment_id = $1"
			  " AND id = $2 AND status = 'valid'",
	[COUNT_OPEN] = "SELECT count(*) FROM orders WHERE account_id = $1"
		       " AND status IN ('pending', 'ready')"
		       " AND expires_at > $2",
	[COUNT_ALL] = "SELECT count(*) FROM orders WHERE enrollment_id = $1",
	/* only an order that lives or succeeded holds its predecessor */
	[FREE_REPLACES] = "UPDATE orders SET replaces = NULL"
			  " WHERE replaces = $1 AND status <> 'valid'"
			  " AND (status = 'invalid' OR expires_at <= $2)",
	[CREATE] = "INSERT INTO orders {new row}"
		   " ON CONFLICT (replaces) DO NOTHING",
	[LOAD] = "SELECT {columns} FROM orders" SCOPED_ONE,
	[IS_VALID] = "SELECT 1 FROM orders WHERE id = $1"
		     " AND enrollment_id = $2 AND status = 'valid'",
	[LOAD_BY_AUTHORIZATION] =
	    "SELECT {columns} FROM orders" SCOPE " AND authorization_id = $3",
	[LOAD_BY_CHALLENGE] =
	    "SELECT {columns} FROM orders" SCOPE " AND challenge_id = $3",
	[CHALLENGE_PASSED] =
	    "UPDATE orders SET status = 'ready',"
	    " authorization_status = 'valid', challenge_status = 'valid',"
	    " validated_at = $4" SCOPED_ONE " AND status = 'pending'"
	    " AND authorization_status = 'pending'"
	    " AND challenge_status = 'pending' AND expires_at > $4" ALIVE,
	[CHALLENGE_FAILED] =
	    "UPDATE orders SET status = 'invalid',"
	    " authorization_status = 'invalid', challenge_status = 'invalid',"
	    " error = $4" SCOPED_ONE " AND status = 'pending'"
	    " AND authorization_status = 'pending'"
	    " AND challenge_status = 'pending'",
	[DEACTIVATE] = "UPDATE orders SET authorization_status = 'deactivated',"
		       " error = CASE WHEN status IN ('pending', 'ready')"
		       " THEN $4 ELSE error END,"
		       " status = CASE WHEN status IN ('pending', 'ready')"
		       " THEN 'invalid' ELSE status END" SCOPED_ONE
		       " AND authorization_status IN ('pending', 'valid')",
	[DEACTIVATE_ACCOUNT] = "UPDATE orders SET status = 'invalid',"
			       " authorization_status = 'deactivated',"
			       " error = $2 WHERE account_id = $1"
			       " AND status IN ('pending', 'ready')",
	[BAD_CSR] = "UPDATE orders SET bad_csrs = bad_csrs + 1,"
		    " status = CASE WHEN bad_csrs + 1 >= $4 THEN 'invalid'"
		    " ELSE status END,"
		    " error = CASE WHEN bad_csrs + 1 >= $4 THEN $5"
		    " ELSE error END" SCOPED_ONE " AND status = 'ready'"
		    " RETURNING CASE status WHEN 'invalid' THEN 1 ELSE 0 END",
	[INVALIDATE] = "UPDATE orders SET status = 'invalid',"
		       " error = $4" SCOPED_ONE " AND status = 'ready'",
	[FINALIZE] =
	    "UPDATE orders SET status = 'valid',"
	    " certificate_id = $4" SCOPED_ONE " AND status = 'ready'"
	    " AND authorization_status = 'valid' AND expires_at > $5" ALIVE,
	[LIST] = "SELECT {columns} FROM orders" SCOPE
		 " AND (status = 'valid' OR (status <> 'invalid'"
		 " AND expires_at > $3))"
		 " ORDER BY created_at, id LIMIT $4 OFFSET $5",
	[LIST_BY_ENROLLMENT] = "SELECT {columns} FROM orders"
			       " WHERE enrollment_id = $1"
			       " ORDER BY created_at, id",
};

static const char *const statuses[] = {
	[ORDER_PENDING] = "pending",
	[ORDER_READY] = "ready",
	[ORDER_VALID] = "valid",
	[ORDER_INVALID] = "invalid",
};

static const char *const authorizations[] = {
	[AUTHORIZATION_PENDING] = "pending",
	[AUTHORIZATION_VALID] = "valid",
	[AUTHORIZATION_INVALID] = "invalid",
	[AUTHORIZATION_DEACTIVATED] = "deactivated",
	[AUTHORIZATION_EXPIRED] = "expired",
};

static const char *const challenges[] = {
	[CHALLENGE_PENDING] = "pending",
	[CHALLENGE_VALID] = "valid",
	[CHALLENGE_INVALID] = "invalid",
};

#define ROW struct order

static const struct column columns[] = {
	{ "id", TEXT(id) },
	{ "authorization_id", TEXT(authorization_id) },
	{ "challenge_id", TEXT(challenge_id) },
	{ "account_id", TEXT(account_id) },
	{ "enrollment_id", TEXT(enrollment_id) },
	{ "identifier_type", TEXT(identifier_type) },
	{ "identifier_value", TEXT(identifier_value) },
	{ "token", TEXT(token) },
	{ "status", WORD(status, statuses) },
	{ "authorization_status", WORD(authorization_status, authorizations) },
	{ "challenge_status", WORD(challenge_status, challenges) },
	{ "validated_at", TIME(validated_at) },
	{ "error", CODE(error) },
	{ "bad_csrs", INT(bad_csrs) },
	{ "certificate_id", TEXT_OR_NULL(certificate_id) },
	{ "replaces", DIGEST_OR_NULL(replaces, has_replaces) },
	{ "created_at", TIME(created_at) },
	{ "expires_at", TIME(expires_at) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(orders, texts, &table);

const char *
orders_status_name(enum order_status status)
{
	return statuses[status];
}

const char *
orders_authorization_name(enum authorization_status status)
{
	return authorizations[status];
}

const char *
orders_challenge_name(enum challenge_status status)
{
	return challenges[status];
}

static int
account_alive(struct db *db, const struct order *o)
{
	bool alive;
	int r;

	r = sql_exists(db, texts[ACCOUNT_ALIVE],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id)),
	    &alive);
	return r == OK && !alive ? ERR_ACCOUNT_DEAD : r;
}

static int
room_for_one(struct db *db, const struct order *o)
{
	int64_t n;
	int r;

	r = sql_integer(db, texts[COUNT_OPEN],
	    WITH(datum_text(o->account_id), datum_int(o->created_at)), &n);
	if (r == OK && n >= ORDERS_OPEN_PER_ACCOUNT)
		r = ERR_RATE_LIMITED;
	if (r != OK)
		return r;
	/* Orders that failed leave room for more, but not without end. */
	r = sql_integer(
	    db, texts[COUNT_ALL], WITH(datum_text(o->enrollment_id)), &n);
	if (r == OK && n >= ORDERS_PER_ENROLLMENT)
		r = ERR_RATE_LIMITED;
	return r;
}

static int
free_replaces(struct db *db, const struct order *o)
{
	if (!o->has_replaces)
		return OK;
	return sql_run(db, texts[FREE_REPLACES],
	    WITH(datum_digest(o->replaces), datum_int(o->created_at)));
}

int
orders_create(struct db *db, struct order *o, int64_t seconds)
{
	int r;

	secret_id(o->id);
	secret_id(o->authorization_id);
	secret_id(o->challenge_id);
	secret_token(o->token);
	o->status = ORDER_PENDING;
	o->authorization_status = AUTHORIZATION_PENDING;
	o->challenge_status = CHALLENGE_PENDING;
	o->created_at = clock_now();
	o->expires_at = o->created_at + seconds;
	r = account_alive(db, o);
	if (r == OK)
		r = room_for_one(db, o);
	if (r == OK)
		r = free_replaces(db, o);
	if (r != OK)
		return r;
	r = sql_insert(db, texts[CREATE], &table, o);
	return r == ERR_NOT_FOUND ? ERR_ALREADY_REPLACED : r;
}

int
orders_load(struct db *db, const char *enrollment_id, const char *account_id,
    const char *id, struct order *out)
{
	return sql_one(db, texts[LOAD], &table,
	    WITH(datum_text(enrollment_id), datum_text(account_id),
		datum_text(id)),
	    out);
}

int
orders_is_valid(
    struct db *db, const char *enrollment_id, const char *id, bool *out)
{
	return sql_exists(db, texts[IS_VALID],
	    WITH(datum_text(id), datum_text(enrollment_id)), out);
}

int
orders_load_by_authorization(struct db *db, const char *enrollment_id,
    const char *account_id, const char *authorization_id, struct order *out)
{
	return sql_one(db, texts[LOAD_BY_AUTHORIZATION], &table,
	    WITH(datum_text(enrollment_id), datum_text(account_id),
		datum_text(authorization_id)),
	    out);
}

int
orders_load_by_challenge(struct db *db, const char *enrollment_id,
    const char *account_id, const char *challenge_id, struct order *out)
{
	return sql_one(db, texts[LOAD_BY_CHALLENGE], &table,
	    WITH(datum_text(enrollment_id), datum_text(account_id),
		datum_text(challenge_id)),
	    out);
}

int
orders_challenge_valid(struct db *db, const struct order *o)
{
	return sql_change(db, texts[CHALLENGE_PASSED],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id),
		datum_text(o->id), datum_int(clock_now())),
	    ERR_CONFLICT);
}

int
orders_challenge_invalid(struct db *db, const struct order *o, int code)
{
	return sql_change(db, texts[CHALLENGE_FAILED],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id),
		datum_text(o->id), datum_text(err_name(code))),
	    ERR_CONFLICT);
}

int
orders_authorization_deactivate(struct db *db, const struct order *o)
{
	return sql_change(db, texts[DEACTIVATE],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id),
		datum_text(o->id), datum_text(err_name(ERR_UNAUTHORIZED))),
	    ERR_CONFLICT);
}

int
orders_deactivate_account(struct db *db, const char *account_id)
{
	return sql_run(db, texts[DEACTIVATE_ACCOUNT],
	    WITH(datum_text(account_id),
		datum_text(err_name(ERR_ACCOUNT_DEAD))));
}

int
orders_bad_csr(struct db *db, const struct order *o, bool *dead)
{
	int64_t invalid;
	int r;

	*dead = false;
	r = sql_integer(db, texts[BAD_CSR],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id),
		datum_text(o->id), datum_int(ORDERS_BAD_CSRS),
		datum_text(err_name(ERR_BAD_CSR))),
	    &invalid);
	if (r == ERR_NOT_FOUND)
		return ERR_CONFLICT;
	*dead = invalid != 0;
	return r;
}

int
orders_invalidate(struct db *db, const struct order *o, int code)
{
	return sql_change(db, texts[INVALIDATE],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id),
		datum_text(o->id), datum_text(err_name(code))),
	    ERR_CONFLICT);
}

int
orders_finalize(
    struct db *db, const struct order *o, const char *certificate_id)
{
	return sql_change(db, texts[FINALIZE],
	    WITH(datum_text(o->enrollment_id), datum_text(o->account_id),
		datum_text(o->id), datum_text(certificate_id),
		datum_int(clock_now())),
	    ERR_CONFLICT);
}

int
orders_list(struct db *db, const char *enrollment_id, const char *account_id,
    int offset, int limit, struct order_list *out)
{
	int r;

	/* one row more tells whether another page follows */
	r = sql_rows(db, texts[LIST], &table,
	    WITH(datum_text(enrollment_id), datum_text(account_id),
		datum_int(clock_now()), datum_int((int64_t)limit + 1),
		datum_int(offset)),
	    &out->rows, &out->n);
	if (r == OK && out->n > (size_t)limit) {
		out->more = true;
		out->n = (size_t)limit;
	}
	return r;
}

int
orders_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct order_list *out)
{
	return sql_rows(db, texts[LIST_BY_ENROLLMENT], &table,
	    WITH(datum_text(enrollment_id)), &out->rows, &out->n);
}

void
orders_list_release(struct order_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct order_list){ 0 };
}
