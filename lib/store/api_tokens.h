/*
 * Tokens by which scripts use the REST API. The rows are authenticated, see
 * rowmac.h: one that another program wrote is not accepted. All functions but
 * api_tokens_list() and api_tokens_purge() need the connection's key, and fail
 * with ERR_CRYPTO without it.
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
	/* its HMAC is good; false also when the connection has no key */
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
 * Makes a token that lives `seconds`. `text` gets it, which is nowhere else;
 * the caller wipes it. ERR_EXISTS when the name is taken, by an ended token
 * too; ERR_FIELD unless it is 1 to 64 of the characters A-Z a-z 0-9 . _ -
 */
int api_tokens_create(struct db *db, const char *name, enum admin_role role,
    int64_t seconds, const char *created_by, char text[API_TOKENS_TEXT]);

/*
 * The token that a client showed. ERR_TOKEN when there is none, it is expired
 * or revoked, or its row is not authentic; only the last is logged. `out` then
 * is all zero.
 */
int api_tokens_load(struct db *db, const char *text, struct api_token *out);

/* Would api_tokens_load() still find it, with this role? ERR_TOKEN. */
int api_tokens_check(struct db *db, const struct api_token *token);

/* Is it API_TOKENS_TOUCH seconds ago that its use was noted? */
bool api_tokens_is_stale(const struct api_token *t);

/* Sets last_used_at to now. */
int api_tokens_touch(struct db *db, const struct api_token *t);

/* ERR_NOT_FOUND; ERR_CONFLICT when it is revoked already. */
int api_tokens_revoke(struct db *db, const char *name);

/* Ended ones too, by name. */
int api_tokens_list(struct db *db, struct api_token_list *out);
void api_tokens_list_release(struct api_token_list *list);

/* How many that one made are active: whoever made one may know it. */
int api_tokens_count_by(struct db *db, const char *created_by, int64_t *out);

/* Deletes at most `limit` that ended 90 days ago. */
int api_tokens_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
