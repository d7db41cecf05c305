#include "storefix.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/admins.h"
#include "store/browsers.h"

static bool
known(struct db *db, const char *token, const char *admin)
{
	bool is_known;

	assert_int_equal(browsers_is_known(db, token, admin, &is_known), OK);
	return is_known;
}

static void
test_known_to_one_administrator(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, admins_create(db, "adam", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, browsers_remember(db, "token", "zoe"));
	assert_true(known(db, "token", "zoe"));
	assert_false(known(db, "token", "adam"));
	assert_false(known(db, "token", "nobody"));
	assert_false(known(db, "other", "zoe"));
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM known_browsers"
			     " WHERE instr(token_sha256, 'token') > 0"),
	    0);
}

static void
test_expires(void **state)
{
	struct db *db = storefix_db(state);
	int deleted;

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, browsers_remember(db, "old", "zoe"));
	WRITE(db, browsers_remember(db, "used", "zoe"));
	clock_set_offset(BROWSERS_LIFE - 60);
	assert_true(known(db, "old", "zoe"));
	WRITE(db, browsers_remember(db, "used", "zoe"));
	clock_set_offset(BROWSERS_LIFE + 1);
	assert_false(known(db, "old", "zoe"));
	assert_true(known(db, "used", "zoe"));
	WRITE(db, browsers_purge(db, clock_now(), 10, &deleted));
	assert_int_equal(deleted, 1);
	assert_true(known(db, "used", "zoe"));
	clock_set_offset(0);
}

static void
test_the_newest_are_kept(void **state)
{
	struct db *db = storefix_db(state);
	char token[32];

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, admins_create(db, "adam", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, browsers_remember(db, "adam's", "adam"));
	for (int i = 0; i <= BROWSERS_PER_ADMIN; i++) {
		clock_set_offset(i + 1);
		snprintf(token, sizeof token, "%d", i);
		WRITE(db, browsers_remember(db, token, "zoe"));
	}
	assert_false(known(db, "0", "zoe"));
	assert_true(known(db, "1", "zoe"));
	assert_true(known(db, token, "zoe"));
	assert_true(known(db, "adam's", "adam"));
	WRITE(db, browsers_forget_all(db, "zoe"));
	assert_false(known(db, token, "zoe"));
	assert_true(known(db, "adam's", "adam"));
	clock_set_offset(0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_known_to_one_administrator),
	STOREFIX_TEST(test_expires),
	STOREFIX_TEST(test_the_newest_are_kept),
};

STOREFIX_MAIN(tests)
