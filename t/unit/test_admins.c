#include "storefix.h"

#include <string.h>

#include "store/admins.h"
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

	memset(name, 'x', sizeof(name));
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
test_new_password_ends_sessions(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;
	struct admin a;

	WRITE(db, admins_create(db, "zoe", "old"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	WRITE(db, admins_set_password(db, "zoe", "new"));
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
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
	STOREFIX_TEST(test_new_password_ends_sessions),
	STOREFIX_TEST(test_disable_and_enable),
};

STOREFIX_MAIN(tests)
