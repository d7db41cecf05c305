#include "store/api_tokens.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/log.h"
#include "store/rowmac.h"
#include "store/sql.h"

/* How long expired and revoked tokens are kept, in seconds. */
#define KEPT (90 * 86400)

enum { CREATE, LOAD, LOAD_BY_NAME, TOUCH, REVOKE, LIST, COUNT_BY, PURGE };

static const char *const texts[] = {
	[CREATE] = "INSERT INTO api_tokens {new row}",
	[LOAD] = "SELECT {columns} FROM api_tokens WHERE token_mac = $1",
	[LOAD_BY_NAME] = "SELECT {columns} FROM api_tokens WHERE name = $1",
	[TOUCH] = "UPDATE api_tokens SET last_used_at = $2 WHERE name = $1",
	[REVOKE] = "UPDATE api_tokens SET revoked_at = $2, mac = $3"
		   " WHERE name = $1 AND revoked_at IS NULL",
	[LIST] = SQL_SCANS "SELECT {columns} FROM api_tokens ORDER BY name",
	[COUNT_BY] = SQL_SCANS "SELECT count(*) FROM api_tokens"
			       " WHERE created_by = $1 AND expires_at > $2"
			       " AND revoked_at IS NULL",
	[PURGE] = SQL_SCANS "DELETE FROM api_tokens WHERE name IN"
			    " (SELECT name FROM api_tokens"
			    " WHERE expires_at < $1 OR revoked_at < $1"
			    " LIMIT $2)",
};

#define ROW struct api_token

static const struct column columns[] = {
	{ "name", TEXT(name) },
	{ "token_mac", DIGEST(token_mac) },
	{ "role", WORD(role, admin_role_words) },
	{ "created_at", TIME(created_at) },
	{ "created_by", TEXT(created_by) },
	{ "expires_at", TIME(expires_at) },
	{ "last_used_at", TIME(last_used_at) },
	{ "revoked_at", TIME(revoked_at) },
	/* `authentic` says only that there is one, until check_mac() */
	{ "mac", DIGEST_OR_NULL(mac, authentic) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(api_tokens, texts, &table);

static int
digest_text(const struct db *db, const char *text, uint8_t out[SECRET_SHA256])
{
	struct blob field = blob_str(text);

	return rowmac_make(db, "api token text", &field, 1, out);
}

/* Over the fields that decide whether the token is good, and for what. */
static int
make_mac(
    const struct db *db, const struct api_token *t, uint8_t out[SECRET_SHA256])
{
	char expires[24], revoked[24];

	snprintf(expires, sizeof expires, "%lld", (long long)t->expires_at);
	snprintf(revoked, sizeof revoked, "%lld", (long long)t->revoked_at);
	return rowmac_make(db, "api token",
	    (const struct blob[]){ blob_str(t->name),
		blob_of(t->token_mac, sizeof t->token_mac),
		blob_str(admin_role_name(t->role)), blob_str(expires),
		blob_str(revoked) },
	    5, out);
}

static int
check_mac(const struct db *db, struct api_token *t)
{
	uint8_t want[SECRET_SHA256];
	int r;

	t->authentic = t->authentic && rowmac_has_key(db);
	if (!t->authentic)
		return OK;
	if ((r = make_mac(db, t, want)) == OK)
		t->authentic = secret_eq(
		    blob_of(want, sizeof want), blob_of(t->mac, sizeof t->mac));
	return r;
}

const char *
api_tokens_state_name(const struct api_token *t, int64_t now)
{
	if (t->revoked_at != 0)
		return "revoked";
	return t->expires_at <= now ? "expired" : "active";
}

/* An actor in the activity log is "token:NAME", so the name is plain ASCII. */
static bool
is_name(const char *name)
{
	size_t n = strspn(name,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "._-");

	return n > 0 && n < API_TOKENS_NAME_TEXT && name[n] == '\0';
}

int
api_tokens_create(struct db *db, const char *name, enum admin_role role,
    int64_t seconds, const char *created_by, char text[API_TOKENS_TEXT])
{
	struct api_token t = {
		.role = role, .created_at = clock_now(), .authentic = true
	};
	char secret[SECRET_TOKEN_TEXT];
	int r;

	text[0] = '\0';
	if (!is_name(name))
		return ERR_FIELD;
	secret_token(secret);
	snprintf(text, API_TOKENS_TEXT, API_TOKENS_PREFIX "%s", secret);
	secret_wipe(secret, sizeof secret);
	snprintf(t.name, sizeof t.name, "%s", name);
	snprintf(t.created_by, sizeof t.created_by, "%s", created_by);
	t.expires_at = t.created_at + seconds;
	if ((r = digest_text(db, text, t.token_mac)) == OK &&
	    (r = make_mac(db, &t, t.mac)) == OK)
		r = sql_insert(db, texts[CREATE], &table, &t);
	if (r != OK)
		secret_wipe(text, API_TOKENS_TEXT);
	return r;
}

static bool
has_shape(const char *text)
{
	size_t prefix = strlen(API_TOKENS_PREFIX);

	return strlen(text) == API_TOKENS_TEXT - 1 &&
	    memcmp(text, API_TOKENS_PREFIX, prefix) == 0 &&
	    enc_is_base64url(text + prefix, SECRET_TOKEN_TEXT);
}

static int
load(struct db *db, const uint8_t token_mac[SECRET_SHA256],
    struct api_token *out)
{
	struct api_token t;
	int r;

	r = sql_one(
	    db, texts[LOAD], &table, WITH(datum_digest(token_mac)), &t);
	if (r != OK)
		return r == ERR_NOT_FOUND ? ERR_TOKEN : r;
	if ((r = check_mac(db, &t)) != OK)
		return r;
	if (!t.authentic)
		return fail(ERR_TOKEN,
		    "the row of API token %s was not written by attestmdm",
		    t.name);
	if (t.revoked_at != 0 || t.expires_at <= clock_now())
		return ERR_TOKEN;
	*out = t;
	return OK;
}

int
api_tokens_load(struct db *db, const char *text, struct api_token *out)
{
	uint8_t digest[SECRET_SHA256];
	int r;

	*out = (struct api_token){ 0 };
	if (!has_shape(text))
		return ERR_TOKEN;
	r = digest_text(db, text, digest);
	return r == OK ? load(db, digest, out) : r;
}

int
api_tokens_check(struct db *db, const struct api_token *token)
{
	struct api_token now;
	int r = load(db, token->token_mac, &now);

	return r == OK && now.role != token->role ? ERR_TOKEN : r;
}

bool
api_tokens_is_stale(const struct api_token *t)
{
	int64_t age = clock_now() - t->last_used_at;

	return age >= API_TOKENS_TOUCH || age < 0;
}

int
api_tokens_touch(struct db *db, const struct api_token *t)
{
	return sql_run(db, texts[TOUCH],
	    WITH(datum_text(t->name), datum_int(clock_now())));
}

int
api_tokens_revoke(struct db *db, const char *name)
{
	struct api_token t;
	int r;

	r = sql_one(
	    db, texts[LOAD_BY_NAME], &table, WITH(datum_text(name)), &t);
	if (r != OK || (r = check_mac(db, &t)) != OK)
		return r;
	t.revoked_at = clock_now();
	if (t.authentic && (r = make_mac(db, &t, t.mac)) != OK)
		return r;
	return sql_change(db, texts[REVOKE],
	    WITH(datum_text(name), datum_time(t.revoked_at),
		datum_blob_or_null(
		    blob_of(t.mac, t.authentic ? sizeof t.mac : 0))),
	    ERR_CONFLICT);
}

int
api_tokens_list(struct db *db, struct api_token_list *out)
{
	int r = sql_rows(db, texts[LIST], &table, NULL, &out->rows, &out->n);

	for (size_t i = 0; r == OK && i < out->n; i++)
		r = check_mac(db, &out->rows[i]);
	if (r != OK)
		api_tokens_list_release(out);
	return r;
}

void
api_tokens_list_release(struct api_token_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct api_token_list){ 0 };
}

int
api_tokens_count_by(struct db *db, const char *created_by, int64_t *out)
{
	return sql_integer(db, texts[COUNT_BY],
	    WITH(datum_text(created_by), datum_int(clock_now())), out);
}

int
api_tokens_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEPT), datum_int(limit)), deleted);
}
