/*
 * Signed-in browsers. Sessions are authenticated, see rowmac.h: a row that
 * another program wrote signs nobody in. Times are seconds since 1970.
 */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include "store/admins.h"
#include "store/db.h"

/* Room for what names a session to administrators. */
#define SESSIONS_ID_TEXT 17

struct session {
	/* HMAC of the cookie's token with the key of rowmac.h */
	uint8_t token_mac[SECRET_SHA256];
	char admin[ADMINS_NAME_TEXT];
	/* of the administrator, at the time of sessions_load() */
	enum admin_role role;
	char csrf_token[SECRET_TOKEN_TEXT];
	int64_t created_at;
	int64_t last_seen_at;
	int64_t expires_at;
	/*
	 * the first digits of token_mac, from which no token can be computed; only
	 * sessions_list() and sessions_find() fill it in
	 */
	char id[SESSIONS_ID_TEXT];
};

struct session_list {
	struct session *rows;
	size_t n;
};

/*
 * Makes a session that lives `seconds` at most. `token` gets the value of the cookie,
 * which is stored nowhere and which the caller wipes, also after a failure.
 * ERR_NOT_FOUND: no such administrator; ERR_CRYPTO: the connection has no key.
 */
int sessions_create(struct db *db, const char *admin, int64_t seconds,
    char token[SECRET_TOKEN_TEXT], struct session *out);

/*
 * The session with this cookie. ERR_SESSION when there is none, it is expired, was
 * not used for `idle_seconds`, its administrator is disabled, or its row or that of
 * the administrator is not authentic. ERR_CRYPTO: the connection has no key.
 */
int sessions_load(struct db *db, const char *token, int64_t idle_seconds,
    struct session *out);

/*
 * Would sessions_load() still find it, with this role, used lately or not?
 * ERR_SESSION.
 */
int sessions_check(struct db *db, const struct session *s);

/* Sets last_seen_at to now. ERR_SESSION: it has ended. */
int sessions_touch(struct db *db, const struct session *s);

/* Signs out; OK also when it is gone already. */
int sessions_end(struct db *db, const struct session *s);

/*
 * Ends all sessions of an administrator. *ended is their number; it may be NULL.
 */
int sessions_end_all(struct db *db, const char *admin, int *ended);

/*
 * Those that have not expired, newest first; the caller releases *out. No key is
 * needed, so rows that another program wrote are among them.
 */
int sessions_list(struct db *db, int64_t now, struct session_list *out);
void sessions_list_release(struct session_list *list);

/* The one with this id, expired or not. ERR_NOT_FOUND. */
int sessions_find(struct db *db, const char *id, struct session *out);

/* Deletes at most `limit` expired sessions. */
int sessions_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
