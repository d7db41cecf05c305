#include "store/sessions.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/rowmac.h"
#include "store/stmt.h"

#define FREE_TRIES   5
#define SOURCE_WAIT  900
/* Anybody may try any name, so that its wait stays short. */
#define NAME_WAIT     8
#define FORGET_AFTER  86400
#define SUBJECT_BYTES 256

enum {
	CREATE,
	LOAD,
	TOUCH,
	END,
	END_ALL,
	LOGIN_LOAD,
	LOGIN_COUNT,
	LOGIN_TRIM,
	LOGIN_OK,
	PURGE,
	PURGE_LOGINS,
};

#define COLUMNS                                                                \
	"s.token_sha256, s.admin, s.csrf_token, s.created_at,"                 \
	" s.last_seen_at, s.expires_at, s.mac"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO sessions (token_sha256, admin, csrf_token,"
		   " created_at, last_seen_at, expires_at, mac)"
		   " VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)",
	[LOAD] = "SELECT " COLUMNS " FROM sessions s"
		 " WHERE s.token_sha256 = ?1 AND s.expires_at > ?2"
		 " AND s.last_seen_at > ?3",
	[TOUCH] = "UPDATE sessions SET last_seen_at = ?2"
		  " WHERE token_sha256 = ?1",
	[END] = "DELETE FROM sessions WHERE token_sha256 = ?1",
	[END_ALL] = STMT_SCANS "DELETE FROM sessions WHERE admin = ?1",
	[LOGIN_LOAD] = "SELECT failures, last_at FROM login_failures"
		       " WHERE subject = ?1",
	[LOGIN_COUNT] =
	    "INSERT INTO login_failures (subject, failures, last_at)"
	    " VALUES (?1, ?2, ?3) ON CONFLICT (subject) DO UPDATE"
	    " SET failures = excluded.failures,"
	    " last_at = excluded.last_at",
	[LOGIN_TRIM] = "DELETE FROM login_failures WHERE last_at < (SELECT"
		       " last_at FROM login_failures WHERE last_at >= 0"
		       " ORDER BY last_at DESC LIMIT 1 OFFSET ?1)",
	[LOGIN_OK] = "DELETE FROM login_failures WHERE subject = ?1",
	[PURGE] = "DELETE FROM sessions WHERE token_sha256 IN"
		  " (SELECT token_sha256 FROM sessions"
		  " WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
	[PURGE_LOGINS] = "DELETE FROM login_failures WHERE subject IN"
			 " (SELECT subject FROM login_failures"
			 " WHERE last_at < ?1 ORDER BY last_at LIMIT ?2)",
};

STMT_FAMILY(sessions, texts);

/* A session and the HMAC that its row carries. */
struct stored_session {
	struct session session;
	uint8_t mac[SECRET_SHA256];
	bool has_mac;
};

static void
read_session(struct stmt *s, void *out)
{
	struct stored_session *row = out;
	struct session *r = &row->session;

	stmt_get_bytes(s, r->token_sha256, sizeof(r->token_sha256));
	stmt_get_text(s, r->admin, sizeof(r->admin));
	stmt_get_text(s, r->csrf_token, sizeof(r->csrf_token));
	r->created_at = stmt_get_int(s);
	r->last_seen_at = stmt_get_int(s);
	r->expires_at = stmt_get_int(s);
	row->has_mac = stmt_get_bytes(s, row->mac, sizeof(row->mac));
}

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

	snprintf(expires, sizeof(expires), "%lld", (long long)s->expires_at);
	return rowmac_make(db, "session",
	    (const struct blob[]){
		blob_of(s->token_sha256, sizeof(s->token_sha256)),
		blob_str(s->admin), blob_str(s->csrf_token), blob_str(expires),
		blob_of(a->mac, sizeof(a->mac)) },
	    5, out);
}

static int
insert(struct db *db, const struct session *session, const struct admin *a)
{
	uint8_t mac[SECRET_SHA256];
	struct stmt s;
	int code;

	if ((code = make_mac(db, session, a, mac)) != OK)
		return code;
	stmt_start(&s, db, STMT_sessions, CREATE);
	stmt_put_digest(&s, session->token_sha256);
	stmt_put_text(&s, session->admin);
	stmt_put_text(&s, session->csrf_token);
	stmt_put_int(&s, session->created_at);
	stmt_put_int(&s, session->expires_at);
	stmt_put_digest(&s, mac);
	return stmt_run(&s);
}

int
sessions_create(struct db *db, const char *admin, int64_t seconds,
    char token[SECRET_TOKEN_TEXT], struct session *out)
{
	struct session s = { .created_at = clock_now() };
	struct admin a;
	int code;

	*out = (struct session){ 0 };
	secret_token(token);
	secret_token(s.csrf_token);
	s.last_seen_at = s.created_at;
	s.expires_at = s.created_at + seconds;
	if ((code = admins_load(db, admin, &a)) != OK ||
	    (code = digest_token(db, token, s.token_sha256)) != OK)
		return code;
	memcpy(s.admin, a.name, sizeof(s.admin));
	if ((code = insert(db, &s, &a)) == OK)
		*out = s;
	return code;
}

/* Was the row written by admin-settings, and may its administrator sign in? */
static int
check(struct db *db, const struct stored_session *row)
{
	uint8_t mac[SECRET_SHA256];
	struct admin a;
	int code;

	code = admins_load(db, row->session.admin, &a);
	if (code != OK)
		return code == ERR_NOT_FOUND ? ERR_SESSION : code;
	if (a.disabled_at != 0)
		return ERR_SESSION;
	if ((code = make_mac(db, &row->session, &a, mac)) != OK)
		return code;
	if (a.authentic && row->has_mac &&
	    secret_eq(blob_of(mac, sizeof(mac)),
		blob_of(row->mac, sizeof(row->mac))))
		return OK;
	log_line(LOG_WARN,
	    "a session of administrator %s was not written by admin-settings",
	    row->session.admin);
	return ERR_SESSION;
}

int
sessions_load(
    struct db *db, const char *token, int64_t idle_seconds, struct session *out)
{
	uint8_t digest[SECRET_SHA256];
	struct stored_session row;
	int64_t now = clock_now();
	struct stmt s;
	int code;

	*out = (struct session){ 0 };
	if ((code = digest_token(db, token, digest)) != OK)
		return code;
	stmt_start(&s, db, STMT_sessions, LOAD);
	stmt_put_digest(&s, digest);
	stmt_put_int(&s, now);
	stmt_put_int(&s, now - idle_seconds);
	code = stmt_one(&s, read_session, &row, sizeof(row));
	if (code != OK)
		return code == ERR_NOT_FOUND ? ERR_SESSION : code;
	if ((code = check(db, &row)) == OK)
		*out = row.session;
	return code;
}

int
sessions_touch(struct db *db, const struct session *session)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, TOUCH);
	stmt_put_digest(&s, session->token_sha256);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_SESSION);
}

int
sessions_end(struct db *db, const struct session *session)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, END);
	stmt_put_digest(&s, session->token_sha256);
	return stmt_run(&s);
}

int
sessions_end_all(struct db *db, const char *admin)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, END_ALL);
	stmt_put_text(&s, admin);
	return stmt_run(&s);
}

struct tries {
	int64_t failures;
	int64_t last_at;
};

static void
read_tries(struct stmt *s, void *out)
{
	struct tries *t = out;

	t->failures = stmt_get_int(s);
	t->last_at = stmt_get_int(s);
}

/* Seconds from now until the next try; forgets tries of a day ago. */
static int64_t
wait_for(struct tries *t, int64_t longest, int64_t now)
{
	int64_t delay = longest;
	int64_t over = t->failures - FREE_TRIES;

	/* a clock that was set back must not lock anybody out for long */
	if (t->last_at > now)
		t->last_at = now;
	if (now - t->last_at >= FORGET_AFTER)
		t->failures = 0;
	if (t->failures < FREE_TRIES)
		return 0;
	if (over < 10 && (INT64_C(1) << over) < longest)
		delay = INT64_C(1) << over;
	return t->last_at + delay > now ? t->last_at + delay - now : 0;
}

static int
load_tries(struct db *db, const char *subject, struct tries *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_sessions, LOGIN_LOAD);
	stmt_put_cut(&s, subject, SUBJECT_BYTES);
	code = stmt_one(&s, read_tries, out, sizeof(*out));
	return code == ERR_NOT_FOUND ? OK : code;
}

static int
count_try(
    struct db *db, const char *subject, const struct tries *tries, int64_t now)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, LOGIN_COUNT);
	stmt_put_cut(&s, subject, SUBJECT_BYTES);
	stmt_put_int(&s, tries->failures + 1);
	stmt_put_int(&s, now);
	return stmt_run(&s);
}

static int
trim_counters(struct db *db)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, LOGIN_TRIM);
	stmt_put_int(&s, SESSIONS_COUNTERS_MAX - 1);
	return stmt_run(&s);
}

int
sessions_login_begin(
    struct db *db, const char *source, const char *name, int64_t *wait)
{
	struct tries from, as = { 0 };
	int64_t now = clock_now(), by_name;
	int code;

	*wait = 0;
	if ((code = load_tries(db, source, &from)) != OK ||
	    (name != NULL && (code = load_tries(db, name, &as)) != OK))
		return code;
	*wait = wait_for(&from, SOURCE_WAIT, now);
	by_name = wait_for(&as, NAME_WAIT, now);
	if (by_name > *wait)
		*wait = by_name;
	if (*wait > 0)
		return ERR_RATE_LIMITED;
	if ((code = count_try(db, source, &from, now)) != OK ||
	    (name != NULL && (code = count_try(db, name, &as, now)) != OK))
		return code;
	return trim_counters(db);
}

int
sessions_login_ok(struct db *db, const char *subject)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, LOGIN_OK);
	stmt_put_cut(&s, subject, SUBJECT_BYTES);
	return stmt_run(&s);
}

static int
purge(struct db *db, int which, int64_t before, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_sessions, which);
	stmt_put_int(&s, before);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}

int
sessions_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	int logins = 0;
	int code;

	code = purge(db, PURGE, now, limit, deleted);
	if (code == OK && *deleted < limit)
		code = purge(db, PURGE_LOGINS, now - FORGET_AFTER,
		    limit - *deleted, &logins);
	*deleted += logins;
	return code;
}
