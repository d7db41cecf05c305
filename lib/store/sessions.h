/*
 * Signed-in browsers. Sessions are authenticated, see rowmac.h: a row that
 * another program wrote signs nobody in.
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
	/* the first digits of token_mac, which leads to no token; in lists */
	char id[SESSIONS_ID_TEXT];
};

struct session_list {
	struct session *rows;
	size_t n;
};

/*
 * Makes a session that lives `seconds` at most. `token` gets the fresh text for
 * the cookie, which is nowhere else; the caller wipes it.
 */
int sessions_create(struct db *db, const char *admin, int64_t seconds,
    char token[SECRET_TOKEN_TEXT], struct session *out);

/*
 * ERR_SESSION when there is none, it is expired, was not used for
 * `idle_seconds`, its administrator is disabled, or its row or that of the
 * administrator is not authentic.
 */
int sessions_load(struct db *db, const char *token, int64_t idle_seconds,
    struct session *out);

/*
 * Would sessions_load() still find it, with this role, used lately or not?
 * ERR_SESSION.
 */
int sessions_check(struct db *db, const struct session *s);

/* Sets last_seen_at to now. */
int sessions_touch(struct db *db, const struct session *s);

/* Signs out; OK also when it is gone already. */
int sessions_end(struct db *db, const struct session *s);

/* Signs an administrator out everywhere. `ended`, their number, may be NULL. */
int sessions_end_all(struct db *db, const char *admin, int *ended);

/*
 * Those that have not expired, the newest first. Without the key of rowmac.h,
 * so that rows of another program are among them.
 */
int sessions_list(struct db *db, int64_t now, struct session_list *out);
void sessions_list_release(struct session_list *list);

/* The one with this id, expired or not. ERR_NOT_FOUND. */
int sessions_find(struct db *db, const char *id, struct session *out);

/* Deletes at most `limit` expired sessions. */
int sessions_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
