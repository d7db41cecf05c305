#include "storefix.h"

#include <string.h>

#include "store/admins.h"
#include "store/browsers.h"
#include "store/sessions.h"

static void
test_create_load_list(void **state)
{
	struct db *db = storefix_db(state);
	struct admin_list list;
	struct admin a;

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "$y$hash"));
	WRITE(db, admins_create(db, "adam", ADMIN_ROLE_ADMIN, "$y$other"));
	REFUSE(db, ERR_EXISTS, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "x"));
	REFUSE(db, ERR_FIELD, admins_create(db, "", ADMIN_ROLE_ADMIN, "x"));
	REFUSE(db, ERR_FIELD,
	    admins_create(db, "cli:root", ADMIN_ROLE_ADMIN, "x"));
	REFUSE(db, ERR_FIELD,
	    admins_create(db, "zoe\nroot", ADMIN_ROLE_ADMIN, "x"));
	REFUSE(db, ERR_FIELD,
	    admins_create(db, "zoe\xe2\x80\xae", ADMIN_ROLE_ADMIN, "x"));
	REFUSE(
	    db, ERR_FIELD, admins_create(db, "zo\xeb", ADMIN_ROLE_ADMIN, "x"));
	assert_int_equal(admins_load(db, "zoe", &a), OK);
	assert_string_equal(a.password_hash, "$y$hash");
	assert_int_equal(a.disabled_at, 0);
	assert_int_equal(admins_load(db, "Zoe", &a), ERR_NOT_FOUND);
	assert_int_equal(admins_list(db, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].name, "adam");
	admins_list_release(&list);
}

static void
test_too_long_is_refused(void **state)
{
	struct db *db = storefix_db(state);
	char name[ADMINS_NAME_TEXT + 1];

	memset(name, 'x', sizeof name);
	name[ADMINS_NAME_TEXT] = '\0';
	REFUSE(
	    db, ERR_FIELD, admins_create(db, name, ADMIN_ROLE_ADMIN, "hash"));
	name[ADMINS_NAME_TEXT - 1] = '\0';
	WRITE(db, admins_create(db, name, ADMIN_ROLE_ADMIN, "hash"));
}

static void
test_unknown_admin(void **state)
{
	struct db *db = storefix_db(state);

	REFUSE(db, ERR_NOT_FOUND, admins_set_password(db, "x", NULL, "h"));
	REFUSE(db, ERR_NOT_FOUND, admins_disable(db, "x"));
	REFUSE(db, ERR_NOT_FOUND, admins_enable(db, "x"));
}

static void
meanwhile(void **state, const char *sql)
{
	struct db *db = storefix_db(state);

	storefix_meanwhile(state, sql);
	WRITE(db, OK);
	storefix_meanwhile_end(state);
}

static bool
is_authentic(struct db *db, const char *name)
{
	struct admin a;

	assert_int_equal(admins_load(db, name, &a), OK);
	return a.authentic;
}

static enum admin_role
role_of(struct db *db, const char *name)
{
	struct admin a;

	assert_int_equal(admins_load(db, name, &a), OK);
	return a.role;
}

/* Rows that were not written here, and what makes them good again. */
static void
test_foreign_rows(void **state)
{
	const enum admin_role observer = ADMIN_ROLE_OBSERVER;
	struct db *db = storefix_db(state);

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	assert_true(is_authentic(db, "zoe"));
	meanwhile(state, "UPDATE admins SET password_hash = 'mine'");
	assert_false(is_authentic(db, "zoe"));
	/* neither of these believes the hash that is there */
	WRITE(db, admins_disable(db, "zoe"));
	WRITE(db, admins_enable(db, "zoe"));
	assert_false(is_authentic(db, "zoe"));
	/* nor does this believe the role */
	REFUSE(
	    db, ERR_UNCONFIRMED, admins_set_password(db, "zoe", NULL, "new"));
	WRITE(db, admins_set_password(db, "zoe", &observer, "new"));
	assert_int_equal(role_of(db, "zoe"), ADMIN_ROLE_OBSERVER);
	assert_true(is_authentic(db, "zoe"));

	WRITE(db, admins_disable(db, "zoe"));
	assert_true(is_authentic(db, "zoe"));
	meanwhile(state, "UPDATE admins SET disabled_at = NULL");
	assert_false(is_authentic(db, "zoe"));
	meanwhile(state,
	    "INSERT INTO admins (name, password_hash, created_at, mac)"
	    " SELECT 'eve', password_hash, 1, mac FROM admins");
	assert_false(is_authentic(db, "eve"));
}

static void
test_roles(void **state)
{
	const enum admin_role maintainer = ADMIN_ROLE_MAINTAINER;
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;
	enum admin_role found;

	assert_int_equal(admin_role_find("gitops", &found), OK);
	assert_int_equal(found, ADMIN_ROLE_GITOPS);
	assert_int_equal(admin_role_find("Admin", &found), ERR_FIELD);
	assert_int_equal(found, ADMIN_ROLE_OBSERVER);

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_OBSERVER, "hash"));
	assert_int_equal(role_of(db, "zoe"), ADMIN_ROLE_OBSERVER);
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	assert_int_equal(s.role, ADMIN_ROLE_OBSERVER);
	assert_int_equal(sessions_load(db, token, 60, &s), OK);
	assert_int_equal(s.role, ADMIN_ROLE_OBSERVER);

	/* who gets another one signs in again */
	WRITE(db, admins_set_role(db, "zoe", ADMIN_ROLE_GITOPS));
	assert_int_equal(role_of(db, "zoe"), ADMIN_ROLE_GITOPS);
	assert_true(is_authentic(db, "zoe"));
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
	WRITE(db, admins_set_password(db, "zoe", NULL, "new"));
	assert_int_equal(role_of(db, "zoe"), ADMIN_ROLE_GITOPS);
	WRITE(db, admins_set_password(db, "zoe", &maintainer, "new"));
	assert_int_equal(role_of(db, "zoe"), ADMIN_ROLE_MAINTAINER);
	REFUSE(
	    db, ERR_NOT_FOUND, admins_set_role(db, "nobody", ADMIN_ROLE_ADMIN));
}

/* A role that somebody else wrote. */
static void
test_foreign_role(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_OBSERVER, "hash"));
	WRITE(db, admins_create(db, "ann", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	meanwhile(state, "UPDATE admins SET role = 'admin'");
	assert_false(is_authentic(db, "zoe"));
	assert_true(is_authentic(db, "ann"));
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
	WRITE(db, admins_set_role(db, "zoe", ADMIN_ROLE_ADMIN));
	assert_false(is_authentic(db, "zoe"));
	meanwhile(state, "UPDATE admins SET role = 'observer'");
	assert_false(is_authentic(db, "ann"));
}

/* Once, when the key is made. */
static void
test_authenticate_all(void **state)
{
	struct db *db = storefix_db(state);
	struct admin_list list;

	meanwhile(state,
	    "INSERT INTO admins (name, password_hash, created_at, disabled_at)"
	    " VALUES ('a', 'x', 1, NULL), ('b', 'y', 1, 5)");
	assert_int_equal(admins_list(db, &list), OK);
	assert_false(list.rows[0].authentic || list.rows[1].authentic);
	admins_list_release(&list);
	assert_int_equal(admins_authenticate_all(db), OK);
	assert_int_equal(admins_list(db, &list), OK);
	assert_true(list.rows[0].authentic && list.rows[1].authentic);
	assert_int_equal(list.rows[1].disabled_at, 5);
	admins_list_release(&list);
}

static void
test_new_password_ends_sessions(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;
	struct admin a;
	bool known;

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "old"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	WRITE(db, browsers_remember(db, "browser", "zoe"));
	WRITE(db, admins_set_password(db, "zoe", NULL, "new"));
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
	assert_int_equal(browsers_is_known(db, "browser", "zoe", &known), OK);
	assert_false(known);
	assert_int_equal(admins_load(db, "zoe", &a), OK);
	assert_string_equal(a.password_hash, "new");
}

static void
test_disable_and_enable(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;
	struct admin a;

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "old"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	WRITE(db, admins_disable(db, "zoe"));
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
	assert_int_equal(admins_load(db, "zoe", &a), OK);
	assert_int_not_equal(a.disabled_at, 0);
	WRITE(db, admins_enable(db, "zoe"));
	assert_int_equal(admins_load(db, "zoe", &a), OK);
	assert_int_equal(a.disabled_at, 0);
	/* the old session does not come back */
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_load_list),
	STOREFIX_TEST(test_too_long_is_refused),
	STOREFIX_TEST(test_unknown_admin),
	STOREFIX_TEST(test_foreign_rows),
	STOREFIX_TEST(test_roles),
	STOREFIX_TEST(test_foreign_role),
	STOREFIX_TEST(test_authenticate_all),
	STOREFIX_TEST(test_new_password_ends_sessions),
	STOREFIX_TEST(test_disable_and_enable),
};

STOREFIX_MAIN(tests)
