#include "store/sign_ins.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

enum {
	CREATE,
	TRIM_SIGNER,
	TRIES,
	COUNT,
	TRIM_OLDEST,
	LOAD,
	LOAD_BY_STATE,
	TRY,
	TAKE,
	END,
	PURGE,
};

static const char *const texts[] = {
	[CREATE] = "INSERT INTO sign_ins {new row}",
	[TRIM_SIGNER] = "DELETE FROM sign_ins WHERE id IN"
			" (SELECT id FROM sign_ins WHERE signer_sha256 = $1"
			" ORDER BY created_at DESC, id"
			" LIMIT 1000 OFFSET $2)",
	[TRIES] = "SELECT COALESCE(max(tries), 0) FROM sign_ins"
		  " WHERE signer_sha256 = $1 AND created_at > $2",
	[COUNT] = SQL_SCANS "SELECT count(*) FROM sign_ins",
	[TRIM_OLDEST] = SQL_SCANS "DELETE FROM sign_ins WHERE id IN"
				  " (SELECT id FROM sign_ins"
				  " ORDER BY expires_at LIMIT $1)",
	[LOAD] = "SELECT {columns} FROM sign_ins"
		 " WHERE cookie_sha256 = $1 AND expires_at > $2",
	[LOAD_BY_STATE] = "SELECT {columns} FROM sign_ins"
			  " WHERE cookie_sha256 = $1 AND expires_at > $2"
			  " AND state_sha256 = $3",
	[TRY] = "UPDATE sign_ins SET cookie_sha256 = $2, state_sha256 = $3,"
		" nonce = $4, verifier = $5, tries = tries + 1"
		" WHERE id = $1 AND expires_at > $6 AND tries < $7",
	[TAKE] = "UPDATE sign_ins SET state_sha256 = NULL, nonce = '',"
		 " verifier = '' WHERE id = $1 AND state_sha256 = $2",
	[END] = "DELETE FROM sign_ins WHERE id = $1",
	[PURGE] = "DELETE FROM sign_ins WHERE id IN"
		  " (SELECT id FROM sign_ins WHERE expires_at <= $1"
		  " ORDER BY expires_at LIMIT $2)",
};

#define ROW struct sign_in

static const struct column columns[] = {
	{ "id", TEXT(id) },
	{ "cookie_sha256", DIGEST(cookie_sha256) },
	{ "serial", TEXT(serial) },
	{ "signer_sha256", DIGEST(signer_sha256) },
	{ "machineinfo", BLOB(machineinfo) },
	{ "nonce", TEXT(nonce) },
	{ "verifier", TEXT(verifier) },
	{ "tries", INT(tries) },
	{ "created_at", TIME(created_at) },
	{ "expires_at", TIME(expires_at) },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(sign_ins, texts, &table);

static void
digest_of(const char *text, uint8_t out[SECRET_SHA256])
{
	secret_sha256(blob_str(text), out);
}

/*
 * Each try may have the provider asked for something, and what a device signed
 * once can be sent any number of times.
 */
static int
tries_before(struct db *db, const struct sign_in *s, int64_t *out)
{
	return sql_integer(db, texts[TRIES],
	    WITH(datum_digest(s->signer_sha256),
		datum_int(clock_now() - SIGN_INS_TRIES_SECONDS)),
	    out);
}

/* Room for one more. */
static int
make_room(struct db *db, const struct sign_in *s)
{
	int64_t n;
	int r;

	if ((r = sql_run(db, texts[TRIM_SIGNER],
		 WITH(datum_digest(s->signer_sha256),
		     datum_int(SIGN_INS_PER_SIGNER - 1)))) != OK ||
	    (r = sql_integer(db, texts[COUNT], NULL, &n)) != OK ||
	    n < SIGN_INS_MAX)
		return r;
	return sql_run(
	    db, texts[TRIM_OLDEST], WITH(datum_int(n - SIGN_INS_MAX + 1)));
}

int
sign_ins_create(
    struct db *db, struct sign_in *s, char cookie[SIGN_INS_VALUE_TEXT])
{
	int r;

	if ((r = tries_before(db, s, &s->tries)) != OK ||
	    (r = make_room(db, s)) != OK)
		return r;
	secret_id(s->id);
	secret_token(cookie);
	digest_of(cookie, s->cookie_sha256);
	s->nonce[0] = s->verifier[0] = '\0';
	s->created_at = clock_now();
	s->expires_at = s->created_at + SIGN_INS_LIFE;
	return sql_insert(db, texts[CREATE], &table, s);
}

int
sign_ins_load(struct db *db, const char *cookie, struct sign_in *out)
{
	uint8_t digest[SECRET_SHA256];

	digest_of(cookie, digest);
	return sql_one(db, texts[LOAD], &table,
	    WITH(datum_digest(digest), datum_int(clock_now())), out);
}

int
sign_ins_try(struct db *db, const char *id, const struct sign_in_try *try,
    char cookie[SIGN_INS_VALUE_TEXT])
{
	uint8_t cookie_digest[SECRET_SHA256], state_digest[SECRET_SHA256];

	secret_token(cookie);
	digest_of(cookie, cookie_digest);
	digest_of(try->state, state_digest);
	return sql_change(db, texts[TRY],
	    WITH(datum_text(id), datum_digest(cookie_digest),
		datum_digest(state_digest), datum_text(try->nonce),
		datum_text(try->verifier), datum_int(clock_now()),
		datum_int(SIGN_INS_TRIES)),
	    ERR_CONFLICT);
}

int
sign_ins_take(struct db *db, const char *cookie, const char *state,
    struct sign_in *out)
{
	uint8_t cookie_digest[SECRET_SHA256], state_digest[SECRET_SHA256];
	int r;

	digest_of(cookie, cookie_digest);
	digest_of(state, state_digest);
	if ((r = sql_one(db, texts[LOAD_BY_STATE], &table,
		 WITH(datum_digest(cookie_digest), datum_int(clock_now()),
		     datum_digest(state_digest)),
		 out)) != OK)
		return r;
	r = sql_change(db, texts[TAKE],
	    WITH(datum_text(out->id), datum_digest(state_digest)),
	    ERR_NOT_FOUND);
	if (r != OK)
		sign_ins_release(out);
	return r;
}

int
sign_ins_end(struct db *db, const char *id)
{
	return sql_run(db, texts[END], WITH(datum_text(id)));
}

void
sign_ins_release(struct sign_in *s)
{
	free(s->memory);
	secret_wipe(s, sizeof *s);
}

int
sign_ins_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now), datum_int(limit)), deleted);
}
