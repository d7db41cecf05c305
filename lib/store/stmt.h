/*
 * Prepared statements for the files of this folder; nobody else includes this.
 *
 * Each family file has an enum of statements and a table of their texts, which
 * are prepared once per connection. A statement whose text begins with
 * STMT_SCANS may read a whole table; a test holds all others to their indexes.
 *
 * Use: stmt_start(), one stmt_put_x() per parameter in the order of their
 * numbers, then stmt_run(), stmt_change() or stmt_one(), or stmt_next() and
 * stmt_get_x() per column until ERR_NOT_FOUND, then stmt_end(). Failures are
 * kept: later calls do nothing, and the last one returns the first failure.
 */
#ifndef STORE_STMT_H
#define STORE_STMT_H

#include <sqlite3.h>
#include <sys/types.h>

#include "store/db.h"

#define STMT_SCANS "/* scans */ "

#define STMT_FAMILIES(X)                                                       \
	X(accounts)                                                            \
	X(ade_devices)                                                         \
	X(admins)                                                              \
	X(alarms)                                                              \
	X(attestations)                                                        \
	X(activities)                                                          \
	X(browsers)                                                            \
	X(certificates)                                                        \
	X(commands)                                                            \
	X(enrollment_links)                                                    \
	X(enrollments)                                                         \
	X(hosts)                                                               \
	X(nonces)                                                              \
	X(orders)                                                              \
	X(renewals)                                                            \
	X(restored)                                                            \
	X(scep_challenges)                                                     \
	X(sessions)                                                            \
	X(settings)                                                            \
	X(events)

enum stmt_family_index {
#define STMT_INDEX(family) STMT_##family,
	STMT_FAMILIES(STMT_INDEX)
#undef STMT_INDEX
	    STMT_FAMILY_COUNT
};

struct stmt_family {
	const char *name;
	const char *const *texts;
	int count;
};

#define STMT_FAMILY(family, texts)                                             \
	const struct stmt_family family##_statements = { #family, texts,       \
		(int)(sizeof(texts) / sizeof((texts)[0])) }

#define STMT_DECLARE(family)                                                   \
	extern const struct stmt_family family##_statements;
STMT_FAMILIES(STMT_DECLARE)
#undef STMT_DECLARE

extern const struct stmt_family *const stmt_families[STMT_FAMILY_COUNT];

struct db {
	sqlite3 *sqlite;
	int lock_fd;
	pid_t owner;
	enum db_mode mode;
	bool writing;
	/* commits do not wait for the disk at the moment, though mode is
	 * DB_DURABLE */
	bool relaxed;
	/* nanoseconds: when the last write began, how long it was open */
	int64_t write_began;
	int64_t write_took;
	/* of the write-ahead log, after the last commit */
	int log_pages;
	/* what is logged when the transaction is committed */
	char note[512];
	/* see rowmac.h */
	bool has_row_key;
	uint8_t row_key[SECRET_SHA256];
	sqlite3_stmt **prepared[STMT_FAMILY_COUNT];
};

struct stmt {
	struct db *db;
	sqlite3_stmt *handle;
	int status;
	int parameter;
	int column;
	int64_t changes;
	/* see stmt_get_string() */
	char *memory;
	size_t used;
};

void stmt_start(
    struct stmt *s, struct db *db, enum stmt_family_index family, int which);

void stmt_put_int(struct stmt *s, int64_t v);
/* 0 is NULL */
void stmt_put_time(struct stmt *s, int64_t t);
/* NULL is "" */
void stmt_put_text(struct stmt *s, const char *v);
/* NULL and "" are NULL */
void stmt_put_text_or_null(struct stmt *s, const char *v);
/* stmt_put_text() of at most max - 1 bytes, whole UTF-8 characters */
void stmt_put_cut(struct stmt *s, const char *v, size_t max);
void stmt_put_blob(struct stmt *s, struct blob v);
/* n 0 is NULL */
void stmt_put_blob_or_null(struct stmt *s, struct blob v);
void stmt_put_digest(struct stmt *s, const uint8_t v[SECRET_SHA256]);
/* a lower-case pattern for LIKE … ESCAPE '\' */
void stmt_put_search(struct stmt *s, const char *text);

/* The next row: OK, ERR_NOT_FOUND behind the last. */
int stmt_next(struct stmt *s);

int64_t stmt_get_int(struct stmt *s);
bool stmt_get_bool(struct stmt *s);
/* NULL is "" */
void stmt_get_text(struct stmt *s, char *out, size_t size);
/* exactly n bytes; false when NULL */
bool stmt_get_bytes(struct stmt *s, uint8_t *out, size_t n);
/* at most max bytes; returns how many, 0 when NULL */
size_t stmt_get_some(struct stmt *s, uint8_t *out, size_t max);
/* the index of the column's word among names */
int stmt_get_word(struct stmt *s, const char *const *names, int count);
#define STMT_GET_WORD(s, names)                                                \
	stmt_get_word(s, names, (int)(sizeof(names) / sizeof((names)[0])))
/*
 * Copies in the row's one block of memory, which stmt_take_memory() gives to
 * the row (NULL when none was needed).
 */
const char *stmt_get_string(struct stmt *s);
struct blob stmt_get_blob(struct stmt *s);
void *stmt_take_memory(struct stmt *s);

/* Ends the statement; returns the first failure. */
int stmt_end(struct stmt *s);

/*
 * Runs a statement that returns no rows. ERR_EXISTS, unlogged, when a UNIQUE
 * constraint stops it. The number of rows goes to s->changes.
 */
int stmt_run(struct stmt *s);

/* stmt_run(), and `none` when no row was changed. */
int stmt_change(struct stmt *s, int none);

/*
 * The first row through `read`, which fills `out` with stmt_get_x(). `out` is
 * all zero and owns nothing unless OK is returned.
 */
int stmt_one(struct stmt *s, void (*read)(struct stmt *, void *), void *out,
    size_t size);

/*
 * All rows in one array; the status stays in s, to be had from stmt_end(), and
 * the rows read so far are the caller's to release even on failure.
 */
void *stmt_rows(struct stmt *s, void (*read)(struct stmt *, void *),
    size_t size, size_t *n);

/* The integer in the only column of the only row. */
int stmt_integer(struct stmt *s, int64_t *out);

/* Does it return any row? */
int stmt_exists(struct stmt *s, bool *out);

/* stmt_run() for deletions in batches: how many rows went. */
int stmt_purge(struct stmt *s, int *deleted);

/* Finalizes all prepared statements of a connection. */
void stmt_forget(struct db *db);

/* Logs what SQLite says and returns the fitting code. */
int stmt_fail(struct db *db, const char *what);

#endif
