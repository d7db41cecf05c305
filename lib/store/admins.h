/* Who may use the admin pages. */
#ifndef STORE_ADMINS_H
#define STORE_ADMINS_H

#include "store/db.h"

#define ADMINS_NAME_TEXT 65
#define ADMINS_HASH_TEXT 384

struct admin {
	char name[ADMINS_NAME_TEXT];
	/* as crypt(3) writes it */
	char password_hash[ADMINS_HASH_TEXT];
	int64_t created_at;
	int64_t disabled_at;
};

struct admin_list {
	struct admin *rows;
	size_t n;
};

/* ERR_EXISTS when the name is taken, ERR_FIELD when it is empty or too long. */
int admins_create(struct db *db, const char *name, const char *hash);

/* Disabled ones too: look at disabled_at. */
int admins_load(struct db *db, const char *name, struct admin *out);

/* Also ends every session of that administrator. */
int admins_set_password(struct db *db, const char *name, const char *hash);
int admins_disable(struct db *db, const char *name);
int admins_enable(struct db *db, const char *name);

int admins_list(struct db *db, struct admin_list *out);
void admins_list_release(struct admin_list *list);

#endif
