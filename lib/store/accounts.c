#include "store/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/orders.h"
#include "store/stmt.h"

enum {
	CREATE,
	LOAD,
	LOAD_BY_THUMBPRINT,
	SET_CONTACT,
	DEACTIVATE,
	CHANGE_KEY,
	COUNT,
	THUMBPRINT_KNOWN,
};

#define COLUMNS                                                                \
	"id, enrollment_id, thumbprint, jwk, status, contact, terms_agreed,"   \
	" created_at"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO accounts (" COLUMNS
		   ") VALUES (?1, ?2, ?3, ?4, 'valid', ?5, ?6, ?7)",
	[LOAD] = "SELECT " COLUMNS " FROM accounts"
		 " WHERE enrollment_id = ?1 AND id = ?2",
	[LOAD_BY_THUMBPRINT] = "SELECT " COLUMNS " FROM accounts"
			       " WHERE enrollment_id = ?1"
			       " AND thumbprint = ?2",
	[SET_CONTACT] = "UPDATE accounts SET contact = ?3"
			" WHERE enrollment_id = ?1 AND id = ?2"
			" AND status = 'valid'",
	[DEACTIVATE] = "UPDATE accounts SET status = 'deactivated'"
		       " WHERE enrollment_id = ?1 AND id = ?2"
		       " AND status = 'valid'",
	[CHANGE_KEY] = "UPDATE accounts SET thumbprint = ?4, jwk = ?5"
		       " WHERE enrollment_id = ?1 AND id = ?2"
		       " AND thumbprint = ?3 AND status = 'valid'",
	[COUNT] = "SELECT count(*) FROM accounts WHERE enrollment_id = ?1",
	[THUMBPRINT_KNOWN] = "SELECT 1 FROM accounts WHERE thumbprint = ?1"
			     " LIMIT 1",
};

STMT_FAMILY(accounts, texts);

static const char *const statuses[] = {
	[ACCOUNT_VALID] = "valid",
	[ACCOUNT_DEACTIVATED] = "deactivated",
	[ACCOUNT_REVOKED] = "revoked",
};

const char *
accounts_status_name(enum account_status status)
{
	return statuses[status];
}

static void
read_account(struct stmt *s, void *out)
{
	struct account *a = out;

	stmt_get_text(s, a->id, sizeof(a->id));
	stmt_get_text(s, a->enrollment_id, sizeof(a->enrollment_id));
	stmt_get_text(s, a->thumbprint, sizeof(a->thumbprint));
	a->jwk = stmt_get_string(s);
	a->status = (enum account_status)STMT_GET_WORD(s, statuses);
	a->contact = stmt_get_string(s);
	a->terms_agreed = stmt_get_bool(s);
	a->created_at = stmt_get_int(s);
	a->memory = stmt_take_memory(s);
}

void
accounts_release(struct account *a)
{
	free(a->memory);
	*a = (struct account){ 0 };
}

static int
insert(struct db *db, const struct account *in, char id[DB_ID_TEXT])
{
	struct stmt s;

	secret_id(id);
	stmt_start(&s, db, STMT_accounts, CREATE);
	stmt_put_text(&s, id);
	stmt_put_text(&s, in->enrollment_id);
	stmt_put_text(&s, in->thumbprint);
	stmt_put_text(&s, in->jwk);
	stmt_put_text(&s, in->contact != NULL ? in->contact : "[]");
	stmt_put_int(&s, in->terms_agreed);
	stmt_put_int(&s, clock_now());
	return stmt_run(&s);
}

int
accounts_create(
    struct db *db, const struct account *in, struct account *out, bool *created)
{
	char id[DB_ID_TEXT];
	int code, n;

	*created = false;
	code = accounts_load_by_thumbprint(
	    db, in->enrollment_id, in->thumbprint, out);
	if (code != ERR_NOT_FOUND)
		return code;
	code = accounts_count(db, in->enrollment_id, &n);
	if (code == OK && n >= ACCOUNTS_PER_ENROLLMENT)
		code = ERR_RATE_LIMITED;
	if (code == OK)
		code = insert(db, in, id);
	if (code == OK)
		code = accounts_load(db, in->enrollment_id, id, out);
	*created = code == OK;
	return code;
}

static int
load(struct db *db, int which, const char *enrollment_id, const char *key,
    struct account *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_accounts, which);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, key);
	return stmt_one(&s, read_account, out, sizeof(*out));
}

int
accounts_load(struct db *db, const char *enrollment_id, const char *id,
    struct account *out)
{
	return load(db, LOAD, enrollment_id, id, out);
}

int
accounts_load_by_thumbprint(struct db *db, const char *enrollment_id,
    const char *thumbprint, struct account *out)
{
	return load(db, LOAD_BY_THUMBPRINT, enrollment_id, thumbprint, out);
}

int
accounts_set_contact(struct db *db, const char *enrollment_id, const char *id,
    const char *contact)
{
	struct stmt s;

	stmt_start(&s, db, STMT_accounts, SET_CONTACT);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, id);
	stmt_put_text(&s, contact);
	return stmt_change(&s, ERR_CONFLICT);
}

int
accounts_deactivate(struct db *db, const char *enrollment_id, const char *id)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_accounts, DEACTIVATE);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, id);
	code = stmt_change(&s, ERR_CONFLICT);
	return code != OK ? code : orders_deactivate_account(db, id);
}

int
accounts_change_key(struct db *db, const char *enrollment_id, const char *id,
    const char *old_thumbprint, const char *new_thumbprint, const char *new_jwk,
    char other[DB_ID_TEXT])
{
	struct account holder;
	struct stmt s;
	int code;

	other[0] = '\0';
	code = accounts_load_by_thumbprint(
	    db, enrollment_id, new_thumbprint, &holder);
	if (code == OK) {
		memcpy(other, holder.id, DB_ID_TEXT);
		accounts_release(&holder);
		return ERR_KEY_IN_USE;
	}
	if (code != ERR_NOT_FOUND)
		return code;
	stmt_start(&s, db, STMT_accounts, CHANGE_KEY);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, id);
	stmt_put_text(&s, old_thumbprint);
	stmt_put_text(&s, new_thumbprint);
	stmt_put_text(&s, new_jwk);
	return stmt_change(&s, ERR_CONFLICT);
}

int
accounts_count(struct db *db, const char *enrollment_id, int *out)
{
	struct stmt s;
	int64_t n;
	int code;

	stmt_start(&s, db, STMT_accounts, COUNT);
	stmt_put_text(&s, enrollment_id);
	code = stmt_integer(&s, &n);
	*out = (int)n;
	return code;
}

int
accounts_thumbprint_known(struct db *db, const char *thumbprint, bool *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_accounts, THUMBPRINT_KNOWN);
	stmt_put_text(&s, thumbprint);
	return stmt_exists(&s, out);
}
