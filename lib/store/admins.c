#include "store/admins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/browsers.h"
#include "store/rowmac.h"
#include "store/sessions.h"
#include "store/stmt.h"

enum { CREATE, LOAD, UPDATE, LIST };

#define COLUMNS "name, password_hash, created_at, disabled_at, mac"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO admins (name, password_hash, created_at, mac)"
		   " VALUES (?1, ?2, ?3, ?4)",
	[LOAD] = "SELECT " COLUMNS " FROM admins WHERE name = ?1",
	[UPDATE] = "UPDATE admins SET password_hash = ?2, disabled_at = ?3,"
		   " mac = ?4 WHERE name = ?1",
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
	a->authentic = stmt_get_bytes(s, a->mac, sizeof(a->mac));
}

/* Covers everything that decides whether an administrator may sign in. */
static int
make_mac(
    const struct db *db, const struct admin *a, uint8_t out[SECRET_SHA256])
{
	char disabled[24];

	snprintf(disabled, sizeof(disabled), "%lld", (long long)a->disabled_at);
	return rowmac_make(db, "admin",
	    (const struct blob[]){ blob_str(a->name),
		blob_str(a->password_hash), blob_str(disabled) },
	    3, out);
}

/* Without the key no row can be verified, and no password is accepted. */
static void
check_mac(const struct db *db, struct admin *a)
{
	uint8_t want[SECRET_SHA256];

	a->authentic = a->authentic && db->has_row_key &&
	    make_mac(db, a, want) == OK &&
	    secret_eq(blob_of(want, sizeof(want)),
		blob_of(a->mac, sizeof(a->mac)));
}

int
admins_create(struct db *db, const char *name, const char *hash)
{
	struct admin a = { .authentic = true };
	struct stmt s;
	int code;

	if (*name == '\0' || strlen(name) >= sizeof(a.name) ||
	    strlen(hash) >= sizeof(a.password_hash))
		return ERR_FIELD;
	snprintf(a.name, sizeof(a.name), "%s", name);
	snprintf(a.password_hash, sizeof(a.password_hash), "%s", hash);
	if ((code = make_mac(db, &a, a.mac)) != OK)
		return code;
	stmt_start(&s, db, STMT_admins, CREATE);
	stmt_put_text(&s, name);
	stmt_put_text(&s, hash);
	stmt_put_int(&s, clock_now());
	stmt_put_digest(&s, a.mac);
	return stmt_run(&s);
}

int
admins_load(struct db *db, const char *name, struct admin *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_admins, LOAD);
	stmt_put_text(&s, name);
	code = stmt_one(&s, read_admin, out, sizeof(*out));
	if (code == OK)
		check_mac(db, out);
	return code;
}

/* A row that is not authentic stays so, unless its password was just set. */
static int
update(struct db *db, struct admin *a)
{
	struct stmt s;
	int code;

	if (a->authentic && (code = make_mac(db, a, a->mac)) != OK)
		return code;
	stmt_start(&s, db, STMT_admins, UPDATE);
	stmt_put_text(&s, a->name);
	stmt_put_text(&s, a->password_hash);
	stmt_put_time(&s, a->disabled_at);
	stmt_put_blob_or_null(
	    &s, blob_of(a->mac, a->authentic ? sizeof(a->mac) : 0));
	return stmt_change(&s, ERR_NOT_FOUND);
}

/*
 * Somebody who used the account until now gets no benefit from that any more.
 */
static int
sign_out_everywhere(struct db *db, const char *name)
{
	int code = sessions_end_all(db, name);

	return code != OK ? code : browsers_forget_all(db, name);
}

int
admins_set_password(struct db *db, const char *name, const char *hash)
{
	struct admin a;
	int code;

	if (strlen(hash) >= sizeof(a.password_hash))
		return ERR_FIELD;
	if ((code = admins_load(db, name, &a)) != OK)
		return code;
	snprintf(a.password_hash, sizeof(a.password_hash), "%s", hash);
	a.authentic = true;
	code = update(db, &a);
	return code != OK ? code : sign_out_everywhere(db, name);
}

static int
set_disabled(struct db *db, const char *name, int64_t at)
{
	struct admin a;
	int code;

	if ((code = admins_load(db, name, &a)) != OK)
		return code;
	a.disabled_at = at;
	return update(db, &a);
}

int
admins_disable(struct db *db, const char *name)
{
	int code = set_disabled(db, name, clock_now());

	return code != OK ? code : sign_out_everywhere(db, name);
}

int
admins_enable(struct db *db, const char *name)
{
	return set_disabled(db, name, 0);
}

int
admins_authenticate_all(struct db *db)
{
	struct admin_list list;
	size_t i;
	int code;

	if ((code = admins_list(db, &list)) != OK)
		return code;
	for (i = 0; i < list.n && code == OK; i++) {
		list.rows[i].authentic = true;
		code = update(db, &list.rows[i]);
	}
	admins_list_release(&list);
	return code;
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
	for (size_t i = 0; i < out->n; i++)
		check_mac(db, &out->rows[i]);
	return code;
}

void
admins_list_release(struct admin_list *list)
{
	free(list->rows);
	*list = (struct admin_list){ 0 };
}
