#include "store/admins.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sessions.h"
#include "store/stmt.h"

enum { CREATE, LOAD, SET_PASSWORD, SET_DISABLED, LIST };

#define COLUMNS "name, password_hash, created_at, disabled_at"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO admins (name, password_hash, created_at)"
		   " VALUES (?1, ?2, ?3)",
	[LOAD] = "SELECT " COLUMNS " FROM admins WHERE name = ?1",
	[SET_PASSWORD] = "UPDATE admins SET password_hash = ?2 WHERE name = ?1",
	[SET_DISABLED] = "UPDATE admins SET disabled_at = ?2 WHERE name = ?1",
	[LIST] = STMT_SCANS "SELECT " COLUMNS " FROM admins ORDER BY name",
};

STMT_FAMILY(admins, texts);

static void
read_admin(struct stmt *s, void *out)
{
	struct admin *a = out;

	stmt_get_text(s, a->name, sizeof(a->name));
	stmt_get_text(s, a->password_hash, sizeof(a->password_hash));
	a->created_at = stmt_get_int(s);
	a->disabled_at = stmt_get_int(s);
}

int
admins_create(struct db *db, const char *name, const char *hash)
{
	struct stmt s;

	if (*name == '\0' || strlen(name) >= ADMINS_NAME_TEXT ||
	    strlen(hash) >= ADMINS_HASH_TEXT)
		return ERR_FIELD;
	stmt_start(&s, db, STMT_admins, CREATE);
	stmt_put_text(&s, name);
	stmt_put_text(&s, hash);
	stmt_put_int(&s, clock_now());
	return stmt_run(&s);
}

int
admins_load(struct db *db, const char *name, struct admin *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_admins, LOAD);
	stmt_put_text(&s, name);
	return stmt_one(&s, read_admin, out, sizeof(*out));
}

int
admins_set_password(struct db *db, const char *name, const char *hash)
{
	struct stmt s;
	int code;

	if (strlen(hash) >= ADMINS_HASH_TEXT)
		return ERR_FIELD;
	stmt_start(&s, db, STMT_admins, SET_PASSWORD);
	stmt_put_text(&s, name);
	stmt_put_text(&s, hash);
	code = stmt_change(&s, ERR_NOT_FOUND);
	return code != OK ? code : sessions_end_all(db, name);
}

static int
set_disabled(struct db *db, const char *name, int64_t at)
{
	struct stmt s;

	stmt_start(&s, db, STMT_admins, SET_DISABLED);
	stmt_put_text(&s, name);
	stmt_put_time(&s, at);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
admins_disable(struct db *db, const char *name)
{
	int code = set_disabled(db, name, clock_now());

	return code != OK ? code : sessions_end_all(db, name);
}

int
admins_enable(struct db *db, const char *name)
{
	return set_disabled(db, name, 0);
}

int
admins_list(struct db *db, struct admin_list *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_admins, LIST);
	out->rows = stmt_rows(&s, read_admin, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		admins_list_release(out);
	return code;
}

void
admins_list_release(struct admin_list *list)
{
	free(list->rows);
	*list = (struct admin_list){ 0 };
}
