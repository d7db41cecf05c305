#include "store/sql.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/connection.h"

/* The longest of our statements has about 1500 bytes. */
#define TEXT_MAX 16384

struct prepared {
	const char *sql;
	sqlite3_stmt *handle;
};

const struct sql_family *const sql_families[SQL_FAMILIES_COUNT] = {
#define SQL_ENTRY(family) &family##_statements,
	SQL_FAMILIES(SQL_ENTRY)
#undef SQL_ENTRY
};

static int
sqlite_failure(struct db *db, const char *what)
{
	int r = ERR_DB;

	switch (sqlite3_errcode(db->sqlite)) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		r = ERR_BUSY;
		break;
	case SQLITE_NOMEM:
		r = ERR_NOMEM;
		break;
	default:
		break;
	}
	return fail(r, "database: %s (%s)", sqlite3_errmsg(db->sqlite), what);
}

/*
 * SQLite numbers $1 by its first place in the text, PostgreSQL by its name. ?1
 * means to SQLite what $1 means to PostgreSQL. No other dollar is in our SQL.
 */
static int
compile(struct db *db, const char *sql, const struct table *table,
    sqlite3_stmt **out)
{
	struct buf text;
	char *p;
	int r;

	buf_init(&text, TEXT_MAX);
	if ((r = columns_expand(sql, table, &text)) == OK) {
		for (p = (char *)text.p; (p = strchr(p, '$')) != NULL;)
			*p = '?';
		if (sqlite3_prepare_v3(db->sqlite, (char *)text.p, -1,
			SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK)
			r = sqlite_failure(db, sql);
	}
	buf_release(&text);
	return r;
}

static int
prepare(struct db *db, const char *sql, const struct table *table,
    sqlite3_stmt **out)
{
	struct prepared *more;
	int r;

	for (size_t i = 0; i < db->prepared_count; i++)
		if (db->prepared[i].sql == sql) {
			*out = db->prepared[i].handle;
			return OK;
		}
	more = reallocarray(
	    db->prepared, db->prepared_count + 1, sizeof *db->prepared);
	if (more == NULL)
		return fail(ERR_NOMEM, "no memory for statements");
	db->prepared = more;
	if ((r = compile(db, sql, table, out)) == OK)
		db->prepared[db->prepared_count++] =
		    (struct prepared){ sql, *out };
	return r;
}

void
sql_forget(struct db *db)
{
	for (size_t i = 0; i < db->prepared_count; i++)
		sqlite3_finalize(db->prepared[i].handle);
	free(db->prepared);
	db->prepared = NULL;
	db->prepared_count = 0;
}

/* The bytes stay where they are until the statement is reset. */
static int
bind(sqlite3_stmt *handle, int i, const struct datum *v)
{
	/* a NULL pointer would bind NULL instead of no bytes */
	const void *p = v->bytes.p != NULL ? (const void *)v->bytes.p : "";

	switch (v->type) {
	case DATUM_INT:
		return sqlite3_bind_int64(handle, i, v->number);
	case DATUM_TEXT:
		return sqlite3_bind_text64(
		    handle, i, p, v->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
	case DATUM_BLOB:
		return sqlite3_bind_blob64(
		    handle, i, p, v->bytes.n, SQLITE_STATIC);
	case DATUM_NULL:
	case DATUM_END:
		break;
	}
	return sqlite3_bind_null(handle, i);
}

static int
start(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, sqlite3_stmt **out)
{
	int r, n = 0;

	*out = NULL;
	if (db->owner != getpid())
		return fail(ERR_INTERNAL, "a database connection crossed fork");
	if ((r = prepare(db, sql, table, out)) != OK)
		return r;
	if (!db->writing && !sqlite3_stmt_readonly(*out))
		return fail(
		    ERR_INTERNAL, "a write outside of a transaction: %s", sql);
	for (; params != NULL && params->type != DATUM_END; params++)
		if (bind(*out, ++n, params) != SQLITE_OK)
			return sqlite_failure(db, sql);
	assert(n == sqlite3_bind_parameter_count(*out));
	return OK;
}

/* The next row: OK, ERR_NOT_FOUND after the last. */
static int
step(struct db *db, sqlite3_stmt *handle)
{
	int r = sqlite3_step(handle);

	if (r == SQLITE_ROW)
		return OK;
	if (r == SQLITE_DONE)
		return ERR_NOT_FOUND;
	r = sqlite3_extended_errcode(db->sqlite);
	return r == SQLITE_CONSTRAINT_UNIQUE ||
		r == SQLITE_CONSTRAINT_PRIMARYKEY
	    ? ERR_EXISTS
	    : sqlite_failure(db, sqlite3_sql(handle));
}

static int
finish(sqlite3_stmt *handle, int r)
{
	if (handle != NULL) {
		sqlite3_reset(handle);
		sqlite3_clear_bindings(handle);
	}
	return r;
}

/* A row that RETURNING gave counts only when the statement ended. */
static int
end_write(struct db *db, sqlite3_stmt *handle, int r)
{
	if (r == OK && !sqlite3_stmt_readonly(handle) &&
	    (r = step(db, handle)) == ERR_NOT_FOUND)
		r = OK;
	return r;
}

static int
run(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, int *changed)
{
	sqlite3_stmt *handle;
	int r;

	*changed = 0;
	if ((r = start(db, sql, table, params, &handle)) == OK)
		r = step(db, handle);
	assert(r != OK);
	if (r == ERR_NOT_FOUND) {
		*changed = sqlite3_changes(db->sqlite);
		r = OK;
	}
	return finish(handle, r);
}

int
sql_run(struct db *db, const char *sql, const struct datum *params)
{
	int changed;

	return run(db, sql, NULL, params, &changed);
}

int
sql_change(struct db *db, const char *sql, const struct datum *params, int none)
{
	int changed, r = run(db, sql, NULL, params, &changed);

	return r == OK && changed == 0 ? none : r;
}

int
sql_count_changed(
    struct db *db, const char *sql, const struct datum *params, int *changed)
{
	return run(db, sql, NULL, params, changed);
}

int
sql_insert(
    struct db *db, const char *sql, const struct table *table, const void *row)
{
	struct datum values[COLUMNS_MAX + 1];
	int changed, r;

	columns_put(table, row, values);
	r = run(db, sql, table, values, &changed);
	return r == OK && changed == 0 ? ERR_NOT_FOUND : r;
}

static struct datum
column(sqlite3_stmt *handle, int i)
{
	struct datum v = { .type = DATUM_NULL };

	switch (sqlite3_column_type(handle, i)) {
	case SQLITE_INTEGER:
		v.type = DATUM_INT;
		v.number = sqlite3_column_int64(handle, i);
		break;
	case SQLITE_TEXT:
	case SQLITE_BLOB:
		v.type = DATUM_TEXT;
		v.bytes.p = sqlite3_column_blob(handle, i);
		v.bytes.n = (size_t)sqlite3_column_bytes(handle, i);
		break;
	default:
		break;
	}
	return v;
}

static int
read_row(sqlite3_stmt *handle, const struct table *table, void *row)
{
	struct datum values[COLUMNS_MAX];
	int n = sqlite3_column_count(handle);

	assert(n == table->count && n <= COLUMNS_MAX);
	for (int i = 0; i < n; i++)
		values[i] = column(handle, i);
	memset(row, 0, table->row_size);
	return columns_get(table, values, row);
}

int
sql_one(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *row)
{
	sqlite3_stmt *handle;
	int r;

	if ((r = start(db, sql, table, params, &handle)) == OK &&
	    (r = step(db, handle)) == OK &&
	    (r = read_row(handle, table, row)) == OK)
		r = end_write(db, handle, r);
	if (r != OK)
		memset(row, 0, table->row_size);
	return finish(handle, r);
}

/* damaged NULL: one damaged row is a failure. */
static int
read_rows(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *rows, size_t *n, size_t *damaged)
{
	char *all = NULL, *more;
	sqlite3_stmt *handle;
	size_t room = 0;
	int r;

	*n = 0;
	r = start(db, sql, table, params, &handle);
	while (r == OK && (r = step(db, handle)) == OK) {
		if (*n == room) {
			room = room == 0 ? 16 : 2 * room;
			more = reallocarray(all, room, table->row_size);
			if (more == NULL) {
				r = fail(ERR_NOMEM, "no memory for rows");
				break;
			}
			all = more;
		}
		if ((r = read_row(handle, table, all + *n * table->row_size)) ==
		    OK) {
			++*n;
		} else if (r == ERR_DB && damaged != NULL) {
			++*damaged;
			r = OK;
		}
	}
	if (r == ERR_NOT_FOUND) {
		r = OK;
	} else {
		columns_release(table, all, *n);
		all = NULL;
		*n = 0;
	}
	memcpy(rows, &all, sizeof all);
	if (handle != NULL)
		db->work += sqlite3_stmt_status(
		    handle, SQLITE_STMTSTATUS_VM_STEP, 1);
	return finish(handle, r);
}

int64_t
sql_work(const struct db *db)
{
	return db->work;
}

int
sql_rows(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *rows, size_t *n)
{
	return read_rows(db, sql, table, params, rows, n, NULL);
}

int
sql_rows_that_fit(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *rows, size_t *n, size_t *damaged)
{
	*damaged = 0;
	return read_rows(db, sql, table, params, rows, n, damaged);
}

int
sql_exists(
    struct db *db, const char *sql, const struct datum *params, bool *out)
{
	sqlite3_stmt *handle;
	int r;

	if ((r = start(db, sql, NULL, params, &handle)) == OK)
		r = step(db, handle);
	*out = r == OK;
	return finish(handle, r == ERR_NOT_FOUND ? OK : r);
}

static int
integer(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, int64_t *out)
{
	sqlite3_stmt *handle;
	int r;

	*out = 0;
	if ((r = start(db, sql, table, params, &handle)) == OK &&
	    (r = step(db, handle)) == OK) {
		*out = sqlite3_column_int64(handle, 0);
		r = end_write(db, handle, r);
	}
	return finish(handle, r);
}

int
sql_integer(
    struct db *db, const char *sql, const struct datum *params, int64_t *out)
{
	return integer(db, sql, NULL, params, out);
}

int
sql_insert_id(struct db *db, const char *sql, const struct table *table,
    const void *row, int64_t *id)
{
	struct datum values[COLUMNS_MAX + 1];

	columns_put(table, row, values);
	return integer(db, sql, table, values, id);
}

int
sql_text(struct db *db, const char *sql, const struct datum *params, char *out,
    size_t size)
{
	sqlite3_stmt *handle;
	struct blob text;
	int r;

	out[0] = '\0';
	if ((r = start(db, sql, NULL, params, &handle)) == OK &&
	    (r = step(db, handle)) == OK) {
		text = column(handle, 0).bytes;
		if (text.n < size) {
			if (text.n > 0)
				memcpy(out, text.p, text.n);
			out[text.n] = '\0';
			r = end_write(db, handle, r);
		} else {
			r = fail(ERR_DB,
			    "database: a text of %zu bytes is too "
			    "long (%s)",
			    text.n, sql);
		}
	}
	return finish(handle, r);
}

int
sql_bytes(
    struct db *db, const char *sql, const struct datum *params, struct buf *out)
{
	sqlite3_stmt *handle;
	int r;

	if ((r = start(db, sql, NULL, params, &handle)) == OK &&
	    (r = step(db, handle)) == OK)
		r = buf_add_blob(out, column(handle, 0).bytes);
	return finish(handle, r);
}
