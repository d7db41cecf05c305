#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/activities.h"

#undef fail

#define ACTIVITY(...) (&(struct activity_note){ __VA_ARGS__ })
#define FILTER(...)   (&(struct activity_filter){ __VA_ARGS__ })

static void
add(struct db *db, const char *actor, const char *action, const char *serial)
{
	WRITE(db,
	    activities_add(db,
		ACTIVITY(
			.actor = actor, .action = action, .serial = serial)));
}

/* The actions of a list, newest first, with blanks between. */
static const char *
listed(struct db *db, const struct activity_filter *filter)
{
	static char out[1000];
	struct activity_list list;

	assert_int_equal(activities_list(db, filter, &list), OK);
	out[0] = '\0';
	for (size_t i = 0; i < list.n; i++) {
		if (i > 0)
			strcat(out, " ");
		strcat(out, list.rows[i].action);
	}
	activities_list_release(&list);
	return out;
}

static void
test_an_entry_holds_what_was_noted(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;
	struct activity *a;

	log_request("4711", "192.0.2.1");
	WRITE(db,
	    activities_add(db,
		ACTIVITY(.actor = "zoe", .action = "host.block",
		    .serial = "C02X", .before = "enrolled", .after = "blocked",
		    .detail = "stolen")));
	log_request(NULL, NULL);
	assert_int_equal(activities_list(db, FILTER(0), &list), OK);
	assert_int_equal(list.n, 1);
	a = &list.rows[0];
	assert_int_equal(a->id, 1);
	assert_int_equal(a->at, clock_now());
	assert_string_equal(a->actor, "zoe");
	assert_string_equal(a->remote, "192.0.2.1");
	assert_string_equal(a->request, "4711");
	assert_string_equal(a->action, "host.block");
	assert_string_equal(a->serial, "C02X");
	assert_string_equal(a->before, "enrolled");
	assert_string_equal(a->after, "blocked");
	assert_string_equal(a->detail, "stolen");
	assert_true(a->chained);
	activities_list_release(&list);
	/* whoever is not named is this program, and nothing else is known */
	WRITE(db, activities_add(db, ACTIVITY(.action = "x")));
	assert_int_equal(activities_list(db, FILTER(.limit = 1), &list), OK);
	assert_string_equal(list.rows[0].actor, "program:test");
	assert_string_equal(list.rows[0].remote, "");
	assert_string_equal(list.rows[0].request, "");
	assert_string_equal(list.rows[0].serial, "");
	activities_list_release(&list);
}

static void
test_newest_first_with_paging(void **state)
{
	struct db *db = storefix_db(state);

	add(db, "zoe", "login", NULL);
	add(db, "zoe", "setting.set", NULL);
	add(db, "zoe", "logout", NULL);
	assert_string_equal(listed(db, FILTER(.limit = 2)),
	    "logout setting.set");
	assert_string_equal(
	    listed(db, FILTER(.limit = 2, .before_id = 2)), "login");
}

static void
fill(struct db *db)
{
	add(db, "zoe", "host.block", "C02A");
	add(db, "ann", "host.unblock", "C02A");
	add(db, "zoe", "hosting", "C02B");
	add(db, "zoe", "host", NULL);
	add(db, "ann", "host.block", "C02B");
	add(db, "zoe", "login", NULL);
}

static void
test_filters(void **state)
{
	struct db *db = storefix_db(state);

	fill(db);
	assert_string_equal(listed(db, FILTER(.actor = "ann")),
	    "host.block host.unblock");
	assert_string_equal(listed(db, FILTER(.actor = "nobody")), "");
	assert_string_equal(listed(db, FILTER(.action = "host")),
	    "host.block host host.unblock host.block");
	assert_string_equal(listed(db, FILTER(.action = "host.block")),
	    "host.block host.block");
	assert_string_equal(listed(db, FILTER(.action = "hos")), "");
	assert_string_equal(
	    listed(db, FILTER(.actor = "zoe", .action = "host")),
	    "host host.block");
	assert_string_equal(
	    listed(db, FILTER(.serial = "C02B")), "host.block hosting");
	assert_string_equal(
	    listed(db, FILTER(.serial = "C02B", .action = "host")),
	    "host.block");
	assert_string_equal(
	    listed(db, FILTER(.serial = "C02B", .actor = "zoe")), "hosting");
	assert_string_equal(listed(db, FILTER(.actor = "", .action = "",
					  .serial = "", .limit = 1)),
	    "login");
}

/* Pages of a merged list have no gap and nothing twice. */
static void
test_pages_of_a_merged_list(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;
	int64_t before = 0, last = 1000;
	size_t n = 0;

	for (int i = 0; i < 10; i++)
		fill(db);
	for (;;) {
		assert_int_equal(activities_list(db,
				     FILTER(.actor = "zoe", .before_id = before,
					 .limit = 7),
				     &list),
		    OK);
		for (size_t i = 0; i < list.n; i++, n++) {
			assert_true(list.rows[i].id < last);
			last = list.rows[i].id;
			assert_string_equal(list.rows[i].actor, "zoe");
		}
		before = last;
		if (list.n == 0)
			break;
		activities_list_release(&list);
	}
	assert_int_equal(n, 40);
}

static void
test_between_two_times(void **state)
{
	struct db *db = storefix_db(state);

	for (int i = 1; i <= 5; i++)
		add(db, "zoe", i == 3 ? "three" : "other", NULL);
	storefix_change(db, "UPDATE activities SET at = 100 * id");
	assert_string_equal(
	    listed(db, FILTER(.from = 300, .to = 400)), "three");
	assert_string_equal(
	    listed(db, FILTER(.from = 201, .to = 301, .actor = "zoe")),
	    "three");
	assert_string_equal(listed(db, FILTER(.to = 100)), "");
	assert_string_equal(listed(db, FILTER(.from = 501)), "");
	assert_string_equal(listed(db, FILTER(.to = 201)), "other other");
	assert_string_equal(listed(db, FILTER(.from = 400)), "other other");
	assert_string_equal(
	    listed(db, FILTER(.to = 400, .before_id = 3)), "other other");
}

static void
test_actions_are_found(void **state)
{
	static char actions[ACTIVITIES_ACTIONS_MAX][DB_NAME_TEXT];
	struct db *db = storefix_db(state);
	char name[16];
	size_t n;

	assert_int_equal(activities_actions(db, actions, &n), OK);
	assert_int_equal(n, 0);
	fill(db);
	assert_int_equal(activities_actions(db, actions, &n), OK);
	assert_int_equal(n, 5);
	assert_string_equal(actions[0], "host");
	assert_string_equal(actions[4], "login");
	/* and no more than there is room for */
	for (int i = 0; i < 210; i++) {
		snprintf(name, sizeof name, "x%d", i);
		add(db, "zoe", name, NULL);
	}
	assert_int_equal(activities_actions(db, actions, &n), OK);
	assert_int_equal(n, ACTIVITIES_ACTIONS_MAX);
}

static void
test_long_texts_are_cut(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;
	char text[5001];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	WRITE(db,
	    activities_add(db,
		ACTIVITY(.actor = text, .action = text, .serial = text,
		    .before = text, .after = text, .detail = text)));
	assert_int_equal(activities_list(db, FILTER(0), &list), OK);
	assert_int_equal(strlen(list.rows[0].detail), 2000);
	assert_int_equal(strlen(list.rows[0].before), 2000);
	assert_int_equal(strlen(list.rows[0].actor), DB_ACTOR_TEXT - 1);
	assert_int_equal(strlen(list.rows[0].serial), DB_SERIAL_TEXT - 1);
	activities_list_release(&list);
}

static void
test_a_damaged_row_hides_no_other(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;

	fill(db);
	storefix_change(db, "UPDATE activities SET hash = NULL,"
			    " actor = hex(zeroblob(100)) WHERE id = 2");
	assert_int_equal(activities_list(db, FILTER(0), &list), OK);
	assert_int_equal(list.n, 5);
	assert_int_equal(list.damaged, 1);
	activities_list_release(&list);
}

static void
test_purge_keeps_two_years(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	for (int i = 0; i < 5; i++)
		add(db, "a", "b", NULL);
	WRITE(db, activities_purge(db, now + 86400 * 729, 730, 10, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, activities_purge(db, now + 86400 * 731, 730, 2, &deleted));
	assert_int_equal(deleted, 2);
	/* the newest stays, so that no id is given twice */
	WRITE(db, activities_purge(db, now + 86400 * 731, 730, 10, &deleted));
	assert_int_equal(deleted, 2);
	WRITE(db, activities_purge(db, now + 86400 * 731, 730, 10, &deleted));
	assert_int_equal(deleted, 0);
	add(db, "a", "c", NULL);
	assert_int_equal(storefix_sql(db, "SELECT max(id) FROM activities"), 6);
}

/* An old entry behind a newer one waits; one from the future holds nothing up. */
static void
test_purge_goes_by_the_order_of_the_chain(void **state)
{
	struct db *db = storefix_db(state);
	int deleted;

	for (int i = 0; i < 5; i++)
		add(db, "a", "b", NULL);
	storefix_change(db, "UPDATE activities SET at = 1 WHERE id = 3");
	WRITE(db, activities_purge(db, clock_now(), 730, 10, &deleted));
	assert_int_equal(deleted, 0);
	storefix_change(db, "UPDATE activities SET at = 1 WHERE id = 1");
	storefix_change(
	    db, "UPDATE activities SET at = 99999999999 WHERE id = 2");
	WRITE(db, activities_purge(db, clock_now(), 730, 10, &deleted));
	assert_int_equal(deleted, 3);
}

/* As that of a host whose clock begins in 1970 until it hears of the time. */
static void
test_a_clock_that_is_behind_removes_nothing(void **state)
{
	struct db *db = storefix_db(state);
	int deleted;

	for (int i = 0; i < 5; i++)
		add(db, "a", "b", NULL);
	WRITE(db, activities_purge(db, 1000, 730, 10, &deleted));
	assert_int_equal(deleted, 0);
	storefix_change(db, "UPDATE activities SET at = 1 WHERE id = 5");
	WRITE(db, activities_purge(db, 1000, 730, 10, &deleted));
	assert_int_equal(deleted, 0);
}

static void
test_refused_sign_ins_push_out_only_their_own(void **state)
{
	struct db *db = storefix_db(state);
	int deleted;

	add(db, "a", "login", NULL);
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < 2010; i++)
		assert_int_equal(activities_add_refusal(db,
				     ACTIVITY(.actor = "x",
					 .action = "login.refused")),
		    OK);
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM activities"), 2001);
	assert_int_equal(storefix_sql(db, "SELECT min(id) FROM activities"), 1);
	WRITE(db,
	    activities_purge(
		db, clock_now() + INT64_C(86400) * 731, 730, 5000, &deleted));
	assert_int_equal(deleted, 1999);
	assert_int_equal(
	    storefix_sql(db, "SELECT max(id) FROM activities"), 2011);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_an_entry_holds_what_was_noted),
	STOREFIX_TEST(test_newest_first_with_paging),
	STOREFIX_TEST(test_filters),
	STOREFIX_TEST(test_pages_of_a_merged_list),
	STOREFIX_TEST(test_between_two_times),
	STOREFIX_TEST(test_actions_are_found),
	STOREFIX_TEST(test_long_texts_are_cut),
	STOREFIX_TEST(test_a_damaged_row_hides_no_other),
	STOREFIX_TEST(test_purge_keeps_two_years),
	STOREFIX_TEST(test_purge_goes_by_the_order_of_the_chain),
	STOREFIX_TEST(test_a_clock_that_is_behind_removes_nothing),
	STOREFIX_TEST(test_refused_sign_ins_push_out_only_their_own),
};

STOREFIX_MAIN(tests)
