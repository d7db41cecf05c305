#include "storefix.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/activity_chain.h"

#define ENTRIES 20

static void
fill(struct db *db, int n)
{
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    activities_add(db,
			&(struct activity_note){ .actor = "zoe",
			    .action = "host.block",
			    .serial = "C02X",
			    .before = "enrolled",
			    .after = "blocked",
			    .detail = "x" }),
		    OK);
	assert_int_equal(db_commit(db), OK);
}

static struct activity_verdict
verify(struct db *db)
{
	struct activity_verdict v;

	assert_int_equal(activity_chain_verify(db, NULL, &v), OK);
	return v;
}

/* Is the chain broken at that entry? The database is as before then. */
static void
breaks(struct db *db, const char *sql, int64_t at)
{
	struct activity_verdict v;

	storefix_change(db, "CREATE TABLE kept AS SELECT * FROM activities");
	storefix_change(db, sql);
	v = verify(db);
	if (!v.broken || v.broken_id != at)
		print_message("# %s: broken %d at %lld\n", sql, v.broken,
		    (long long)v.broken_id);
	assert_true(v.broken);
	assert_int_equal(v.broken_id, at);
	storefix_change(db, "DELETE FROM activities");
	storefix_change(db, "INSERT INTO activities SELECT * FROM kept");
	storefix_sql(db, "DROP TABLE kept");
	assert_false(verify(db).broken);
}

static void
test_a_chain_that_is_whole(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_verdict v = verify(db);

	assert_false(v.broken);
	assert_int_equal(v.count, 0);
	assert_int_equal(v.last_id, 0);
	fill(db, 1203);
	v = verify(db);
	assert_false(v.broken);
	assert_int_equal(v.count, 1203);
	assert_int_equal(v.first_id, 1);
	assert_int_equal(v.last_id, 1203);
	assert_int_equal(v.removed_id, 0);
}

static void
test_every_change_is_noticed(void **state)
{
	static const char *const fields[] = { "actor", "remote", "request",
		"action", "serial", "old_value", "new_value", "detail" };
	struct db *db = storefix_db(state);
	char sql[200];

	fill(db, ENTRIES);
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		snprintf(sql, sizeof sql,
		    "UPDATE activities SET %s = 'y' WHERE id = 7", fields[i]);
		breaks(db, sql, 7);
	}
	breaks(db, "UPDATE activities SET at = at + 1 WHERE id = 7", 7);
	breaks(db, "UPDATE activities SET id = 700 WHERE id = 7", 8);
	breaks(db, "UPDATE activities SET id = 700 WHERE id = 20", 700);
	breaks(db, "UPDATE activities SET serial = NULL WHERE id = 1", 1);
	breaks(db,
	    "UPDATE activities SET hash = zeroblob(32) WHERE id = 20", 20);
	/* what one field loses, the next one gets */
	breaks(db,
	    "UPDATE activities SET old_value = 'enrolledb',"
	    " new_value = 'locked' WHERE id = 7",
	    7);
	/* the same for C, but not for a filter */
	breaks(db,
	    "UPDATE activities SET actor = actor || char(0) || 'x' WHERE id = 7",
	    8);
	breaks(db,
	    "UPDATE activities SET detail = detail || char(0) WHERE id = 7", 8);
	/* longer than any: cannot even be read */
	breaks(db,
	    "UPDATE activities SET actor = hex(zeroblob(100)) WHERE id = 7",
	    8);
}

static void
test_what_is_missing_is_noticed(void **state)
{
	struct db *db = storefix_db(state);

	fill(db, ENTRIES);
	breaks(db, "DELETE FROM activities WHERE id = 7", 8);
	breaks(db, "DELETE FROM activities WHERE id < 7", 7);
	/* it is there, but not in the chain */
	breaks(db, "UPDATE activities SET hash = NULL WHERE id = 7", 7);
	breaks(db, "UPDATE activities SET hash = NULL WHERE id = 20", 20);
	breaks(db,
	    "UPDATE activities SET hash = NULL, action = 'x.refused'"
	    " WHERE id = 7",
	    8);
	breaks(db,
	    "INSERT INTO activities (id, at, actor, action, detail)"
	    " VALUES (21, 1, 'a', 'b', 'c')",
	    21);
}

static void
test_what_changed_places_is_noticed(void **state)
{
	struct db *db = storefix_db(state);

	fill(db, ENTRIES);
	storefix_change(db, "UPDATE activities SET id = 100 WHERE id = 7");
	storefix_change(db, "UPDATE activities SET id = 7 WHERE id = 8");
	storefix_change(db, "UPDATE activities SET id = 8 WHERE id = 100");
	assert_int_equal(verify(db).broken_id, 7);
}

/* Nothing that can be read follows. */
static void
test_damage_to_the_end(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_verdict v;

	fill(db, ENTRIES);
	storefix_change(db,
	    "UPDATE activities SET actor = hex(zeroblob(100)) WHERE id > 15");
	v = verify(db);
	assert_true(v.broken);
	assert_int_equal(v.broken_id, 0);
	assert_int_equal(v.last_id, 15);
}

/* Only a head that was kept elsewhere shows that the end is missing. */
static void
test_a_head_from_before(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_verdict before, v;

	fill(db, ENTRIES);
	before = verify(db);
	fill(db, 5);
	assert_int_equal(activity_chain_verify(db, before.head, &v), OK);
	assert_true(v.head_found);
	assert_int_equal(v.head_id, ENTRIES);
	assert_int_equal(v.last_id, ENTRIES + 5);

	storefix_change(db, "DELETE FROM activities WHERE id >= 20");
	assert_int_equal(activity_chain_verify(db, before.head, &v), OK);
	assert_false(v.broken);
	assert_false(v.head_found);
	/* also when others take their place */
	fill(db, 5);
	storefix_change(db, "UPDATE activities SET at = at");
	assert_int_equal(activity_chain_verify(db, before.head, &v), OK);
	assert_false(v.broken);
	assert_int_equal(v.last_id, 24);
}

static void
test_the_head_differs_when_the_past_does(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_verdict before, v;

	fill(db, 3);
	before = verify(db);
	storefix_change(db, "DELETE FROM activities");
	/* a chain computed anew, with another first entry */
	WRITE(db, storefix_activity(db, "mallory"));
	fill(db, 2);
	assert_int_equal(activity_chain_verify(db, before.head, &v), OK);
	assert_false(v.broken);
	assert_false(v.head_found);
	assert_int_equal(v.count, 3);
}

static void
test_refusals_stay_outside(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_note refused = { .actor = "x",
		.action = "login.refused" };
	struct activity_verdict v;

	fill(db, 2);
	WRITE(db, activities_add_refusal(db, &refused));
	fill(db, 2);
	storefix_change(db, "DELETE FROM activities WHERE id = 3");
	v = verify(db);
	assert_false(v.broken);
	assert_int_equal(v.count, 4);
	assert_int_equal(v.last_id, 5);
}

static void
test_what_was_purged_is_the_new_beginning(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_verdict whole, v;
	int deleted;

	fill(db, ENTRIES);
	whole = verify(db);
	storefix_sql(db, "UPDATE activities SET at = 1 WHERE id <= 10");
	WRITE(db, activities_purge(db, clock_now(), 730, 4, &deleted));
	assert_int_equal(deleted, 4);
	/* the fifth was changed for this test */
	v = verify(db);
	assert_int_equal(v.removed_id, 4);
	assert_int_equal(v.broken_id, 5);
	WRITE(db, activities_purge(db, clock_now(), 730, 100, &deleted));
	assert_int_equal(deleted, 6);
	assert_int_equal(activity_chain_verify(db, whole.head, &v), OK);
	assert_false(v.broken);
	assert_int_equal(v.removed_id, 10);
	assert_int_equal(v.first_id, 11);
	assert_int_equal(v.count, 10);
	assert_true(v.head_found);
	fill(db, 1);
	assert_false(verify(db).broken);
	/* nobody may remove more than that */
	breaks(db, "DELETE FROM activities WHERE id = 11", 12);
}

static void
test_entries_of_before_are_adopted_once(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_verdict v;
	int taken;

	assert_int_equal(activity_chain_adopt(db, &taken), OK);
	assert_int_equal(taken, 0);
	storefix_change(db,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 1100) INSERT INTO activities (id, at, actor, action,"
	    " detail) SELECT 3 * i, i, 'old', CASE WHEN i = 5 THEN"
	    " 'login.refused' ELSE 'login' END, 'x' FROM n");
	assert_int_equal(activity_chain_adopt(db, &taken), OK);
	assert_int_equal(taken, 1099);
	fill(db, 1);
	assert_int_equal(activity_chain_adopt(db, &taken), OK);
	assert_int_equal(taken, 0);
	v = verify(db);
	assert_false(v.broken);
	assert_int_equal(v.count, 1100);
	assert_int_equal(v.last_id, 3301);
	breaks(db, "UPDATE activities SET detail = 'y' WHERE id = 6", 6);
}

static int
write_often(struct db *db, int number, void *arg)
{
	char actor[32];

	snprintf(actor, sizeof actor, "writer %d", number);
	for (int i = 0; i < 50; i++) {
		if (db_begin(db) != OK || storefix_activity(db, actor) != OK)
			return 2;
		/* some change their mind */
		if (i % 5 == 4)
			db_rollback(db);
		else if (db_commit(db) != OK)
			return 2;
	}
	return 0;
}

static void
test_writers_side_by_side(void **state)
{
	struct activity_verdict v;

	assert_int_equal(storefix_race(state, 6, write_often, NULL), 6);
	v = verify(storefix_db(state));
	assert_false(v.broken);
	assert_int_equal(v.count, 240);
	assert_int_equal(v.last_id, 240);
}

/* Killed between an entry and its commit, by SIGKILL. */
static void
write_and_die(const char *path, int commits)
{
	struct db *db;

	if (db_open(path, DB_RELAXED, &db) != OK)
		_exit(2);
	for (int i = 0; i < commits; i++)
		if (db_begin(db) != OK ||
		    storefix_activity(db, "dying") != OK ||
		    db_commit(db) != OK)
			_exit(2);
	if (db_begin(db) == OK && storefix_activity(db, "dying") == OK)
		kill(getpid(), SIGKILL);
	_exit(2);
}

static int
be_killed(struct db *db, int number, void *path)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		write_and_die(path, number + 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : 2;
}

static void
test_writers_that_are_killed(void **state)
{
	struct storefix *fix = *state;
	struct activity_verdict v;

	assert_int_equal(storefix_race(state, 4, be_killed, fix->path), 4);
	fill(storefix_db(state), 1);
	v = verify(storefix_db(state));
	assert_false(v.broken);
	assert_int_equal(v.count, 1 + 2 + 3 + 4 + 1);
}

static struct activity_verdict
verify_end(struct db *db)
{
	struct activity_verdict v;

	assert_int_equal(activity_chain_verify_end(db, &v), OK);
	return v;
}

/* The newest entries alone, as attestmdm check looks at them. */
static void
test_the_end_of_the_chain(void **state)
{
	static const char *const changes[] = {
		"UPDATE activities SET actor = 'y' WHERE id = 1000",
		"UPDATE activities SET actor = 'y' WHERE id = 1200",
		"UPDATE activities SET hash = NULL WHERE id = 1100",
		"UPDATE activities SET hash = NULL WHERE id = 1200",
		"DELETE FROM activities WHERE id = 1199",
		"UPDATE activities SET actor = hex(zeroblob(100))"
		" WHERE id = 1200" };
	struct db *db = storefix_db(state);
	struct activity_verdict v = verify_end(db);

	assert_int_equal(v.broken + v.count, 0);
	fill(db, 1);
	v = verify_end(db);
	assert_int_equal(v.broken, false);
	assert_int_equal(v.count, 1);
	fill(db, 1199);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(activities_add_refusal(db,
			     &(struct activity_note){ .actor = "x",
				 .action = "login.refused" }),
	    OK);
	assert_int_equal(db_commit(db), OK);
	v = verify_end(db);
	assert_false(v.broken);
	assert_int_equal(v.count, ACTIVITY_CHAIN_END - 1);
	assert_int_equal(v.last_id, 1200);
	storefix_sql(db, "CREATE TABLE kept AS SELECT * FROM activities");
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		storefix_change(db, changes[i]);
		assert_true(verify_end(db).broken);
		storefix_change(db, "DELETE FROM activities");
		storefix_change(
		    db, "INSERT INTO activities SELECT * FROM kept");
	}
	/* what is older is for activity verify */
	storefix_change(db, "UPDATE activities SET actor = 'y' WHERE id = 7");
	assert_false(verify_end(db).broken);
	storefix_sql(db, "DROP TABLE kept");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_a_chain_that_is_whole),
	STOREFIX_TEST(test_every_change_is_noticed),
	STOREFIX_TEST(test_what_is_missing_is_noticed),
	STOREFIX_TEST(test_what_changed_places_is_noticed),
	STOREFIX_TEST(test_damage_to_the_end),
	STOREFIX_TEST(test_a_head_from_before),
	STOREFIX_TEST(test_the_head_differs_when_the_past_does),
	STOREFIX_TEST(test_refusals_stay_outside),
	STOREFIX_TEST(test_what_was_purged_is_the_new_beginning),
	STOREFIX_TEST(test_entries_of_before_are_adopted_once),
	STOREFIX_TEST(test_the_end_of_the_chain),
	STOREFIX_TEST(test_writers_side_by_side),
	STOREFIX_TEST(test_writers_that_are_killed),
};

STOREFIX_MAIN(tests)
