#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/ade_devices.h"
#include "store/connection.h"
#include "store/sql.h"

/* The text as it is prepared, with ?1 for $1 as SQLite numbers them. */
static void
expand(const struct sql_family *family, int i, struct buf *out)
{
	buf_init(out, 16384);
	assert_int_equal(
	    columns_expand(family->texts[i], family->table, out), OK);
	for (char *p = (char *)out->p; (p = strchr(p, '$')) != NULL;)
		*p = '?';
}

/*
 * A step of a plan that reads a whole table; subqueries are made, not read. What
 * FTS5 is told to look for, or which row, stands after a colon.
 */
static bool
is_scan(const char *step)
{
	const char *fts = strstr(step, " VIRTUAL TABLE INDEX ");

	if (fts != NULL)
		return step[strlen(step) - 1] == ':';
	return strncmp(step, "SCAN ", 5) == 0 &&
	    strncmp(step, "SCAN CONSTANT ROW", 17) != 0;
}

static int
scans(struct db *db, const char *sql)
{
	sqlite3_stmt *st;
	char explain[8192];
	int n = 0;

	snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
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

/* Every statement is prepared here: one that does not compile fails. */
static void
test_only_marked_statements_scan(void **state)
{
	struct db *db = storefix_db(state);
	struct buf sql;
	int n = 0;

	for (int i = 0; i < SQL_FAMILIES_COUNT; i++) {
		const struct sql_family *f = sql_families[i];

		assert_true(f->count > 0);
		for (int j = 0; j < f->count; j++) {
			bool may = strncmp(f->texts[j], SQL_SCANS,
				       strlen(SQL_SCANS)) == 0;

			expand(f, j, &sql);
			n += scans(db, buf_str(&sql)) > 0 && !may;
			buf_release(&sql);
		}
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

#define ROW struct row

struct row {
	char text[4];
	uint8_t digest[4];
	bool has_digest;
	int word;
	uint8_t some[4];
	size_t n;
	struct blob blob;
	const char *string;
	bool flag;
	int code;
	int64_t at;
	void *memory;
};

static const char *const words[] = { "none", "one" };

static const struct column columns[] = {
	{ "text", TEXT(text) },
	{ "digest", DIGEST_OR_NULL(digest, has_digest) },
	{ "word", WORD(word, words) },
	{ "some", BYTES_OR_NULL(some, n) },
	{ "blob", BLOB_OR_NULL(blob), .large = true },
	{ "string", STRING(string) },
	{ "flag", INT(flag) },
	{ "code", CODE(code) },
	{ "at", TIME(at), .read_only = true },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

static const char select_row[] =
    "SELECT $1, $2, $3, $4, $5, $6, CAST($7 AS BIGINT), $8, 7";

/* Reads what was put; value `i` is replaced by `v` unless that is DATUM_END. */
static int
round_trip(
    struct db *db, const struct row *in, int i, struct datum v, struct row *out)
{
	struct datum values[COLUMNS_MAX + 1];

	columns_put(&table, in, values);
	assert_int_equal(values[8].type, DATUM_END);
	if (v.type != DATUM_END)
		values[i] = v;
	return sql_one(db, select_row, &table, values, out);
}

static const struct datum unchanged = { .type = DATUM_END };

static void
test_a_row_is_read_as_it_was_written(void **state)
{
	struct row out,
	    in = { .text = "abc",
		    .has_digest = true,
		    .word = 1,
		    .n = 2,
		    .digest = { 1, 2, 3, 4 },
		    .some = { 5, 6 },
		    .flag = true,
		    .code = ERR_EXPIRED };

	in.blob = blob_str("blob");
	in.string = "string";
	assert_int_equal(
	    round_trip(storefix_db(state), &in, 0, unchanged, &out), OK);
	assert_string_equal(out.text, "abc");
	assert_true(out.has_digest);
	assert_memory_equal(out.digest, in.digest, 4);
	assert_int_equal(out.word, 1);
	assert_int_equal(out.n, 2);
	assert_memory_equal(out.some, in.some, 2);
	assert_true(blob_eq_str(out.blob, "blob"));
	assert_string_equal(out.string, "string");
	assert_true(out.flag);
	assert_int_equal(out.code, ERR_EXPIRED);
	assert_int_equal(out.at, 7);
	free(out.memory);
}

static void
test_what_is_empty_is_null(void **state)
{
	struct row out, in = { .string = NULL };

	assert_int_equal(
	    round_trip(storefix_db(state), &in, 0, unchanged, &out), OK);
	assert_string_equal(out.text, "");
	assert_false(out.has_digest);
	assert_int_equal(out.n, 0);
	assert_int_equal(out.blob.n, 0);
	assert_string_equal(out.string, "");
	assert_false(out.flag);
	assert_int_equal(out.code, OK);
	free(out.memory);
}

static void
test_a_code_of_an_older_version(void **state)
{
	static const char longer[] =
	    "A_NAME_THAT_IS_LONGER_THAN_THAT_OF_ANY_CODE_THERE_EVER_WAS_AT_ALL";
	struct row out, in = { .string = NULL };

	assert_int_equal(
	    round_trip(storefix_db(state), &in, 7, datum_text("OF_OLD"), &out),
	    OK);
	assert_int_equal(out.code, ERR_INTERNAL);
	free(out.memory);
	assert_int_equal(
	    round_trip(storefix_db(state), &in, 7, datum_text(longer), &out),
	    OK);
	assert_int_equal(out.code, ERR_INTERNAL);
	free(out.memory);
}

static void
is_damaged(void **state, int i, const char *value)
{
	struct row out, in = { .text = "abc" };

	assert_int_equal(
	    round_trip(storefix_db(state), &in, i, datum_text(value), &out),
	    ERR_DB);
	assert_null(out.memory);
	assert_string_equal(out.text, "");
}

static void
test_a_value_that_does_not_fit_is_a_failure(void **state)
{
	is_damaged(state, 0, "four");
	is_damaged(state, 1, "abc");
	is_damaged(state, 1, "abcde");
	is_damaged(state, 2, "two");
	is_damaged(state, 3, "abcde");
}

static void
test_the_lists_of_columns(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(
	    columns_expand(
		"SELECT {columns} | {brief} | {new row} | {x}", &table, &out),
	    OK);
	assert_string_equal(buf_str(&out),
	    "SELECT text, digest, word, some, blob, string, flag, code, at |"
	    " text, digest, word, some, NULL, string, flag, code, at |"
	    " (text, digest, word, some, blob, string, flag, code)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) | {x}");
	buf_release(&out);
}

/* SQLite alone would number $2 before $1 here. */
static void
test_parameters_go_by_their_number(void **state)
{
	int64_t n;

	assert_int_equal(
	    sql_integer(storefix_db(state), "SELECT 100 * $2 + 10 * $1 + $2",
		WITH(datum_int(3), datum_int(4)), &n),
	    OK);
	assert_int_equal(n, 434);
}

static void
test_texts_are_cut_between_characters(void **state)
{
	char out[4];

	(void)state;
	datum_copy(out, sizeof out, "ab\xc3\xa9");
	assert_string_equal(out, "ab");
	datum_copy(out, sizeof out, "a\xc3\xa9");
	assert_string_equal(out, "a\xc3\xa9");
	datum_copy(out, sizeof out, NULL);
	assert_string_equal(out, "");
}

static void
test_a_text_that_does_not_fit_is_a_failure(void **state)
{
	struct db *db = storefix_db(state);
	char out[4];

	assert_int_equal(
	    sql_text(db, "SELECT 'abc'", NULL, out, sizeof out), OK);
	assert_string_equal(out, "abc");
	assert_int_equal(sql_text(db, "SELECT ''", NULL, out, sizeof out), OK);
	assert_int_equal(
	    sql_text(db, "SELECT NULL", NULL, out, sizeof out), OK);
	assert_string_equal(out, "");
	assert_string_equal(out, "");
	assert_int_equal(
	    sql_text(db, "SELECT 'abcd'", NULL, out, sizeof out), ERR_DB);
	assert_string_equal(out, "");
}

static void
search_finds(struct db *db, const char *search, int expected)
{
	struct ade_device_filter filter = { .search = search, .limit = 10 };
	struct ade_device_list list;

	assert_int_equal(ade_devices_list(db, &filter, &list), OK);
	assert_int_equal(list.n, expected);
	ade_devices_list_release(&list);
}

static void
test_search_takes_signs_literally(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device a = { .account = ADE_DEVICES_FILE,
		.serial = "AB%C_1" };
	struct ade_device b = { .account = ADE_DEVICES_FILE,
		.serial = "ABXCX1" };
	char longest[1000];

	WRITE(db, ade_devices_put(db, &a));
	WRITE(db, ade_devices_put(db, &b));
	search_finds(db, "ab%c_", 1);
	search_finds(db, "ab_", 0);
	search_finds(db, "AB%C_1", 1);
	search_finds(db, "abX", 1);
	search_finds(db, "ab\\", 0);
	search_finds(db, "", 2);
	search_finds(db, NULL, 2);
	search_finds(db, "' OR 1=1 --", 0);
	memset(longest, '%', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	search_finds(db, longest, 0);
}

static void
fail_with(sqlite3_context *context, int n, sqlite3_value **values)
{
	(void)n;
	sqlite3_result_error_code(context, sqlite3_value_int(values[0]));
}

/* Who is only late may try again. */
static void
test_failures_of_the_engine(void **state)
{
	static const struct {
		int engine, code;
	} rows[] = {
		{ SQLITE_BUSY, ERR_BUSY },
		{ SQLITE_LOCKED, ERR_BUSY },
		{ SQLITE_NOMEM, ERR_NOMEM },
		{ SQLITE_CORRUPT, ERR_DB },
		{ SQLITE_FULL, ERR_DB },
	};
	struct db *db = storefix_db(state);
	int64_t value;

	assert_int_equal(sqlite3_create_function(db->sqlite, "fail_with", 1,
			     SQLITE_UTF8, NULL, fail_with, NULL, NULL),
	    SQLITE_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(sql_integer(db, "SELECT fail_with($1)",
				     WITH(datum_int(rows[i].engine)), &value),
		    rows[i].code);
		assert_int_equal(value, 0);
	}
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_only_marked_statements_scan),
	STOREFIX_TEST(test_the_scan_detector_detects),
	STOREFIX_TEST(test_a_row_is_read_as_it_was_written),
	STOREFIX_TEST(test_what_is_empty_is_null),
	STOREFIX_TEST(test_a_code_of_an_older_version),
	STOREFIX_TEST(test_a_value_that_does_not_fit_is_a_failure),
	STOREFIX_TEST(test_the_lists_of_columns),
	STOREFIX_TEST(test_parameters_go_by_their_number),
	STOREFIX_TEST(test_texts_are_cut_between_characters),
	STOREFIX_TEST(test_a_text_that_does_not_fit_is_a_failure),
	STOREFIX_TEST(test_search_takes_signs_literally),
	STOREFIX_TEST(test_failures_of_the_engine),
};

STOREFIX_MAIN(tests)
