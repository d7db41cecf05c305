#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/enc.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "base/network.h"
#include "store/admins.h"
#include "store/activities.h"
#include "store/browsers.h"
#include "store/logins.h"
#include "web/form.h"
#include "web/req.h"
#include "web/resp.h"
#include "web/session.h"

#define SESSION_SUBJECT_MAX 128

/* last_seen_at is written at most this often. */
#define SESSION_TOUCH 60

/* As long as the database remembers the browser: BROWSERS_LIFE as text. */
#define SESSION_KEEP "; Max-Age=15552000"
_Static_assert(BROWSERS_LIFE == 15552000, "SESSION_KEEP differs");

#define SESSION_COOKIE_TAIL "; Path=/; Secure; HttpOnly; SameSite=Strict"

/* yescrypt with the library's cost, so that all hashes take the same time. */
static int
hash_password(
    const char *password, const char *setting, char out[ADMINS_HASH_TEXT])
{
	struct crypt_data *data = calloc(1, sizeof *data);
	const char *hash;
	int r = OK;

	if (data == NULL)
		return fail(ERR_NOMEM, "no memory to hash a password");
	hash = crypt_rn(password, setting, data, (int)sizeof *data);
	if (hash == NULL || strlen(hash) >= ADMINS_HASH_TEXT)
		r = fail(ERR_CRYPTO, "crypt: %s", strerror(errno));
	else
		memcpy(out, hash, strlen(hash) + 1);
	secret_wipe(data, sizeof *data);
	free(data);
	return r;
}

static int
new_setting(char out[CRYPT_GENSALT_OUTPUT_SIZE])
{
	if (crypt_gensalt_rn(
		"$y$", 0, NULL, 0, out, CRYPT_GENSALT_OUTPUT_SIZE) == NULL)
		return fail(ERR_CRYPTO, "crypt_gensalt: %s", strerror(errno));
	return OK;
}

int
session_hash_password(const char *password, char out[ADMINS_HASH_TEXT])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	size_t n = strlen(password);
	int r;

	out[0] = '\0';
	if (n < SESSION_PASSWORD_MIN || n > SESSION_PASSWORD_MAX)
		return fail(ERR_FIELD, "a password needs %d to %d bytes",
		    SESSION_PASSWORD_MIN, SESSION_PASSWORD_MAX);
	if ((r = new_setting(setting)) != OK)
		return r;
	return hash_password(password, setting, out);
}

/* Does as much work for a name that nobody has as for one that exists. */
static int
check_password(
    struct db *db, const char *name, const char *password, bool *right)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	char hash[ADMINS_HASH_TEXT];
	struct admin admin;
	bool known;
	int r;

	*right = false;
	r = admins_load(db, name, &admin);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	known = r == OK && admin.disabled_at == 0 && admin.authentic;
	if (r == OK && !admin.authentic)
		log_line(LOG_ERROR,
		    "administrator %s was not written by attestmdm: use "
		    "attestmdm admin password --role",
		    admin.name);
	if ((r = new_setting(setting)) != OK)
		return r;
	r = hash_password(
	    password, known ? admin.password_hash : setting, hash);
	if (r == OK && known)
		*right =
		    secret_eq(blob_str(hash), blob_str(admin.password_hash));
	secret_wipe(hash, sizeof hash);
	secret_wipe(&admin, sizeof admin);
	return r;
}

/* Which counters an attempt to sign in counts in; see session.h. */
struct session_throttle {
	char source[SESSION_SUBJECT_MAX];
	/* "" when only the source is counted */
	char name[SESSION_SUBJECT_MAX];
	/* of a browser that this administrator used before, or "" */
	char browser[SECRET_TOKEN_TEXT];
};

static int
subject(const char *kind, const char *text, char *out)
{
	uint8_t digest[SECRET_SHA256];
	struct buf hex;
	int r;

	secret_sha256(blob_str(text), digest);
	buf_init(&hex, SESSION_SUBJECT_MAX);
	if ((r = enc_hex(blob_of(digest, sizeof digest), &hex)) == OK)
		snprintf(
		    out, SESSION_SUBJECT_MAX, "%s:%s", kind, buf_str(&hex));
	else
		r = fail(r, "no memory to count the attempt");
	buf_release(&hex);
	return r;
}

/*
 * A name that nobody has is counted just like one that exists, or the waiting
 * would reveal which accounts there are.
 */
static int
choose_throttle(struct db *db, const struct req *req, const char *name,
    struct session_throttle *t)
{
	char network[NETWORK_TEXT];
	bool known = false;
	int r = OK;

	*t = (struct session_throttle){ .browser = "" };
	if (form_cookie(req_header(req, "Cookie"), SESSION_BROWSER_COOKIE,
		t->browser, sizeof t->browser) == OK)
		r = browsers_is_known(db, t->browser, name, &known);
	if (r != OK)
		return r;
	if (known)
		return subject("browser", t->browser, t->source);
	t->browser[0] = '\0';
	/* A site is assigned up to 2^80 IPv6 addresses: they count as one. */
	network_of(req->remote_address, 32, 48, network);
	snprintf(t->source, sizeof t->source, "address:%s", network);
	return subject("name", name, t->name);
}

/*
 * A hash keeps a worker busy for some 30 ms. Only one worker at a time does
 * that for browsers that are not known; the others refuse at once, so that one
 * is free for signed-in administrators and known browsers. *lock is closed
 * after the check; -1 for a known browser.
 */
static int
take_turn(const struct session_throttle *t, const char *path, int *lock,
    struct resp *resp)
{
	int r;

	*lock = -1;
	if (t->browser[0] != '\0')
		return OK;
	if ((r = lockfile_try(path, lock)) != ERR_BUSY)
		return r;
	resp_set(resp, "Retry-After", "1");
	return fail(ERR_RATE_LIMITED,
	    "another unknown browser is signing in at this moment: %s",
	    t->source);
}

/* Counts the attempt before the password is checked. */
static int
count_attempt(
    struct db *db, const struct session_throttle *t, struct resp *resp)
{
	const char *name = t->name[0] != '\0' ? t->name : NULL;
	char seconds[24];
	int64_t wait = 0;
	int r;

	if ((r = logins_wait(db, t->source, name, &wait)) == OK &&
	    (r = db_begin_relaxed(db)) == OK)
		r = db_end(db, logins_begin(db, t->source, name, &wait));
	if (r != ERR_RATE_LIMITED)
		return r;
	snprintf(seconds, sizeof seconds, "%lld", (long long)wait);
	resp_set(resp, "Retry-After", seconds);
	return fail(r, "sign-in has to wait %s seconds: %s %s", seconds,
	    t->source, t->name);
}

/* The session that this browser had before, if any. */
static int
end_older(struct db *db, const struct req *req)
{
	char token[SECRET_TOKEN_TEXT];
	struct session older;
	int r;

	if (form_cookie(req_header(req, "Cookie"), SESSION_COOKIE, token,
		sizeof token) != OK)
		return OK;
	r = sessions_load(db, token, SESSION_LIFE, &older);
	if (r == OK)
		r = sessions_end(db, &older);
	return r == ERR_SESSION ? OK : r;
}

static int
create(struct db *db, const struct req *req, const char *name,
    struct session_throttle *t, char token[SECRET_TOKEN_TEXT])
{
	struct session s;
	int r;

	if (t->browser[0] == '\0')
		secret_token(t->browser);
	if ((r = db_begin(db)) != OK)
		return r;
	if ((r = end_older(db, req)) != OK ||
	    (r = logins_succeed(db, t->name)) != OK ||
	    (r = logins_succeed(db, t->source)) != OK ||
	    (r = browsers_remember(db, t->browser, name)) != OK ||
	    (r = activities_add(db,
		 &(struct activity_note){
		     .actor = name, .action = "login" })) != OK ||
	    (r = sessions_create(db, name, SESSION_LIFE, token, &s)) != OK) {
		db_rollback(db);
		return r;
	}
	return db_commit(db);
}

/*
 * Whoever types "cli:root" is not that: what no administrator is called stands
 * beside the entry, and not as who it was.
 */
static int
log_refusal(struct db *db, const char *name, const char *address)
{
	bool can_be = admins_is_name(name);
	int r;

	if ((r = db_begin_relaxed(db)) != OK)
		return r;
	if ((r = activities_add_refusal(db,
		 &(struct activity_note){
		     .actor = can_be ? name : NULL,
		     .action = "login.refused",
		     .detail = can_be ? "" : name })) != OK) {
		db_rollback(db);
		return r;
	}
	if ((r = db_commit(db)) != OK)
		return r;
	return fail(ERR_LOGIN, "wrong name or password for \"%s\" from %s",
	    name, address);
}

static int
set_cookie(
    struct resp *resp, const char *name, const char *value, const char *tail)
{
	char line[256];

	snprintf(line, sizeof line, "%s=%s" SESSION_COOKIE_TAIL "%s", name,
	    value, tail);
	return resp_add(resp, "Set-Cookie", line);
}

/* ERR_RATE_LIMITED before the password is looked at. */
static int
try_password(struct db *db, const char *lock, const struct session_throttle *t,
    const char *name, const char *password, struct resp *resp, bool *right)
{
	int fd, r;

	if ((r = take_turn(t, lock, &fd, resp)) == OK &&
	    (r = count_attempt(db, t, resp)) == OK)
		r = check_password(db, name, password, right);
	if (fd >= 0)
		close(fd);
	return r;
}

int
session_start(struct db *db, const struct req *req, const char *lock,
    const char *name, const char *password, struct resp *resp)
{
	char token[SECRET_TOKEN_TEXT];
	struct session_throttle t;
	bool right = false;
	int r;

	if (strlen(name) >= ADMINS_NAME_TEXT ||
	    strlen(password) > SESSION_PASSWORD_MAX)
		return fail(ERR_LOGIN, "a name or password of too many bytes");
	if ((r = choose_throttle(db, req, name, &t)) != OK ||
	    (r = try_password(db, lock, &t, name, password, resp, &right)) !=
		OK)
		return r;
	if (!right)
		return log_refusal(db, name, req->remote_address);
	r = create(db, req, name, &t, token);
	if (r == OK)
		r = set_cookie(resp, SESSION_COOKIE, token, "");
	if (r == OK)
		r = set_cookie(
		    resp, SESSION_BROWSER_COOKIE, t.browser, SESSION_KEEP);
	secret_wipe(token, sizeof token);
	secret_wipe(&t, sizeof t);
	return r;
}

static int
touch(struct db *db, const struct session *s)
{
	int r;

	if (clock_now() - s->last_seen_at < SESSION_TOUCH)
		return OK;
	if ((r = db_begin(db)) != OK)
		return r;
	if ((r = sessions_touch(db, s)) != OK) {
		db_rollback(db);
		return r;
	}
	return db_commit(db);
}

int
session_load(struct db *db, const struct req *req, struct session *s)
{
	char token[SECRET_TOKEN_TEXT];
	int r;

	memset(s, 0, sizeof *s);
	if (form_cookie(req_header(req, "Cookie"), SESSION_COOKIE, token,
		sizeof token) != OK)
		return ERR_SESSION;
	r = sessions_load(db, token, SESSION_IDLE, s);
	secret_wipe(token, sizeof token);
	return r == OK ? touch(db, s) : r;
}

bool
session_is_open(const struct session *s)
{
	int64_t now = clock_now();

	return s->expires_at > now && s->last_seen_at > now - SESSION_IDLE;
}

int
session_end(struct db *db, const struct session *s, struct resp *resp)
{
	int r;

	if ((r = db_begin(db)) != OK)
		return r;
	if ((r = sessions_end(db, s)) != OK ||
	    (r = activities_add(db,
		 &(struct activity_note){
		     .actor = s->admin, .action = "logout" })) != OK) {
		db_rollback(db);
		return r;
	}
	if ((r = db_commit(db)) != OK)
		return r;
	return set_cookie(resp, SESSION_COOKIE, "", "; Max-Age=0");
}

/* Browsers say where a request comes from; those that do not are let pass. */
static int
check_origin(const struct req *req)
{
	const char *site = req_header(req, "Sec-Fetch-Site");

	if (site != NULL && strcmp(site, "same-origin") != 0)
		return fail(ERR_CSRF, "a form came from another site");
	return OK;
}

static int
check_token(const struct form *form, const char *want)
{
	const char *given = form_text(form, "csrf");

	if (want[0] == '\0' || !secret_eq(blob_str(given), blob_str(want)))
		return fail(ERR_CSRF, "a form came without its token");
	return OK;
}

int
session_check_form(
    const struct session *s, const struct req *req, const struct form *form)
{
	int r = check_origin(req);

	return r == OK ? check_token(form, s->csrf_token) : r;
}

int
session_login_token(
    const struct req *req, struct resp *resp, char token[SECRET_TOKEN_TEXT])
{
	if (form_cookie(req_header(req, "Cookie"), SESSION_LOGIN_COOKIE, token,
		SECRET_TOKEN_TEXT) == OK &&
	    enc_is_base64url(token, SECRET_TOKEN_TEXT))
		return OK;
	secret_token(token);
	return set_cookie(resp, SESSION_LOGIN_COOKIE, token, "");
}

int
session_check_login(const struct req *req, const struct form *form)
{
	char token[SECRET_TOKEN_TEXT];
	int r = check_origin(req);

	if (r != OK)
		return r;
	form_cookie(req_header(req, "Cookie"), SESSION_LOGIN_COOKIE, token,
	    sizeof token);
	return check_token(form, token);
}
