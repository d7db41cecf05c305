#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "store/ade_devices.h"
#include "store/stmt.h"

static void
test_every_statement_prepares(void **state)
{
	struct db *db = storefix_db(state);
	struct stmt s;

	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < STMT_FAMILY_COUNT; i++) {
		assert_true(stmt_families[i]->count > 0);
		for (int j = 0; j < stmt_families[i]->count; j++) {
			assert_non_null(stmt_families[i]->texts[j]);
			stmt_start(&s, db, (enum stmt_family_index)i, j);
			assert_int_equal(s.status, OK);
			assert_int_equal(stmt_end(&s), OK);
		}
	}
	db_rollback(db);
}

/* A step of a plan that reads a whole table; subqueries are made, not read. */
static bool
is_scan(const char *step)
{
	return strncmp(step, "SCAN ", 5) == 0 &&
	    strncmp(step, "SCAN CONSTANT ROW", 17) != 0;
}

static int
scans(struct db *db, const char *sql)
{
	sqlite3_stmt *st;
	char explain[4096];
	int n = 0;

	snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql);
	assert_int_equal(
	    sqlite3_prepare_v2(db->sqlite, explain, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		if (is_scan((const char *)sqlite3_column_text(st, 3))) {
			print_message("# %s: %s\n",
			    (const char *)sqlite3_column_text(st, 3), sql);
			n++;
		}
	sqlite3_finalize(st);
	return n;
}

static void
test_only_marked_statements_scan(void **state)
{
	struct db *db = storefix_db(state);
	int n = 0;

	for (int i = 0; i < STMT_FAMILY_COUNT; i++)
		for (int j = 0; j < stmt_families[i]->count; j++) {
			const char *sql = stmt_families[i]->texts[j];

			if (strncmp(sql, STMT_SCANS, strlen(STMT_SCANS)) != 0)
				n += scans(db, sql);
		}
	assert_int_equal(n, 0);
}

static void
test_the_scan_detector_detects(void **state)
{
	assert_int_equal(
	    scans(storefix_db(state), "SELECT * FROM orders WHERE token = 'x'"),
	    1);
}

static void
test_texts_are_cut_between_characters(void **state)
{
	struct db *db = storefix_db(state);
	char out[16];
	struct stmt s;

	stmt_start(&s, db, STMT_settings, 0);
	stmt_put_cut(&s, "ab\xc3\xa9", 4);
	assert_int_equal(stmt_next(&s), ERR_NOT_FOUND);
	stmt_end(&s);
	WRITE(db,
	    storefix_sql(db,
		"INSERT INTO settings VALUES ('ab', 'v', 1,"
		" 'me')"));
	stmt_start(&s, db, STMT_settings, 0);
	stmt_put_cut(&s, "ab\xc3\xa9", 4);
	assert_int_equal(stmt_next(&s), OK);
	stmt_get_text(&s, out, sizeof(out));
	assert_string_equal(out, "v");
	assert_int_equal(stmt_end(&s), OK);
}

static void
test_a_column_too_long_is_a_failure(void **state)
{
	struct db *db = storefix_db(state);
	char out[4];
	struct stmt s;

	WRITE(db,
	    storefix_sql(db,
		"INSERT INTO settings VALUES ('a',"
		" 'longer', 1, 'me')"));
	stmt_start(&s, db, STMT_settings, 0);
	stmt_put_text(&s, "a");
	assert_int_equal(stmt_next(&s), OK);
	stmt_get_text(&s, out, sizeof(out));
	assert_string_equal(out, "");
	assert_int_equal(stmt_end(&s), ERR_DB);
}

static void
search_finds(struct db *db, const char *search, int expected)
{
	struct ade_device_list list;

	assert_int_equal(ade_devices_list(db, search, 0, 10, &list), OK);
	assert_int_equal(list.total, expected);
	assert_int_equal(list.n, expected);
	ade_devices_list_release(&list);
}

static void
test_search_takes_signs_literally(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device a = { .serial = "AB%C_1" };
	struct ade_device b = { .serial = "ABxCx1", .model = "Mac\\Pro" };

	WRITE(db, ade_devices_put(db, &a));
	WRITE(db, ade_devices_put(db, &b));
	search_finds(db, "b%c_", 1);
	search_finds(db, "C_1", 1);
	search_finds(db, "bX", 1);
	search_finds(db, "c\\p", 1);
	search_finds(db, "", 2);
	search_finds(db, NULL, 2);
	search_finds(db, "' OR 1=1 --", 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_every_statement_prepares),
	STOREFIX_TEST(test_only_marked_statements_scan),
	STOREFIX_TEST(test_the_scan_detector_detects),
	STOREFIX_TEST(test_texts_are_cut_between_characters),
	STOREFIX_TEST(test_a_column_too_long_is_a_failure),
	STOREFIX_TEST(test_search_takes_signs_literally),
};

STOREFIX_MAIN(tests)
