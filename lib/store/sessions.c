#include "store/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rowmac.h"
#include "store/sql.h"

enum { CREATE, LOAD, TOUCH, END, END_ALL, LIST, PURGE };

static const char *const texts[] = {
	[CREATE] = "INSERT INTO sessions {new row}",
	[LOAD] = "SELECT {columns} FROM sessions"
		 " WHERE token_mac = $1 AND expires_at > $2"
		 " AND last_seen_at > $3",
	[TOUCH] = "UPDATE sessions SET last_seen_at = $2"
		  " WHERE token_mac = $1",
	[END] = "DELETE FROM sessions WHERE token_mac = $1",
	[END_ALL] = SQL_SCANS "DELETE FROM sessions WHERE admin = $1",
	[LIST] = SQL_SCANS "SELECT {columns} FROM sessions"
			   " WHERE expires_at > $1"
			   " ORDER BY created_at DESC, token_mac",
	[PURGE] = "DELETE FROM sessions WHERE token_mac IN"
		  " (SELECT token_mac FROM sessions"
		  " WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
};

/* A session and the HMAC that its row carries. */
struct stored_session {
	struct session session;
	uint8_t mac[SECRET_SHA256];
	bool has_mac;
};

#define ROW struct stored_session

static const struct column columns[] = {
	{ "token_mac", DIGEST(session.token_mac) },
	{ "admin", TEXT(session.admin) },
	{ "csrf_token", TEXT(session.csrf_token) },
	{ "created_at", TIME(session.created_at) },
	{ "last_seen_at", TIME(session.last_seen_at) },
	{ "expires_at", TIME(session.expires_at) },
	{ "mac", DIGEST_OR_NULL(mac, has_mac) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(sessions, texts, &table);

static int
digest_token(const struct db *db, const char *token, uint8_t out[SECRET_SHA256])
{
	struct blob field = blob_str(token);

	return rowmac_make(db, "token", &field, 1, out);
}

/*
 * Over what must not change while a session lives. The administrator's HMAC
 * is in it: with another password the session is over.
 */
static int
make_mac(const struct db *db, const struct session *s, const struct admin *a,
    uint8_t out[SECRET_SHA256])
{
	char expires[24];

	snprintf(expires, sizeof expires, "%lld", (long long)s->expires_at);
	return rowmac_make(db, "session",
	    (const struct blob[]){
		blob_of(s->token_mac, sizeof s->token_mac),
		blob_str(s->admin), blob_str(s->csrf_token), blob_str(expires),
		blob_of(a->mac, sizeof a->mac) },
	    5, out);
}

static int
insert(struct db *db, const struct session *session, const struct admin *a)
{
	struct stored_session row = { .session = *session, .has_mac = true };
	int r;

	if ((r = make_mac(db, session, a, row.mac)) != OK)
		return r;
	return sql_insert(db, texts[CREATE], &table, &row);
}

int
sessions_create(struct db *db, const char *admin, int64_t seconds,
    char token[SECRET_TOKEN_TEXT], struct session *out)
{
	struct session s = { .created_at = clock_now() };
	struct admin a;
	int r;

	*out = (struct session){ 0 };
	secret_token(token);
	secret_token(s.csrf_token);
	s.last_seen_at = s.created_at;
	s.expires_at = s.created_at + seconds;
	if ((r = admins_load(db, admin, &a)) != OK ||
	    (r = digest_token(db, token, s.token_mac)) != OK)
		return r;
	memcpy(s.admin, a.name, sizeof s.admin);
	s.role = a.role;
	if ((r = insert(db, &s, &a)) == OK)
		*out = s;
	return r;
}

/*
 * Was the row written by admin-settings, and may its administrator sign in?
 * Gives it the role.
 */
static int
check(struct db *db, struct stored_session *row)
{
	uint8_t mac[SECRET_SHA256];
	struct admin a;
	int r;

	r = admins_load(db, row->session.admin, &a);
	if (r != OK)
		return r == ERR_NOT_FOUND ? ERR_SESSION : r;
	if (a.disabled_at != 0)
		return ERR_SESSION;
	if ((r = make_mac(db, &row->session, &a, mac)) != OK)
		return r;
	if (a.authentic && row->has_mac &&
	    secret_eq(
		blob_of(mac, sizeof mac), blob_of(row->mac, sizeof row->mac))) {
		row->session.role = a.role;
		return OK;
	}
	log_line(LOG_WARN,
	    "a session of administrator %s was not written by admin-settings",
	    row->session.admin);
	return ERR_SESSION;
}

static int
load(struct db *db, const uint8_t token_mac[SECRET_SHA256], int64_t seen_after,
    struct session *out)
{
	struct stored_session row;
	int r;

	r = sql_one(db, texts[LOAD], &table,
	    WITH(datum_digest(token_mac), datum_int(clock_now()),
		datum_int(seen_after)),
	    &row);
	if (r != OK)
		return r == ERR_NOT_FOUND ? ERR_SESSION : r;
	if ((r = check(db, &row)) == OK)
		*out = row.session;
	return r;
}

int
sessions_load(
    struct db *db, const char *token, int64_t idle_seconds, struct session *out)
{
	uint8_t digest[SECRET_SHA256];
	int r;

	*out = (struct session){ 0 };
	r = digest_token(db, token, digest);
	return r == OK ? load(db, digest, clock_now() - idle_seconds, out) : r;
}

int
sessions_check(struct db *db, const struct session *session)
{
	struct session now;
	int r = load(db, session->token_mac, 0, &now);

	return r == OK && now.role != session->role ? ERR_SESSION : r;
}

int
sessions_touch(struct db *db, const struct session *session)
{
	return sql_change(db, texts[TOUCH],
	    WITH(datum_digest(session->token_mac), datum_int(clock_now())),
	    ERR_SESSION);
}

int
sessions_end(struct db *db, const struct session *session)
{
	return sql_run(
	    db, texts[END], WITH(datum_digest(session->token_mac)));
}

int
sessions_end_all(struct db *db, const char *admin, int *ended)
{
	int count, r;

	r = sql_count_changed(
	    db, texts[END_ALL], WITH(datum_text(admin)), &count);
	if (ended != NULL)
		*ended = count;
	return r;
}

static void
name(struct session *s)
{
	for (size_t i = 0; 2 * i + 1 < SESSIONS_ID_TEXT; i++)
		snprintf(s->id + 2 * i, 3, "%02x", s->token_mac[i]);
}

static int
take(const struct stored_session *rows, size_t n, struct session_list *out)
{
	if (n == 0)
		return OK;
	if ((out->rows = calloc(n, sizeof *out->rows)) == NULL)
		return fail(ERR_NOMEM, "no memory for a list of sessions");
	for (out->n = 0; out->n < n; out->n++) {
		out->rows[out->n] = rows[out->n].session;
		name(&out->rows[out->n]);
	}
	return OK;
}

int
sessions_list(struct db *db, int64_t now, struct session_list *out)
{
	struct stored_session *rows;
	size_t n;
	int r;

	*out = (struct session_list){ 0 };
	r = sql_rows(db, texts[LIST], &table, WITH(datum_int(now)), &rows, &n);
	if (r == OK)
		r = take(rows, n, out);
	columns_release(&table, rows, n);
	return r;
}

void
sessions_list_release(struct session_list *list)
{
	free(list->rows);
	*list = (struct session_list){ 0 };
}

int
sessions_find(struct db *db, const char *id, struct session *out)
{
	struct session_list list;
	int r;

	*out = (struct session){ 0 };
	if ((r = sessions_list(db, 0, &list)) != OK)
		return r;
	r = ERR_NOT_FOUND;
	for (size_t i = 0; i < list.n && r != OK; i++) {
		if (strcmp(list.rows[i].id, id) != 0)
			continue;
		*out = list.rows[i];
		r = OK;
	}
	sessions_list_release(&list);
	return r;
}

int
sessions_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(
	    db, texts[PURGE], WITH(datum_int(now), datum_int(limit)), deleted);
}
