#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/activities.h"

static void
test_newest_first_with_paging(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;
	int64_t before;

	WRITE(db, activities_add(db, "zoe", "login", NULL));
	WRITE(db, activities_add(db, "zoe", "setting.set", "x: 1"));
	WRITE(db, activities_add(db, "zoe", "logout", ""));
	assert_int_equal(activities_list(db, 0, 2, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].action, "logout");
	assert_string_equal(list.rows[1].detail, "x: 1");
	before = list.rows[1].id;
	activities_list_release(&list);
	assert_int_equal(activities_list(db, before, 2, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].detail, "");
	activities_list_release(&list);
}

static void
test_long_texts_are_cut(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;
	char text[5001];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	WRITE(db, activities_add(db, text, text, text));
	assert_int_equal(activities_list(db, 0, 2, &list), OK);
	assert_int_equal(strlen(list.rows[0].detail), 2000);
	assert_int_equal(strlen(list.rows[0].actor), DB_ACTOR_TEXT - 1);
	activities_list_release(&list);
}

static void
test_purge_keeps_two_years(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	WRITE(db, activities_add(db, "a", "b", "c"));
	WRITE(db, activities_purge(db, now + 86400 * 729, 10, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, activities_purge(db, now + 86400 * 731, 10, &deleted));
	assert_int_equal(deleted, 1);
}

static void
test_refused_sign_ins_push_out_only_their_own(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db, activities_add(db, "a", "login", ""));
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < 2010; i++)
		assert_int_equal(
		    activities_add_refusal(db, "x", "login.refused", ""), OK);
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM activities"), 2001);
	assert_int_equal(storefix_sql(db, "SELECT min(id) FROM activities"), 1);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_newest_first_with_paging),
	STOREFIX_TEST(test_long_texts_are_cut),
	STOREFIX_TEST(test_purge_keeps_two_years),
	STOREFIX_TEST(test_refused_sign_ins_push_out_only_their_own),
};

STOREFIX_MAIN(tests)
