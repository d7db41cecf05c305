/*
 * store-sql DATABASE [SQL]: runs statements in one write transaction of
 * lib/store, and prints the rows of the last one that has any as JSON. Foreign
 * keys are not enforced, so that tests can break what no program would. Without
 * SQL: every row of every table, one a line, in no order.
 *
 * With sql.c, the only code of the tests that another engine has to provide.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/connection.h"
#include "wire/out_json.h"

#define OUT_MAX (64 << 20)

static void
add_column(struct out_json *w, sqlite3_stmt *st, int i)
{
	static const char digits[] = "0123456789abcdef";
	const char *name = sqlite3_column_name(st, i);
	const uint8_t *p = sqlite3_column_blob(st, i);
	int n = sqlite3_column_bytes(st, i);
	struct buf hex;

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_INTEGER:
		out_json_int(w, name, sqlite3_column_int64(st, i));
		break;
	case SQLITE_TEXT:
		out_json_blob(w, name, blob_of(p, (size_t)n));
		break;
	case SQLITE_BLOB:
		buf_init(&hex, OUT_MAX);
		for (int j = 0; j < n; j++) {
			buf_add_byte(&hex, (uint8_t)digits[p[j] >> 4]);
			buf_add_byte(&hex, (uint8_t)digits[p[j] & 15]);
		}
		out_json_string(w, name, buf_str(&hex));
		buf_release(&hex);
		break;
	default:
		out_json_null(w, name);
		break;
	}
}

static void
add_row(struct out_json *w, sqlite3_stmt *st)
{
	out_json_open_object(w, NULL);
	for (int i = 0; i < sqlite3_column_count(st); i++)
		add_column(w, st, i);
	out_json_close_object(w);
}

static int
broken(struct db *db)
{
	return fail(ERR_DB, "%s", sqlite3_errmsg(db->sqlite));
}

/* Runs one statement; *sql is moved behind it. */
static int
run_one(struct db *db, const char **sql, struct buf *out)
{
	sqlite3_stmt *st;
	struct out_json w;
	int rc;

	if (sqlite3_prepare_v2(db->sqlite, *sql, -1, &st, sql) != SQLITE_OK)
		return broken(db);
	if (sqlite3_column_count(st) > 0)
		buf_reset(out);
	out_json_init(&w, out);
	if (sqlite3_column_count(st) > 0)
		out_json_open_array(&w, NULL);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		add_row(&w, st);
	if (sqlite3_column_count(st) > 0)
		out_json_close_array(&w);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE || rc == SQLITE_MISUSE ? OK : broken(db);
}

static int
run_all(struct db *db, const char *sql, struct buf *out)
{
	int r = OK;

	while (r == OK && *sql != '\0')
		r = run_one(db, &sql, out);
	return r;
}

static int
dump_table(struct db *db, const char *name)
{
	sqlite3_stmt *st;
	struct out_json w;
	struct buf out;
	char sql[128];

	snprintf(sql, sizeof sql, "SELECT * FROM %.64s", name);
	if (sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL) != SQLITE_OK)
		return broken(db);
	buf_init(&out, OUT_MAX);
	while (sqlite3_step(st) == SQLITE_ROW) {
		buf_reset(&out);
		out_json_init(&w, &out);
		add_row(&w, st);
		printf("%s %s\n", name, buf_str(&out));
	}
	buf_release(&out);
	return sqlite3_finalize(st) == SQLITE_OK ? OK : broken(db);
}

static int
dump(struct db *db)
{
	sqlite3_stmt *st;
	int r = OK;

	if (sqlite3_prepare_v2(db->sqlite,
		"SELECT name FROM sqlite_schema WHERE type = 'table'", -1, &st,
		NULL) != SQLITE_OK)
		return broken(db);
	while (r == OK && sqlite3_step(st) == SQLITE_ROW)
		r = dump_table(db, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return r;
}

static int
change(const char *path, const char *sql)
{
	struct db *db;
	struct buf out;
	int r;

	if ((r = db_open(path, DB_RELAXED, &db)) != OK)
		return r;
	buf_init(&out, OUT_MAX);
	sqlite3_exec(db->sqlite, "PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
	if ((r = db_begin(db)) == OK)
		r = db_end(db, run_all(db, sql, &out));
	if (r == OK && out.n > 0)
		puts(buf_str(&out));
	buf_release(&out);
	db_close(db);
	return r;
}

static int
look(const char *path, const char *sql)
{
	struct db *db;
	struct buf out;
	int r;

	if ((r = db_open(path, DB_READ_ONLY, &db)) != OK)
		return r;
	buf_init(&out, OUT_MAX);
	r = sql == NULL ? dump(db) : run_all(db, sql, &out);
	if (r == OK && out.n > 0)
		puts(buf_str(&out));
	buf_release(&out);
	db_close(db);
	return r;
}

int
main(int argc, char **argv)
{
	int r;

	log_open("store-sql", LOG_NOTICE);
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: store-sql DATABASE [SQL]\n");
		return 2;
	}
	if (argc == 3 && strncmp(argv[2], "SELECT ", 7) != 0)
		r = change(argv[1], argv[2]);
	else
		r = look(argv[1], argc == 3 ? argv[2] : NULL);
	return r == OK ? 0 : 1;
}
