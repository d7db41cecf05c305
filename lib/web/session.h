/*
 * Signed-in administrators: passwords, cookies, CSRF tokens, throttling.
 *
 * A session is a cookie of 32 random bytes of which the database knows only an
 * HMAC, whose key other programs cannot read (see store/rowmac.h). It ends
 * after SESSION_IDLE seconds without a request and after SESSION_LIFE in any
 * case.
 */
#ifndef WEB_SESSION_H
#define WEB_SESSION_H

#include "store/sessions.h"

struct form;
struct req;
struct resp;

#define SESSION_COOKIE         "__Host-attestmdm"
#define SESSION_LOGIN_COOKIE   "__Host-attestmdm-form"
#define SESSION_BROWSER_COOKIE "__Host-attestmdm-browser"
#define SESSION_IDLE           (30 * 60)
#define SESSION_LIFE           (12 * 60 * 60)

#define SESSION_PASSWORD_MIN 12
#define SESSION_PASSWORD_MAX 512

/*
 * Checks name and password and starts a session: `resp` gets the cookie.
 * ERR_LOGIN when they are wrong, in the same time for unknown names;
 * ERR_RATE_LIMITED when name or network have to wait, without looking at the
 * password; then `resp` gets Retry-After. Writes activities. An older session
 * of the same browser ends. Uses transactions of its own.
 *
 * Attempts are counted per network (an IPv4 address, the first 48 bits of an
 * IPv6 address) and per name. A browser in which this administrator signed in
 * before, as the cookie SESSION_BROWSER_COOKIE shows, has a counter of its own
 * instead: others who use up the two counters cannot hold it up. That is all
 * the cookie is good for.
 *
 * The passwords of all other browsers are checked one at a time, under the lock
 * of the file `lock`: an existing file that only admin-settings can read, and
 * that is only locked. While another process holds it, the attempt is
 * ERR_RATE_LIMITED and not counted.
 */
int session_start(struct db *db, const struct req *req, const char *lock,
    const char *name, const char *password, struct resp *resp);

/*
 * Whose session a request belongs to; ERR_SESSION (not logged) when none. Notes
 * the time of use, once a minute, in a transaction of its own.
 */
int session_load(struct db *db, const struct req *req, struct session *s);

/* Is it still good for a request? One of a list of them may be too old. */
bool session_is_open(const struct session *s);

/* Ends it in the database and in the browser; a transaction of its own. */
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
 * shorter than SESSION_PASSWORD_MIN or longer than SESSION_PASSWORD_MAX bytes.
 */
int session_hash_password(const char *password, char out[ADMINS_HASH_TEXT]);

#endif
