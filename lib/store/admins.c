#include "store/admins.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "store/browsers.h"
#include "store/rowmac.h"
#include "store/sessions.h"
#include "store/sql.h"

enum { CREATE, LOAD, UPDATE, LIST };

static const char *const texts[] = {
	[CREATE] = "INSERT INTO admins {new row}",
	[LOAD] = "SELECT {columns} FROM admins WHERE name = $1",
	[UPDATE] = "UPDATE admins SET password_hash = $2, disabled_at = $3,"
		   " mac = $4, role = $5 WHERE name = $1",
	[LIST] = SQL_SCANS "SELECT {columns} FROM admins ORDER BY name",
};

#define ROW struct admin

static const struct column columns[] = {
	{ "name", TEXT(name) },
	{ "password_hash", TEXT(password_hash) },
	{ "role", WORD(role, admin_role_words) },
	{ "created_at", TIME(created_at) },
	{ "disabled_at", TIME(disabled_at) },
	/* that there is one is only the first of admins_load()'s checks */
	{ "mac", DIGEST_OR_NULL(mac, authentic) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(admins, texts, &table);

/*
 * Covers everything that decides whether an administrator may sign in, and what
 * he may do then. The role admin adds nothing: rows from before there were
 * roles stay authentic.
 */
static int
make_mac(const struct db *db, const struct admin *a, uint8_t out[SECRET_SHA256])
{
	char disabled[24];

	snprintf(disabled, sizeof disabled, "%lld", (long long)a->disabled_at);
	return rowmac_make(db, "admin",
	    (const struct blob[]){ blob_str(a->name),
		blob_str(a->password_hash), blob_str(disabled),
		blob_str(admin_role_name(a->role)) },
	    a->role == ADMIN_ROLE_ADMIN ? 3 : 4, out);
}

/* Without the key no row can be verified, and no password is accepted. */
static int
check_mac(const struct db *db, struct admin *a)
{
	uint8_t want[SECRET_SHA256];
	int r;

	a->authentic = a->authentic && rowmac_has_key(db);
	if (!a->authentic)
		return OK;
	if ((r = make_mac(db, a, want)) == OK)
		a->authentic = secret_eq(
		    blob_of(want, sizeof want), blob_of(a->mac, sizeof a->mac));
	return r;
}

/*
 * As it stands in logs and lists: one line, all of it visible. A colon is for
 * other actors of the activity log, such as "cli:root" and "token:ci".
 */
bool
admins_is_name(const char *name)
{
	struct blob in = blob_str(name);
	uint32_t c;
	size_t at, n;

	for (at = 0; at < in.n; at += n)
		if ((n = utf8_decode(in, at, &c)) == 0 ||
		    !utf8_is_visible(c) || c == ':')
			return false;
	return in.n > 0 && in.n < ADMINS_NAME_TEXT;
}

int
admins_create(
    struct db *db, const char *name, enum admin_role role, const char *hash)
{
	struct admin a = {
		.role = role, .created_at = clock_now(), .authentic = true
	};
	int r;

	if (!admins_is_name(name) || strlen(hash) >= sizeof a.password_hash)
		return ERR_FIELD;
	snprintf(a.name, sizeof a.name, "%s", name);
	snprintf(a.password_hash, sizeof a.password_hash, "%s", hash);
	if ((r = make_mac(db, &a, a.mac)) != OK)
		return r;
	return sql_insert(db, texts[CREATE], &table, &a);
}

int
admins_load(struct db *db, const char *name, struct admin *out)
{
	int r;

	r = sql_one(db, texts[LOAD], &table, WITH(datum_text(name)), out);
	return r == OK ? check_mac(db, out) : r;
}

/* A row that is not authentic stays so, unless its password was just set. */
static int
update(struct db *db, struct admin *a)
{
	int r;

	if (a->authentic && (r = make_mac(db, a, a->mac)) != OK)
		return r;
	return sql_change(db, texts[UPDATE],
	    WITH(datum_text(a->name), datum_text(a->password_hash),
		datum_time(a->disabled_at),
		datum_blob_or_null(
		    blob_of(a->mac, a->authentic ? sizeof a->mac : 0)),
		datum_text(admin_role_name(a->role))),
	    ERR_NOT_FOUND);
}

/*
 * Somebody who used the account until now gets no benefit from that any more.
 */
static int
sign_out_everywhere(struct db *db, const char *name)
{
	int r = sessions_end_all(db, name, NULL);

	return r != OK ? r : browsers_forget_all(db, name);
}

int
admins_set_password(struct db *db, const char *name,
    const enum admin_role *role, const char *hash)
{
	struct admin a;
	int r;

	if (strlen(hash) >= sizeof a.password_hash)
		return ERR_FIELD;
	if ((r = admins_load(db, name, &a)) != OK)
		return r;
	if (role == NULL && !a.authentic)
		return ERR_UNCONFIRMED;
	if (role != NULL)
		a.role = *role;
	snprintf(a.password_hash, sizeof a.password_hash, "%s", hash);
	a.authentic = true;
	r = update(db, &a);
	return r != OK ? r : sign_out_everywhere(db, name);
}

int
admins_set_role(struct db *db, const char *name, enum admin_role role)
{
	struct admin a;
	int r;

	if ((r = admins_load(db, name, &a)) != OK)
		return r;
	a.role = role;
	r = update(db, &a);
	return r != OK ? r : sign_out_everywhere(db, name);
}

static int
set_disabled(struct db *db, const char *name, int64_t at)
{
	struct admin a;
	int r;

	if ((r = admins_load(db, name, &a)) != OK)
		return r;
	a.disabled_at = at;
	return update(db, &a);
}

int
admins_disable(struct db *db, const char *name)
{
	int r = set_disabled(db, name, clock_now());

	return r != OK ? r : sign_out_everywhere(db, name);
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
	int r;

	if ((r = db_begin(db)) != OK)
		return r;
	if ((r = admins_list(db, &list)) != OK)
		return db_end(db, r);
	for (i = 0; i < list.n && r == OK; i++) {
		list.rows[i].authentic = true;
		r = update(db, &list.rows[i]);
	}
	admins_list_release(&list);
	return db_end(db, r);
}

int
admins_list(struct db *db, struct admin_list *out)
{
	int r = sql_rows(db, texts[LIST], &table, NULL, &out->rows, &out->n);

	for (size_t i = 0; r == OK && i < out->n; i++)
		r = check_mac(db, &out->rows[i]);
	if (r != OK)
		admins_list_release(out);
	return r;
}

void
admins_list_release(struct admin_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct admin_list){ 0 };
}
