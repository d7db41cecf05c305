/*
 * Signed-in administrators: passwords, cookies, CSRF tokens, throttling.
 *
 * A session is a cookie of 32 random bytes of which the database knows only
 * the SHA-256. It ends after SESSION_IDLE seconds without a request and after
 * SESSION_LIFE in any case.
 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

struct db;
struct form;
struct req;
struct resp;

#define SESSION_COOKIE   "__Host-attestmdm"
#define SESSION_IDLE     (30 * 60)
#define SESSION_LIFE     (12 * 60 * 60)
#define SESSION_NAME_MAX 64
#define SESSION_HASH_MAX 384

/* After this many failures a name or address waits, longer each time. */
#define SESSION_FREE_TRIES 5

struct session {
	char admin[SESSION_NAME_MAX + 1];
	char csrf[SECRET_TOKEN_TEXT];
	uint8_t token_sha256[SECRET_SHA256];
};

/*
 * Checks name and password and starts a session: `resp` gets the cookie.
 * ERR_LOGIN when they are wrong, in the same time for unknown names;
 * ERR_RATE_LIMITED when name or address have to wait, without looking at the
 * password. Writes audit rows. An older session of the same browser ends.
 */
int session_start(struct db *db, const struct req *req, const char *name,
    const char *password, struct resp *resp);

/* Whose session a request belongs to; ERR_SESSION (not logged) when none. */
int session_load(struct db *db, const struct req *req, struct session *s);

/* Ends it in the database and in the browser. */
int session_end(struct db *db, const struct session *s, struct resp *resp);

/*
 * The field "csrf" of the form is the session's token, and the request came
 * from our own pages as far as the browser tells (Sec-Fetch-Site); otherwise
 * ERR_CSRF.
 */
int session_check_form(
    const struct session *s, const struct req *req, const struct form *form);

/*
 * A sign-in form has no session yet: its token is a cookie, compared with the
 * form's field. `token` is the value for the page.
 */
int session_login_token(
    const struct req *req, struct resp *resp, char token[SECRET_TOKEN_TEXT]);
int session_check_login(const struct req *req, const struct form *form);

/*
 * yescrypt text for a password, for the table of admins. ERR_FIELD when it is
 * shorter than 12 or longer than 512 bytes.
 */
int session_hash_password(const char *password, char out[SESSION_HASH_MAX]);

#endif
