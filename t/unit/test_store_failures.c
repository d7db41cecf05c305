/* The database file: whatever fails is an error, and nothing is half done. */
#include "failures.h"
#include "storefix.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/connection.h"
#include "store/dbfile.h"
#include "store/schema.h"
#include "store/store.h"

static int
open_database(void *path)
{
	struct db *db;
	int r = db_open(path, DB_DURABLE, &db);

	assert_int_equal(db != NULL, r == OK);
	db_close(db);
	return r;
}

static int
copy(void *arg)
{
	struct storefix *fix = arg;
	char path[160];
	int r;

	snprintf(path, sizeof path, "%s.copy", fix->path);
	r = db_copy(fix->db, path);
	assert_int_equal(access(path, F_OK) == 0, r == OK);
	unlink(path);
	return r;
}

static int
check(void *arg)
{
	struct storefix *fix = arg;
	bool has_log;
	int r = db_integrity_check(fix->db, 60);

	if (r == OK && (r = db_has_log(fix->db, &has_log)) == OK)
		assert_true(has_log);
	return r;
}

static int
purge(void *arg)
{
	int64_t deleted;

	return store_purge(arg, clock_now(), &deleted);
}

static void
a_database_is_opened_copied_checked_and_purged(void **state)
{
	struct storefix *fix = *state;

	assert_true(failures_each(NULL, open_database, fix->path) > 10);
	assert_true(failures_each(fix->db, copy, fix) > 4);
	assert_true(failures_each(fix->db, check, fix) > 4);
	assert_true(failures_each(fix->db, purge, fix->db) > 30);
}

static int
migrate(void *path)
{
	int number;
	int r = db_migrate(path);
	char copies[192];
	glob_t found;

	failures_disarm();
	/* of which so many are kept and no more */
	snprintf(copies, sizeof copies, "%s.schema-*", (char *)path);
	if (glob(copies, 0, NULL, &found) == 0) {
		while (found.gl_pathc > 0)
			unlink(found.gl_pathv[--found.gl_pathc]);
	}
	if (r != OK && access(path, F_OK) == 0) {
		assert_int_equal(db_file_schema_number(path, &number), OK);
		assert_true(number == 0 || number == 1);
	}
	return r;
}

static void
a_database_has_one_schema_or_the_other(void **state)
{
	struct storefix *fix = *state;
	char path[160], sql[128];
	sqlite3 *old;

	snprintf(path, sizeof path, "%s.new", fix->path);
	assert_true(failures_each(NULL, migrate, path) > 5);
	snprintf(path, sizeof path, "%s.old", fix->path);
	snprintf(sql, sizeof sql,
	    "PRAGMA application_id = %d; PRAGMA user_version = 1",
	    DBFILE_APPLICATION_ID);
	assert_int_equal(sqlite3_open(path, &old), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(old, schema_steps[0].sql, NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_exec(old, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(old), SQLITE_OK);
	assert_true(failures_each(NULL, migrate, path) > 5);
	assert_int_equal(open_database(path), OK);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(a_database_is_opened_copied_checked_and_purged),
	STOREFIX_TEST(a_database_has_one_schema_or_the_other),
};

STOREFIX_MAIN(tests)
