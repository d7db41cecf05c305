/*
 * Who may use the admin pages. The rows are authenticated, see rowmac.h:
 * functions that write one need the connection's key, and fail with ERR_CRYPTO
 * without it.
 */
#ifndef STORE_ADMINS_H
#define STORE_ADMINS_H

#include "store/admin_role.h"
#include "store/db.h"

#define ADMINS_NAME_TEXT 65
#define ADMINS_HASH_TEXT 384

/* The first schema number whose rows are authenticated. */
#define ADMINS_SCHEMA 19

struct admin {
	char name[ADMINS_NAME_TEXT];
	/* as crypt(3) writes it */
	char password_hash[ADMINS_HASH_TEXT];
	enum admin_role role;
	int64_t created_at;
	int64_t disabled_at;
	/* its HMAC is good; false also when the connection has no key */
	bool authentic;
	uint8_t mac[SECRET_SHA256];
};

struct admin_list {
	struct admin *rows;
	size_t n;
};

/*
 * Can it be an administrator's name? Not when it is empty, too long, or holds a
 * colon or what cannot be seen, such as a line end.
 */
bool admins_is_name(const char *name);

/* ERR_EXISTS when the name is taken, ERR_FIELD when it can be nobody's. */
int admins_create(
    struct db *db, const char *name, enum admin_role role, const char *hash);

/*
 * Disabled ones too: look at disabled_at. A row that is not authentic was
 * written by another program, and its password must not be accepted.
 */
int admins_load(struct db *db, const char *name, struct admin *out);

/*
 * Also ends every session of that administrator, forgets the browsers (see
 * browsers.h), and makes the row authentic. The role stays when `role` is NULL,
 * which is ERR_UNCONFIRMED for a row that is not authentic: another program may
 * have written its role. ERR_NOT_FOUND, ERR_FIELD.
 */
int admins_set_password(struct db *db, const char *name,
    const enum admin_role *role, const char *hash);

/* As admins_disable(). */
int admins_set_role(struct db *db, const char *name, enum admin_role role);

/*
 * A row that is not authentic stays so. Disabling also ends every session and
 * forgets the browsers. ERR_NOT_FOUND.
 */
int admins_disable(struct db *db, const char *name);
int admins_enable(struct db *db, const char *name);

/*
 * Makes every row authentic, whatever it says: only for a database of a schema
 * before ADMINS_SCHEMA, whose rows nothing could authenticate. In a
 * transaction of its own.
 */
int admins_authenticate_all(struct db *db);

int admins_list(struct db *db, struct admin_list *out);
void admins_list_release(struct admin_list *list);

#endif
