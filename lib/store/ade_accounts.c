#include "store/ade_accounts.h"

#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

enum {
	CREATE,
	COUNT,
	LOAD,
	LIST,
	SET_TOKEN,
	FORGET,
	SET_SERVER,
	MOVE,
	HOLD,
	SYNC_BEGIN,
	SYNC_SUCCESS,
	SYNC_FAILURE,
	SYNC_NOW,
	SET_OPTIONS,
	SET_PROFILE,
	APPROVE,
	ASSIGN_NOW,
	ASSIGN_SUCCESS,
	ASSIGN_FAILURE,
};

static const char *const texts[] = {
	[CREATE] = "INSERT INTO ade_accounts (name, created_at)"
		   " VALUES ($1, $2)",
	[COUNT] = SQL_SCANS "SELECT count(*) FROM ade_accounts",
	[LOAD] = "SELECT {columns} FROM ade_accounts WHERE name = $1",
	[LIST] = SQL_SCANS "SELECT {columns} FROM ade_accounts ORDER BY name"
			   " LIMIT $1",
	[SET_TOKEN] = "UPDATE ade_accounts SET consumer_key = $2,"
		      " token_expires_at = $3, sync_failures = 0,"
		      " sync_error = '', sync_next_at = NULL WHERE name = $1",
	[FORGET] = "UPDATE ade_accounts SET server_uuid = '',"
		   " server_name = '', organization = '', phase = 'fetch',"
		   " cursor = '', profile_uuid = '', profile_sha256 = NULL,"
		   " profile_defined_at = NULL, assign_approved_at = NULL"
		   " WHERE name = $1 AND consumer_key <> $2",
	[SET_SERVER] = "UPDATE ade_accounts SET server_uuid = $2,"
		       " server_name = $3, organization = $4 WHERE name = $1",
	[MOVE] = "UPDATE ade_accounts SET phase = $5, cursor = $6,"
		 " fetch_number = $7, fetched_at = $8, sync_devices = $9"
		 " WHERE name = $1 AND phase = $2 AND cursor = $3"
		 " AND fetch_number = $4",
	[HOLD] = "UPDATE ade_accounts SET held_at = CASE WHEN $2 = 0"
		 " THEN NULL ELSE COALESCE(held_at, $2) END WHERE name = $1",
	[SYNC_BEGIN] = "UPDATE ade_accounts SET sync_started_at = $2,"
		       " sync_devices = 0 WHERE name = $1",
	[SYNC_SUCCESS] = "UPDATE ade_accounts SET synced_at = $2,"
			 " sync_failures = 0, sync_error = '',"
			 " sync_next_at = $3 WHERE name = $1",
	[SYNC_FAILURE] = "UPDATE ade_accounts SET"
			 " sync_failures = sync_failures + 1,"
			 " sync_error = $2, sync_next_at = $3 WHERE name = $1",
	[SYNC_NOW] = SQL_SCANS "UPDATE ade_accounts SET sync_next_at = NULL"
			       " WHERE consumer_key <> ''",
	[SET_OPTIONS] = "UPDATE ade_accounts SET profile_options = $2"
			" WHERE name = $1",
	[SET_PROFILE] = "UPDATE ade_accounts SET profile_uuid = $2,"
			" profile_sha256 = $3, profile_defined_at = $4"
			" WHERE name = $1",
	[APPROVE] = "UPDATE ade_accounts SET"
		    " assign_approved_at = COALESCE(assign_approved_at, $2),"
		    " assign_at = $2 WHERE name = $1",
	[ASSIGN_NOW] = "UPDATE ade_accounts SET assign_at = $2 WHERE name = $1",
	[ASSIGN_SUCCESS] =
	    "UPDATE ade_accounts SET assigned_at = $2, assign_failures = 0,"
	    " assign_error = '', assign_at = CASE"
	    " WHEN COALESCE(assign_at, 0) = $4 THEN $3 ELSE assign_at END"
	    " WHERE name = $1",
	[ASSIGN_FAILURE] = "UPDATE ade_accounts SET"
			   " assign_failures = assign_failures + 1,"
			   " assign_error = $2, assign_at = $3 WHERE name = $1",
};

#define ROW struct ade_account

static const char *const phases[] = {
	[ADE_PHASE_FETCH] = "fetch",
	[ADE_PHASE_CHANGES] = "changes",
};

static const struct column columns[] = {
	{ "name", TEXT(name) },
	{ "created_at", TIME(created_at) },
	{ "consumer_key", TEXT(consumer_key) },
	{ "token_expires_at", TIME(token_expires_at) },
	{ "server_uuid", TEXT(server_uuid) },
	{ "server_name", TEXT(server_name) },
	{ "organization", TEXT(organization) },
	{ "phase", WORD(phase, phases) },
	{ "cursor", TEXT(cursor) },
	{ "fetch_number", INT(fetch) },
	{ "fetched_at", TIME(fetched_at) },
	{ "held_at", TIME(held_at) },
	{ "sync_started_at", TIME(sync_started_at) },
	{ "sync_devices", INT(sync_devices) },
	{ "synced_at", TIME(synced_at) },
	{ "sync_failures", INT(sync_failures) },
	{ "sync_error", TEXT(sync_error) },
	{ "sync_next_at", TIME(sync_next_at) },
	{ "profile_options", TEXT(profile_options) },
	{ "profile_uuid", TEXT(profile_uuid) },
	{ "profile_sha256",
	    DIGEST_OR_NULL(profile_sha256, has_profile_sha256) },
	{ "profile_defined_at", TIME(profile_defined_at) },
	{ "assign_approved_at", TIME(assign_approved_at) },
	{ "assign_at", TIME(assign_at) },
	{ "assigned_at", TIME(assigned_at) },
	{ "assign_failures", INT(assign_failures) },
	{ "assign_error", TEXT(assign_error) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(ade_accounts, texts, &table);

bool
ade_accounts_is_name(const char *name)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t n = strspn(name, alphabet);

	return n > 0 && n < ADE_ACCOUNT_TEXT && name[n] == '\0' &&
	    strcmp(name, ADE_DEVICES_FILE) != 0;
}

int
ade_accounts_create(struct db *db, const char *name)
{
	int64_t n;
	int r;

	if (!ade_accounts_is_name(name))
		return ERR_FIELD;
	if ((r = sql_integer(db, texts[COUNT], NULL, &n)) != OK)
		return r;
	if (n >= ADE_ACCOUNTS_MAX)
		return ERR_RATE_LIMITED;
	return sql_run(
	    db, texts[CREATE], WITH(datum_text(name), datum_int(clock_now())));
}

int
ade_accounts_load(struct db *db, const char *name, struct ade_account *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(name)), out);
}

int
ade_accounts_list(struct db *db, struct ade_account_list *out)
{
	*out = (struct ade_account_list){ 0 };
	return sql_rows(db, texts[LIST], &table,
	    WITH(datum_int(ADE_ACCOUNTS_MAX)), &out->rows, &out->n);
}

void
ade_accounts_list_release(struct ade_account_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct ade_account_list){ 0 };
}

int
ade_accounts_set_token(struct db *db, const char *name,
    const char *consumer_key, int64_t expires_at)
{
	int r = sql_run(db, texts[FORGET],
	    WITH(datum_text(name), datum_text(consumer_key)));

	if (r != OK)
		return r;
	return sql_change(db, texts[SET_TOKEN],
	    WITH(datum_text(name), datum_text(consumer_key),
		datum_time(expires_at)),
	    ERR_NOT_FOUND);
}

int
ade_accounts_set_server(struct db *db, const char *name,
    const char *server_uuid, const char *server_name, const char *organization)
{
	return sql_change(db, texts[SET_SERVER],
	    WITH(datum_text(name), datum_text(server_uuid),
		datum_cut(server_name, DB_NAME_TEXT),
		datum_cut(organization, DB_NAME_TEXT)),
	    ERR_NOT_FOUND);
}

int
ade_accounts_move(
    struct db *db, const struct ade_account *a, const struct ade_account *next)
{
	return sql_change(db, texts[MOVE],
	    WITH(datum_text(a->name), datum_text(phases[a->phase]),
		datum_text(a->cursor), datum_int(a->fetch),
		datum_text(phases[next->phase]), datum_text(next->cursor),
		datum_int(next->fetch), datum_time(next->fetched_at),
		datum_int(next->sync_devices)),
	    ERR_CONFLICT);
}

int
ade_accounts_hold(struct db *db, const char *name, bool held)
{
	return sql_change(db, texts[HOLD],
	    WITH(datum_text(name), datum_int(held ? clock_now() : 0)),
	    ERR_NOT_FOUND);
}

int
ade_accounts_sync_begin(struct db *db, const char *name)
{
	return sql_change(db, texts[SYNC_BEGIN],
	    WITH(datum_text(name), datum_int(clock_now())), ERR_NOT_FOUND);
}

int
ade_accounts_sync_end(
    struct db *db, const char *name, const char *error, int64_t next_at)
{
	if (error[0] == '\0')
		return sql_change(db, texts[SYNC_SUCCESS],
		    WITH(datum_text(name), datum_int(clock_now()),
			datum_time(next_at)),
		    ERR_NOT_FOUND);
	return sql_change(db, texts[SYNC_FAILURE],
	    WITH(datum_text(name), datum_cut(error, ADE_ERROR_TEXT),
		datum_time(next_at)),
	    ERR_NOT_FOUND);
}

int
ade_accounts_sync_now(struct db *db)
{
	return sql_run(db, texts[SYNC_NOW], NULL);
}

int
ade_accounts_set_options(struct db *db, const char *name, const char *options)
{
	return sql_change(db, texts[SET_OPTIONS],
	    WITH(datum_text(name), datum_text(options)), ERR_NOT_FOUND);
}

int
ade_accounts_set_profile(struct db *db, const char *name,
    const char *profile_uuid, const uint8_t sha256[SECRET_SHA256])
{
	return sql_change(db, texts[SET_PROFILE],
	    WITH(datum_text(name), datum_text(profile_uuid),
		datum_digest(sha256), datum_int(clock_now())),
	    ERR_NOT_FOUND);
}

int
ade_accounts_approve(struct db *db, const char *name)
{
	return sql_change(db, texts[APPROVE],
	    WITH(datum_text(name), datum_int(clock_now())), ERR_NOT_FOUND);
}

int
ade_accounts_assign_now(struct db *db, const char *name)
{
	return sql_change(db, texts[ASSIGN_NOW],
	    WITH(datum_text(name), datum_int(clock_now())), ERR_NOT_FOUND);
}

int
ade_accounts_assign_end(struct db *db, const char *name, int64_t seen,
    const char *error, int64_t next_at)
{
	if (error[0] == '\0')
		return sql_change(db, texts[ASSIGN_SUCCESS],
		    WITH(datum_text(name), datum_int(clock_now()),
			datum_time(next_at), datum_int(seen)),
		    ERR_NOT_FOUND);
	return sql_change(db, texts[ASSIGN_FAILURE],
	    WITH(datum_text(name), datum_cut(error, ADE_ERROR_TEXT),
		datum_time(next_at)),
	    ERR_NOT_FOUND);
}
