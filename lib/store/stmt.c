#include "store/stmt.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define SEARCH_MAX 200

const struct stmt_family *const stmt_families[STMT_FAMILY_COUNT] = {
#define STMT_ENTRY(family) [STMT_##family] = &family##_statements,
	STMT_FAMILIES(STMT_ENTRY)
#undef STMT_ENTRY
};

int
stmt_fail(struct db *db, const char *what)
{
	int code = ERR_DB;

	switch (sqlite3_errcode(db->sqlite)) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = ERR_BUSY;
		break;
	case SQLITE_NOMEM:
		code = ERR_NOMEM;
		break;
	default:
		break;
	}
	return fail(
	    code, "database: %s (%s)", sqlite3_errmsg(db->sqlite), what);
}

static int
stmt_prepare(struct db *db, enum stmt_family_index family, int which)
{
	const struct stmt_family *f = stmt_families[family];

	assert(which >= 0 && which < f->count);
	if (db->prepared[family] == NULL)
		db->prepared[family] =
		    calloc((size_t)f->count, sizeof(sqlite3_stmt *));
	if (db->prepared[family] == NULL)
		return fail(ERR_NOMEM, "no memory for statements");
	if (db->prepared[family][which] != NULL)
		return OK;
	if (sqlite3_prepare_v3(db->sqlite, f->texts[which], -1,
		SQLITE_PREPARE_PERSISTENT, &db->prepared[family][which],
		NULL) != SQLITE_OK)
		return stmt_fail(db, f->name);
	return OK;
}

void
stmt_start(
    struct stmt *s, struct db *db, enum stmt_family_index family, int which)
{
	*s = (struct stmt){ .db = db };
	if (db->owner != getpid()) {
		s->status =
		    fail(ERR_INTERNAL, "a database connection crossed fork");
		return;
	}
	s->status = stmt_prepare(db, family, which);
	if (s->status != OK)
		return;
	s->handle = db->prepared[family][which];
	if (!db->writing && !sqlite3_stmt_readonly(s->handle))
		s->status = fail(ERR_INTERNAL,
		    "%s: a write outside of a write transaction",
		    stmt_families[family]->name);
}

void
stmt_forget(struct db *db)
{
	for (int i = 0; i < STMT_FAMILY_COUNT; i++) {
		for (int j = 0; db->prepared[i] && j < stmt_families[i]->count;
		     j++)
			sqlite3_finalize(db->prepared[i][j]);
		free(db->prepared[i]);
		db->prepared[i] = NULL;
	}
}

static void
put_result(struct stmt *s, int rc)
{
	if (rc != SQLITE_OK)
		s->status = stmt_fail(s->db, sqlite3_sql(s->handle));
}

void
stmt_put_int(struct stmt *s, int64_t v)
{
	if (s->status == OK)
		put_result(s, sqlite3_bind_int64(s->handle, ++s->parameter, v));
}

static void
put_null(struct stmt *s)
{
	if (s->status == OK)
		put_result(s, sqlite3_bind_null(s->handle, ++s->parameter));
}

void
stmt_put_time(struct stmt *s, int64_t t)
{
	if (t == 0)
		put_null(s);
	else
		stmt_put_int(s, t);
}

static void
put_bytes_of_text(struct stmt *s, const char *v, size_t n)
{
	if (s->status == OK)
		put_result(s,
		    sqlite3_bind_text64(s->handle, ++s->parameter, v, n,
			SQLITE_TRANSIENT, SQLITE_UTF8));
}

void
stmt_put_text(struct stmt *s, const char *v)
{
	if (v == NULL)
		v = "";
	put_bytes_of_text(s, v, strlen(v));
}

void
stmt_put_text_or_null(struct stmt *s, const char *v)
{
	if (v == NULL || *v == '\0')
		put_null(s);
	else
		stmt_put_text(s, v);
}

void
stmt_put_cut(struct stmt *s, const char *v, size_t max)
{
	size_t n;

	assert(max > 0);
	if (v == NULL)
		v = "";
	n = strlen(v);
	if (n >= max) {
		n = max - 1;
		/* not in the middle of a character */
		while (n > 0 && ((unsigned char)v[n] & 0xc0) == 0x80)
			n--;
	}
	put_bytes_of_text(s, v, n);
}

void
stmt_put_blob(struct stmt *s, struct blob v)
{
	/* a NULL pointer would bind NULL instead of no bytes */
	if (s->status == OK)
		put_result(s,
		    sqlite3_bind_blob64(s->handle, ++s->parameter,
			v.p != NULL ? (const void *)v.p : "", v.n,
			SQLITE_TRANSIENT));
}

void
stmt_put_blob_or_null(struct stmt *s, struct blob v)
{
	if (v.n == 0)
		put_null(s);
	else
		stmt_put_blob(s, v);
}

void
stmt_put_digest(struct stmt *s, const uint8_t v[SECRET_SHA256])
{
	stmt_put_blob(s, blob_of(v, SECRET_SHA256));
}

void
stmt_put_search(struct stmt *s, const char *text)
{
	char pattern[2 * SEARCH_MAX + 3];
	size_t n = 0;

	pattern[n++] = '%';
	for (size_t i = 0; text && text[i] != '\0' && i < SEARCH_MAX; i++) {
		if (text[i] == '%' || text[i] == '_' || text[i] == '\\')
			pattern[n++] = '\\';
		pattern[n++] = (char)tolower((unsigned char)text[i]);
	}
	pattern[n++] = '%';
	put_bytes_of_text(s, pattern, n);
}

int
stmt_next(struct stmt *s)
{
	int rc;

	if (s->status != OK)
		return s->status;
	assert(s->parameter == sqlite3_bind_parameter_count(s->handle));
	s->column = 0;
	rc = sqlite3_step(s->handle);
	if (rc == SQLITE_ROW)
		return OK;
	if (rc == SQLITE_DONE) {
		s->changes = sqlite3_changes(s->db->sqlite);
		return ERR_NOT_FOUND;
	}
	rc = sqlite3_extended_errcode(s->db->sqlite);
	if (rc == SQLITE_CONSTRAINT_UNIQUE ||
	    rc == SQLITE_CONSTRAINT_PRIMARYKEY)
		s->status = ERR_EXISTS;
	else
		s->status = stmt_fail(s->db, sqlite3_sql(s->handle));
	return s->status;
}

static void
damaged(struct stmt *s, const char *what)
{
	if (s->status == OK)
		s->status = fail(ERR_DB, "database: column %d is %s: %s",
		    s->column, what, sqlite3_sql(s->handle));
}

int64_t
stmt_get_int(struct stmt *s)
{
	return sqlite3_column_int64(s->handle, s->column++);
}

bool
stmt_get_bool(struct stmt *s)
{
	return stmt_get_int(s) != 0;
}

static struct blob
column_bytes(struct stmt *s)
{
	const void *p = sqlite3_column_blob(s->handle, s->column);

	return blob_of(p, (size_t)sqlite3_column_bytes(s->handle, s->column++));
}

void
stmt_get_text(struct stmt *s, char *out, size_t size)
{
	struct blob b = column_bytes(s);

	if (b.n >= size) {
		damaged(s, "too long");
		b.n = 0;
	}
	if (b.n > 0)
		memcpy(out, b.p, b.n);
	out[b.n] = '\0';
}

size_t
stmt_get_some(struct stmt *s, uint8_t *out, size_t max)
{
	struct blob b = column_bytes(s);

	if (b.n > max) {
		damaged(s, "too long");
		return 0;
	}
	if (b.n > 0)
		memcpy(out, b.p, b.n);
	return b.n;
}

bool
stmt_get_bytes(struct stmt *s, uint8_t *out, size_t n)
{
	size_t got = stmt_get_some(s, out, n);

	if (got != 0 && got != n)
		damaged(s, "too short");
	return got == n;
}

int
stmt_get_word(struct stmt *s, const char *const *names, int count)
{
	struct blob b = column_bytes(s);

	for (int i = 0; i < count; i++)
		if (blob_eq_str(b, names[i]))
			return i;
	damaged(s, "an unknown word");
	return 0;
}

/* One block that is large enough for all texts and blobs of this row. */
static bool
memory_for_row(struct stmt *s)
{
	size_t size = 1;

	if (s->memory != NULL)
		return true;
	for (int i = 0; i < sqlite3_column_count(s->handle); i++) {
		int type = sqlite3_column_type(s->handle, i);

		if (type == SQLITE_TEXT || type == SQLITE_BLOB)
			size += (size_t)sqlite3_column_bytes(s->handle, i);
		size++;
	}
	s->memory = malloc(size);
	s->used = 0;
	if (s->memory == NULL && s->status == OK)
		s->status = fail(ERR_NOMEM, "no memory for a row");
	return s->memory != NULL;
}

struct blob
stmt_get_blob(struct stmt *s)
{
	struct blob b;
	char *copy;

	if (!memory_for_row(s)) {
		s->column++;
		return (struct blob){ NULL, 0 };
	}
	b = column_bytes(s);
	copy = s->memory + s->used;
	if (b.n > 0)
		memcpy(copy, b.p, b.n);
	copy[b.n] = '\0';
	s->used += b.n + 1;
	return blob_of(copy, b.n);
}

const char *
stmt_get_string(struct stmt *s)
{
	struct blob b = stmt_get_blob(s);

	return b.p != NULL ? (const char *)b.p : "";
}

void *
stmt_take_memory(struct stmt *s)
{
	void *memory = s->memory;

	/* a row that was not read well owns nothing */
	if (s->status != OK)
		return NULL;
	s->memory = NULL;
	return memory;
}

int
stmt_end(struct stmt *s)
{
	free(s->memory);
	s->memory = NULL;
	if (s->handle != NULL) {
		sqlite3_reset(s->handle);
		sqlite3_clear_bindings(s->handle);
		s->handle = NULL;
	}
	return s->status;
}

int
stmt_run(struct stmt *s)
{
	int code = stmt_next(s);

	assert(code != OK);
	return stmt_end(s);
}

int
stmt_change(struct stmt *s, int none)
{
	int code = stmt_run(s);

	if (code == OK && s->changes == 0)
		code = none;
	return code;
}

int
stmt_one(
    struct stmt *s, void (*read)(struct stmt *, void *), void *out, size_t size)
{
	int code;

	memset(out, 0, size);
	code = stmt_next(s);
	if (code == OK) {
		read(s, out);
		code = s->status;
	}
	/* a row that RETURNING gave counts only when the statement ended */
	if (code == OK && !sqlite3_stmt_readonly(s->handle) &&
	    stmt_next(s) != ERR_NOT_FOUND)
		code = s->status;
	stmt_end(s);
	if (code != OK)
		memset(out, 0, size);
	return code;
}

/* Room for row number n, doubling; NULL, and `rows` as it was, on failure. */
static char *
grown(struct stmt *s, char *rows, size_t n, size_t size)
{
	char *more = rows;

	if (n == 0 || (n >= 16 && (n & (n - 1)) == 0))
		more = reallocarray(rows, n == 0 ? 16 : 2 * n, size);
	if (more == NULL)
		s->status = fail(ERR_NOMEM, "no memory for rows");
	return more;
}

void *
stmt_rows(
    struct stmt *s, void (*read)(struct stmt *, void *), size_t size, size_t *n)
{
	char *rows = NULL, *more;

	*n = 0;
	while (stmt_next(s) == OK) {
		more = grown(s, rows, *n, size);
		if (more == NULL)
			break;
		rows = more;
		memset(rows + *n * size, 0, size);
		read(s, rows + *n * size);
		++*n;
	}
	return rows;
}

static void
read_integer(struct stmt *s, void *out)
{
	*(int64_t *)out = stmt_get_int(s);
}

int
stmt_integer(struct stmt *s, int64_t *out)
{
	return stmt_one(s, read_integer, out, sizeof(*out));
}

int
stmt_exists(struct stmt *s, bool *out)
{
	int code = stmt_next(s);

	*out = code == OK;
	if (code == ERR_NOT_FOUND)
		code = OK;
	stmt_end(s);
	return code;
}

int
stmt_purge(struct stmt *s, int *deleted)
{
	int code = stmt_run(s);

	*deleted = code == OK ? (int)s->changes : 0;
	return code;
}
