/*
 * Tokens by which scripts use the REST API. The rows are authenticated, see
 * rowmac.h: one that another program wrote is not accepted. api_tokens_create() and
 * api_tokens_load() fail with ERR_CRYPTO on a connection without the key; for the
 * other functions no row is authentic then. Times are seconds since 1970.
 */
#ifndef STORE_API_TOKENS_H
#define STORE_API_TOKENS_H

#include "store/admin_role.h"
#include "store/db.h"

/* So that scanners for leaked secrets recognize a token. */
#define API_TOKENS_PREFIX "amdm_"

/* Text of a token, with its NUL: the prefix and 32 random bytes, base64url. */
#define API_TOKENS_TEXT (sizeof API_TOKENS_PREFIX - 1 + SECRET_TOKEN_TEXT)

#define API_TOKENS_NAME_TEXT 65

/* last_used_at is written at most once in this many seconds. */
#define API_TOKENS_TOUCH 60

struct api_token {
	char name[API_TOKENS_NAME_TEXT];
	/* HMAC of the text with the key of rowmac.h */
	uint8_t token_mac[SECRET_SHA256];
	enum admin_role role;
	int64_t created_at;
	char created_by[DB_ACTOR_TEXT];
	int64_t expires_at;
	/* 0: never */
	int64_t last_used_at;
	int64_t revoked_at;
	/* `mac` is that of the row; false also when the connection has no key */
	bool authentic;
	uint8_t mac[SECRET_SHA256];
};

struct api_token_list {
	struct api_token *rows;
	size_t n;
};

/* "active", "expired", "revoked" */
const char *api_tokens_state_name(const struct api_token *t, int64_t now);

/*
 * Makes a token that lives `seconds`. `text` gets the token, which is stored nowhere
 * and which the caller wipes; "" on failure. ERR_EXISTS when the name is taken, even
 * by an expired or revoked token; ERR_FIELD unless it is 1 to 64 of the characters
 * A-Z a-z 0-9 . _ -
 */
int api_tokens_create(struct db *db, const char *name, enum admin_role role,
    int64_t seconds, const char *created_by, char text[API_TOKENS_TEXT]);

/*
 * The token that a client presented. ERR_TOKEN when there is none, it is expired
 * or revoked, or its row is not authentic; only the last is logged. *out is all
 * zero after a failure.
 */
int api_tokens_load(struct db *db, const char *text, struct api_token *out);

/* Would api_tokens_load() still find it, with this role? ERR_TOKEN. */
int api_tokens_check(struct db *db, const struct api_token *token);

/* Was its use last noted API_TOKENS_TOUCH seconds ago or more, or in the future? */
bool api_tokens_is_stale(const struct api_token *t);

/* Sets last_used_at to now. */
int api_tokens_touch(struct db *db, const struct api_token *t);

/* Revokes it. ERR_NOT_FOUND; ERR_CONFLICT when it is revoked already. */
int api_tokens_revoke(struct db *db, const char *name);

/* All, expired and revoked ones too, sorted by name. The caller releases *out. */
int api_tokens_list(struct db *db, struct api_token_list *out);
void api_tokens_list_release(struct api_token_list *list);

/*
 * How many active tokens `created_by` made: who made a token may still have its text.
 */
int api_tokens_count_by(struct db *db, const char *created_by, int64_t *out);

/* Deletes at most `limit` that expired or were revoked over 90 days ago. */
int api_tokens_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
