#include "store/accounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/orders.h"
#include "store/sql.h"

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

static const char *const texts[] = {
	[CREATE] = "INSERT INTO accounts {new row}",
	[LOAD] = "SELECT {columns} FROM accounts"
		 " WHERE enrollment_id = $1 AND id = $2",
	[LOAD_BY_THUMBPRINT] = "SELECT {columns} FROM accounts"
			       " WHERE enrollment_id = $1"
			       " AND thumbprint = $2",
	[SET_CONTACT] = "UPDATE accounts SET contact = $3"
			" WHERE enrollment_id = $1 AND id = $2"
			" AND status = 'valid'",
	[DEACTIVATE] = "UPDATE accounts SET status = 'deactivated'"
		       " WHERE enrollment_id = $1 AND id = $2"
		       " AND status = 'valid'",
	[CHANGE_KEY] = "UPDATE accounts SET thumbprint = $4, jwk = $5"
		       " WHERE enrollment_id = $1 AND id = $2"
		       " AND thumbprint = $3 AND status = 'valid'",
	[COUNT] = "SELECT count(*) FROM accounts WHERE enrollment_id = $1",
	[THUMBPRINT_KNOWN] = "SELECT 1 FROM accounts WHERE thumbprint = $1"
			     " LIMIT 1",
};

static const char *const statuses[] = {
	[ACCOUNT_VALID] = "valid",
	[ACCOUNT_DEACTIVATED] = "deactivated",
	[ACCOUNT_REVOKED] = "revoked",
};

#define ROW struct account

static const struct column columns[] = {
	{ "id", TEXT(id) },
	{ "enrollment_id", TEXT(enrollment_id) },
	{ "thumbprint", TEXT(thumbprint) },
	{ "jwk", STRING(jwk) },
	{ "status", WORD(status, statuses) },
	{ "contact", STRING(contact) },
	{ "terms_agreed", INT(terms_agreed) },
	{ "created_at", TIME(created_at) },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(accounts, texts, &table);

const char *
accounts_status_name(enum account_status status)
{
	return statuses[status];
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
	struct account row = *in;

	secret_id(id);
	memcpy(row.id, id, sizeof row.id);
	row.status = ACCOUNT_VALID;
	row.created_at = clock_now();
	if (row.contact == NULL)
		row.contact = "[]";
	return sql_insert(db, texts[CREATE], &table, &row);
}

int
accounts_create(
    struct db *db, const struct account *in, struct account *out, bool *created)
{
	char id[DB_ID_TEXT];
	int r, n;

	*created = false;
	r = accounts_load_by_thumbprint(
	    db, in->enrollment_id, in->thumbprint, out);
	if (r != ERR_NOT_FOUND)
		return r;
	r = accounts_count(db, in->enrollment_id, &n);
	if (r == OK && n >= ACCOUNTS_PER_ENROLLMENT)
		r = ERR_RATE_LIMITED;
	if (r == OK)
		r = insert(db, in, id);
	if (r == OK)
		r = accounts_load(db, in->enrollment_id, id, out);
	*created = r == OK;
	return r;
}

static int
load(struct db *db, int which, const char *enrollment_id, const char *key,
    struct account *out)
{
	return sql_one(db, texts[which], &table,
	    WITH(datum_text(enrollment_id), datum_text(key)), out);
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
	return sql_change(db, texts[SET_CONTACT],
	    WITH(
		datum_text(enrollment_id), datum_text(id), datum_text(contact)),
	    ERR_CONFLICT);
}

int
accounts_deactivate(struct db *db, const char *enrollment_id, const char *id)
{
	int r;

	r = sql_change(db, texts[DEACTIVATE],
	    WITH(datum_text(enrollment_id), datum_text(id)), ERR_CONFLICT);
	return r != OK ? r : orders_deactivate_account(db, id);
}

int
accounts_change_key(struct db *db, const char *enrollment_id, const char *id,
    const char *old_thumbprint, const char *new_thumbprint, const char *new_jwk,
    char other[DB_ID_TEXT])
{
	struct account holder;
	int r;

	other[0] = '\0';
	r = accounts_load_by_thumbprint(
	    db, enrollment_id, new_thumbprint, &holder);
	if (r == OK) {
		memcpy(other, holder.id, DB_ID_TEXT);
		accounts_release(&holder);
		return ERR_KEY_IN_USE;
	}
	if (r != ERR_NOT_FOUND)
		return r;
	return sql_change(db, texts[CHANGE_KEY],
	    WITH(datum_text(enrollment_id), datum_text(id),
		datum_text(old_thumbprint), datum_text(new_thumbprint),
		datum_text(new_jwk)),
	    ERR_CONFLICT);
}

int
accounts_count(struct db *db, const char *enrollment_id, int *out)
{
	int64_t n;
	int r;

	r = sql_integer(db, texts[COUNT], WITH(datum_text(enrollment_id)), &n);
	*out = (int)n;
	return r;
}

int
accounts_thumbprint_known(struct db *db, const char *thumbprint, bool *out)
{
	return sql_exists(
	    db, texts[THUMBPRINT_KNOWN], WITH(datum_text(thumbprint)), out);
}
