/*
 * Running statements, for the files of this folder; nobody else includes this.
 *
 * Each family file has an enum of its statements and an array of their texts.
 * `sql` is one of these: a constant, prepared once per connection and found by
 * its address. Parameters are $1, $2, …; {columns}, {brief} and {new row} are
 * filled in from `table` (columns.h), which is NULL for statements without. A
 * statement that begins with SQL_SCANS may read a whole table; a test holds all
 * others to their indexes. schema/README says which SQL is allowed.
 *
 * Every failure but ERR_EXISTS and ERR_NOT_FOUND is logged. ERR_EXISTS: a
 * UNIQUE constraint stopped it. `params` is WITH(…), or NULL for none.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include "store/columns.h"
#include "store/db.h"

#define SQL_SCANS "/* scans */ "

/* Runs a statement that returns no rows. */
int sql_run(struct db *db, const char *sql, const struct datum *params);

/* sql_run(), and `none` when no row was changed. */
int sql_change(
    struct db *db, const char *sql, const struct datum *params, int none);

/* sql_run(); how many rows were changed, 0 on failure. */
int sql_count_changed(
    struct db *db, const char *sql, const struct datum *params, int *changed);

/* The integer in the only column of the first row. ERR_NOT_FOUND. */
int sql_integer(
    struct db *db, const char *sql, const struct datum *params, int64_t *out);

/* Does it return any row? */
int sql_exists(
    struct db *db, const char *sql, const struct datum *params, bool *out);

/*
 * The first row. `row` is all zero and owns nothing unless OK is returned.
 * ERR_NOT_FOUND.
 */
int sql_one(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *row);

/*
 * All rows in one array, which columns_release() frees; `rows` is the address
 * of the pointer to it. NULL, and *n 0, when there are none and on failure.
 */
int sql_rows(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *rows, size_t *n);

/*
 * What sql_rows() did on this connection so far: a dozen for a row that a condition
 * looks at, however long that takes. An engine that does not count may give the
 * elapsed time in units of 0.1 microseconds.
 */
int64_t sql_work(const struct db *db);

/*
 * The same without the damaged rows, which are logged and counted: one bad row
 * must not hide the others.
 */
int sql_rows_that_fit(struct db *db, const char *sql, const struct table *table,
    const struct datum *params, void *rows, size_t *n, size_t *damaged);

/*
 * Runs a statement with {new row}. ERR_NOT_FOUND when ON CONFLICT kept it from
 * changing anything.
 */
int sql_insert(
    struct db *db, const char *sql, const struct table *table, const void *row);

/* The same for one that ends in RETURNING id. */
int sql_insert_id(struct db *db, const char *sql, const struct table *table,
    const void *row, int64_t *id);

/*
 * The text in the first column of the first row. ERR_NOT_FOUND; ERR_DB when it
 * does not fit.
 */
int sql_text(struct db *db, const char *sql, const struct datum *params,
    char *out, size_t size);

/* Appends the text or blob in the first column of the first row. */
int sql_bytes(struct db *db, const char *sql, const struct datum *params,
    struct buf *out);

/* The families, so that tests see every statement. */
#define SQL_FAMILIES(X)                                                        \
	X(accounts)                                                            \
	X(activities)                                                          \
	X(activity_chain)                                                      \
	X(ade_accounts)                                                        \
	X(ade_devices)                                                         \
	X(admins)                                                              \
	X(alarms)                                                              \
	X(api_tokens)                                                          \
	X(attestations)                                                        \
	X(browsers)                                                            \
	X(certificates)                                                        \
	X(commands)                                                            \
	X(counters)                                                            \
	X(daily)                                                               \
	X(enrollment_links)                                                    \
	X(enrollments)                                                         \
	X(event_pools)                                                         \
	X(events)                                                              \
	X(host_index)                                                          \
	X(host_list)                                                           \
	X(hosts)                                                               \
	X(jobs)                                                                \
	X(logins)                                                              \
	X(moves)                                                               \
	X(nonces)                                                              \
	X(orders)                                                              \
	X(population)                                                          \
	X(push_certificate)                                                    \
	X(pushes)                                                              \
	X(renewal_candidates)                                                  \
	X(renewals)                                                            \
	X(restored)                                                            \
	X(scep_challenges)                                                     \
	X(sessions)                                                            \
	X(settings)                                                            \
	X(sign_ins)

enum {
#define SQL_INDEX(family) SQL_INDEX_##family,
	SQL_FAMILIES(SQL_INDEX)
#undef SQL_INDEX
	    SQL_FAMILIES_COUNT
};

struct sql_family {
	const char *name;
	const char *const *texts;
	int count;
	/* NULL when no statement needs one */
	const struct table *table;
};

#define SQL_FAMILY(family, texts, table)                                       \
	const struct sql_family family##_statements = { #family, texts,        \
		(int)(sizeof(texts) / sizeof((texts)[0])), table }

#define SQL_DECLARE(family) extern const struct sql_family family##_statements;
SQL_FAMILIES(SQL_DECLARE)
#undef SQL_DECLARE

extern const struct sql_family *const sql_families[SQL_FAMILIES_COUNT];

#endif
