#include "store/orders.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/stmt.h"

enum {
	ACCOUNT_ALIVE,
	COUNT_OPEN,
	COUNT_ALL,
	FREE_REPLACES,
	CREATE,
	LOAD,
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

#define COLUMNS                                                                \
	"id, authorization_id, challenge_id, account_id, enrollment_id,"       \
	" identifier_type, identifier_value, token, status,"                   \
	" authorization_status, challenge_status, validated_at, error,"        \
	" bad_csrs, certificate_id, replaces, created_at, expires_at"
#define SCOPE      " WHERE enrollment_id = ?1 AND account_id = ?2"
#define SCOPED_ONE SCOPE " AND id = ?3"
#define ALIVE                                                                  \
	" AND EXISTS (SELECT 1 FROM accounts"                                  \
	" WHERE accounts.id = account_id AND accounts.status = 'valid')"

static const char *const texts[] = {
	[ACCOUNT_ALIVE] = "SELECT 1 FROM accounts WHERE enrollment_id = ?1"
			  " AND id = ?2 AND status = 'valid'",
	[COUNT_OPEN] = "SELECT count(*) FROM orders WHERE account_id = ?1"
		       " AND status IN ('pending', 'ready')"
		       " AND expires_at > ?2",
	[COUNT_ALL] = "SELECT count(*) FROM orders WHERE enrollment_id = ?1",
	/* only an order that lives or succeeded holds its predecessor */
	[FREE_REPLACES] = "UPDATE orders SET replaces = NULL"
			  " WHERE replaces = ?1 AND status <> 'valid'"
			  " AND (status = 'invalid' OR expires_at <= ?2)",
	[CREATE] = "INSERT INTO orders (id, authorization_id, challenge_id,"
		   " account_id, enrollment_id, identifier_type,"
		   " identifier_value, token, status, authorization_status,"
		   " challenge_status, replaces, created_at, expires_at)"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending',"
		   " 'pending', 'pending', ?9, ?10, ?11)"
		   " ON CONFLICT (replaces) DO NOTHING",
	[LOAD] = "SELECT " COLUMNS " FROM orders" SCOPED_ONE,
	[LOAD_BY_AUTHORIZATION] =
	    "SELECT " COLUMNS " FROM orders" SCOPE " AND authorization_id = ?3",
	[LOAD_BY_CHALLENGE] =
	    "SELECT " COLUMNS " FROM orders" SCOPE " AND challenge_id = ?3",
	[CHALLENGE_PASSED] =
	    "UPDATE orders SET status = 'ready',"
	    " authorization_status = 'valid', challenge_status = 'valid',"
	    " validated_at = ?4" SCOPED_ONE " AND status = 'pending'"
	    " AND authorization_status = 'pending'"
	    " AND challenge_status = 'pending' AND expires_at > ?4" ALIVE,
	[CHALLENGE_FAILED] =
	    "UPDATE orders SET status = 'invalid',"
	    " authorization_status = 'invalid', challenge_status = 'invalid',"
	    " error = ?4" SCOPED_ONE " AND status = 'pending'"
	    " AND authorization_status = 'pending'"
	    " AND challenge_status = 'pending'",
	[DEACTIVATE] = "UPDATE orders SET authorization_status = 'deactivated',"
		       " error = CASE WHEN status IN ('pending', 'ready')"
		       " THEN ?4 ELSE error END,"
		       " status = CASE WHEN status IN ('pending', 'ready')"
		       " THEN 'invalid' ELSE status END" SCOPED_ONE
		       " AND authorization_status IN ('pending', 'valid')",
	[DEACTIVATE_ACCOUNT] = "UPDATE orders SET status = 'invalid',"
			       " authorization_status = 'deactivated',"
			       " error = ?2 WHERE account_id = ?1"
			       " AND status IN ('pending', 'ready')",
	[BAD_CSR] = "UPDATE orders SET bad_csrs = bad_csrs + 1,"
		    " status = CASE WHEN bad_csrs + 1 >= ?4 THEN 'invalid'"
		    " ELSE status END,"
		    " error = CASE WHEN bad_csrs + 1 >= ?4 THEN ?5"
		    " ELSE error END" SCOPED_ONE " AND status = 'ready'"
		    " RETURNING CASE status WHEN 'invalid' THEN 1 ELSE 0 END",
	[INVALIDATE] = "UPDATE orders SET status = 'invalid',"
		       " error = ?4" SCOPED_ONE " AND status = 'ready'",
	[FINALIZE] =
	    "UPDATE orders SET status = 'valid',"
	    " certificate_id = ?4" SCOPED_ONE " AND status = 'ready'"
	    " AND authorization_status = 'valid' AND expires_at > ?5" ALIVE,
	[LIST] = "SELECT " COLUMNS " FROM orders" SCOPE
		 " AND (status = 'valid' OR (status <> 'invalid'"
		 " AND expires_at > ?3))"
		 " ORDER BY created_at, id LIMIT ?4 OFFSET ?5",
	[LIST_BY_ENROLLMENT] = "SELECT " COLUMNS " FROM orders"
			       " WHERE enrollment_id = ?1"
			       " ORDER BY created_at, id",
};

STMT_FAMILY(orders, texts);

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

static void
read_order(struct stmt *s, void *out)
{
	struct order *o = out;

	stmt_get_text(s, o->id, sizeof(o->id));
	stmt_get_text(s, o->authorization_id, sizeof(o->authorization_id));
	stmt_get_text(s, o->challenge_id, sizeof(o->challenge_id));
	stmt_get_text(s, o->account_id, sizeof(o->account_id));
	stmt_get_text(s, o->enrollment_id, sizeof(o->enrollment_id));
	stmt_get_text(s, o->identifier_type, sizeof(o->identifier_type));
	stmt_get_text(s, o->identifier_value, sizeof(o->identifier_value));
	stmt_get_text(s, o->token, sizeof(o->token));
	o->status = (enum order_status)STMT_GET_WORD(s, statuses);
	o->authorization_status =
	    (enum authorization_status)STMT_GET_WORD(s, authorizations);
	o->challenge_status =
	    (enum challenge_status)STMT_GET_WORD(s, challenges);
	o->validated_at = stmt_get_int(s);
	stmt_get_text(s, o->error, sizeof(o->error));
	o->bad_csrs = (int)stmt_get_int(s);
	stmt_get_text(s, o->certificate_id, sizeof(o->certificate_id));
	o->has_replaces = stmt_get_bytes(s, o->replaces, sizeof(o->replaces));
	o->created_at = stmt_get_int(s);
	o->expires_at = stmt_get_int(s);
}

static int
account_alive(struct db *db, const struct order *o)
{
	struct stmt s;
	bool alive;
	int code;

	stmt_start(&s, db, STMT_orders, ACCOUNT_ALIVE);
	stmt_put_text(&s, o->enrollment_id);
	stmt_put_text(&s, o->account_id);
	code = stmt_exists(&s, &alive);
	return code == OK && !alive ? ERR_ACCOUNT_DEAD : code;
}

static int
room_for_one(struct db *db, const struct order *o)
{
	struct stmt s;
	int64_t n;
	int code;

	stmt_start(&s, db, STMT_orders, COUNT_OPEN);
	stmt_put_text(&s, o->account_id);
	stmt_put_int(&s, o->created_at);
	code = stmt_integer(&s, &n);
	if (code == OK && n >= ORDERS_OPEN_PER_ACCOUNT)
		code = ERR_RATE_LIMITED;
	if (code != OK)
		return code;
	/* Orders that failed leave room for more, but not without end. */
	stmt_start(&s, db, STMT_orders, COUNT_ALL);
	stmt_put_text(&s, o->enrollment_id);
	code = stmt_integer(&s, &n);
	if (code == OK && n >= ORDERS_PER_ENROLLMENT)
		code = ERR_RATE_LIMITED;
	return code;
}

static int
free_replaces(struct db *db, const struct order *o)
{
	struct stmt s;

	if (!o->has_replaces)
		return OK;
	stmt_start(&s, db, STMT_orders, FREE_REPLACES);
	stmt_put_digest(&s, o->replaces);
	stmt_put_int(&s, o->created_at);
	return stmt_run(&s);
}

static int
insert(struct db *db, const struct order *o)
{
	struct stmt s;

	stmt_start(&s, db, STMT_orders, CREATE);
	stmt_put_text(&s, o->id);
	stmt_put_text(&s, o->authorization_id);
	stmt_put_text(&s, o->challenge_id);
	stmt_put_text(&s, o->account_id);
	stmt_put_text(&s, o->enrollment_id);
	stmt_put_text(&s, o->identifier_type);
	stmt_put_text(&s, o->identifier_value);
	stmt_put_text(&s, o->token);
	stmt_put_blob_or_null(&s,
	    blob_of(o->replaces, o->has_replaces ? sizeof(o->replaces) : 0));
	stmt_put_int(&s, o->created_at);
	stmt_put_int(&s, o->expires_at);
	return stmt_change(&s, ERR_ALREADY_REPLACED);
}

int
orders_create(struct db *db, struct order *o, int64_t seconds)
{
	int code;

	secret_id(o->id);
	secret_id(o->authorization_id);
	secret_id(o->challenge_id);
	secret_token(o->token);
	o->status = ORDER_PENDING;
	o->authorization_status = AUTHORIZATION_PENDING;
	o->challenge_status = CHALLENGE_PENDING;
	o->created_at = clock_now();
	o->expires_at = o->created_at + seconds;
	code = account_alive(db, o);
	if (code == OK)
		code = room_for_one(db, o);
	if (code == OK)
		code = free_replaces(db, o);
	return code != OK ? code : insert(db, o);
}

static void
start_scoped(struct stmt *s, struct db *db, int which,
    const char *enrollment_id, const char *account_id, const char *id)
{
	stmt_start(s, db, STMT_orders, which);
	stmt_put_text(s, enrollment_id);
	stmt_put_text(s, account_id);
	stmt_put_text(s, id);
}

static void
start_order(struct stmt *s, struct db *db, int which, const struct order *o)
{
	start_scoped(s, db, which, o->enrollment_id, o->account_id, o->id);
}

int
orders_load(struct db *db, const char *enrollment_id, const char *account_id,
    const char *id, struct order *out)
{
	struct stmt s;

	start_scoped(&s, db, LOAD, enrollment_id, account_id, id);
	return stmt_one(&s, read_order, out, sizeof(*out));
}

int
orders_load_by_authorization(struct db *db, const char *enrollment_id,
    const char *account_id, const char *authorization_id, struct order *out)
{
	struct stmt s;

	start_scoped(&s, db, LOAD_BY_AUTHORIZATION, enrollment_id, account_id,
	    authorization_id);
	return stmt_one(&s, read_order, out, sizeof(*out));
}

int
orders_load_by_challenge(struct db *db, const char *enrollment_id,
    const char *account_id, const char *challenge_id, struct order *out)
{
	struct stmt s;

	start_scoped(
	    &s, db, LOAD_BY_CHALLENGE, enrollment_id, account_id, challenge_id);
	return stmt_one(&s, read_order, out, sizeof(*out));
}

int
orders_challenge_valid(struct db *db, const struct order *o)
{
	struct stmt s;

	start_order(&s, db, CHALLENGE_PASSED, o);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_CONFLICT);
}

int
orders_challenge_invalid(struct db *db, const struct order *o, int code)
{
	struct stmt s;

	start_order(&s, db, CHALLENGE_FAILED, o);
	stmt_put_text(&s, err_name(code));
	return stmt_change(&s, ERR_CONFLICT);
}

int
orders_authorization_deactivate(struct db *db, const struct order *o)
{
	struct stmt s;

	start_order(&s, db, DEACTIVATE, o);
	stmt_put_text(&s, err_name(ERR_UNAUTHORIZED));
	return stmt_change(&s, ERR_CONFLICT);
}

int
orders_deactivate_account(struct db *db, const char *account_id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_orders, DEACTIVATE_ACCOUNT);
	stmt_put_text(&s, account_id);
	stmt_put_text(&s, err_name(ERR_ACCOUNT_DEAD));
	return stmt_run(&s);
}

int
orders_bad_csr(struct db *db, const struct order *o, bool *dead)
{
	struct stmt s;
	int64_t invalid;
	int code;

	*dead = false;
	start_order(&s, db, BAD_CSR, o);
	stmt_put_int(&s, ORDERS_BAD_CSRS);
	stmt_put_text(&s, err_name(ERR_BAD_CSR));
	code = stmt_integer(&s, &invalid);
	if (code == ERR_NOT_FOUND)
		return ERR_CONFLICT;
	*dead = invalid != 0;
	return code;
}

int
orders_invalidate(struct db *db, const struct order *o, int code)
{
	struct stmt s;

	start_order(&s, db, INVALIDATE, o);
	stmt_put_text(&s, err_name(code));
	return stmt_change(&s, ERR_CONFLICT);
}

int
orders_finalize(
    struct db *db, const struct order *o, const char *certificate_id)
{
	struct stmt s;

	start_order(&s, db, FINALIZE, o);
	stmt_put_text(&s, certificate_id);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_CONFLICT);
}

static int
finish_list(struct stmt *s, struct order_list *out)
{
	int code;

	*out = (struct order_list){ 0 };
	out->rows = stmt_rows(s, read_order, sizeof(*out->rows), &out->n);
	code = stmt_end(s);
	if (code != OK)
		orders_list_release(out);
	return code;
}

int
orders_list(struct db *db, const char *enrollment_id, const char *account_id,
    int offset, int limit, struct order_list *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_orders, LIST);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, account_id);
	stmt_put_int(&s, clock_now());
	/* one row more tells whether another page follows */
	stmt_put_int(&s, (int64_t)limit + 1);
	stmt_put_int(&s, offset);
	code = finish_list(&s, out);
	if (code == OK && out->n > (size_t)limit) {
		out->more = true;
		out->n = (size_t)limit;
	}
	return code;
}

int
orders_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct order_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_orders, LIST_BY_ENROLLMENT);
	stmt_put_text(&s, enrollment_id);
	return finish_list(&s, out);
}

void
orders_list_release(struct order_list *list)
{
	free(list->rows);
	*list = (struct order_list){ 0 };
}
