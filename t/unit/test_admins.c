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

	WRITE(db, admins_create(db, "zoe", "$y$hash"));
	WRITE(db, admins_create(db, "adam", "$y$other"));
	REFUSE(db, ERR_EXISTS, admins_create(db, "zoe", "x"));
	REFUSE(db, ERR_FIELD, admins_create(db, "", "x"));
	REFUSE(db, ERR_FIELD, admins_create(db, "zoe\nroot", "x"));
	REFUSE(db, ERR_FIELD, admins_create(db, "zoe\xe2\x80\xae", "x"));
	REFUSE(db, ERR_FIELD, admins_create(db, "zo\xeb", "x"));
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
	REFUSE(db, ERR_FIELD, admins_create(db, name, "hash"));
	name[ADMINS_NAME_TEXT - 1] = '\0';
	WRITE(db, admins_create(db, name, "hash"));
}

static void
test_unknown_admin(void **state)
{
	struct db *db = storefix_db(state);

	REFUSE(db, ERR_NOT_FOUND, admins_set_password(db, "x", "h"));
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

/* Rows that were not written here, and what makes them good again. */
static void
test_foreign_rows(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db, admins_create(db, "zoe", "hash"));
	assert_true(is_authentic(db, "zoe"));
	meanwhile(state, "UPDATE admins SET password_hash = 'mine'");
	assert_false(is_authentic(db, "zoe"));
	/* neither of these believes the hash that is there */
	WRITE(db, admins_disable(db, "zoe"));
	WRITE(db, admins_enable(db, "zoe"));
	assert_false(is_authentic(db, "zoe"));
	WRITE(db, admins_set_password(db, "zoe", "new"));
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

	WRITE(db, admins_create(db, "zoe", "old"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	WRITE(db, browsers_remember(db, "browser", "zoe"));
	WRITE(db, admins_set_password(db, "zoe", "new"));
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

	WRITE(db, admins_create(db, "zoe", "old"));
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
	STOREFIX_TEST(test_authenticate_all),
	STOREFIX_TEST(test_new_password_ends_sessions),
	STOREFIX_TEST(test_disable_and_enable),
};

STOREFIX_MAIN(tests)
