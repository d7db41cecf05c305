#include "store/counters.h"

#include "store/sql.h"

enum { ADD, ADD_ENROLLMENT, LIST, ENDING, PUSHES, RENEWALS };

#define COUNT_UP                                                               \
	" ON CONFLICT (name, first, second)"                                   \
	" DO UPDATE SET value = counters.value + 1"

/* All that is scanned is what the inner SELECT found by its index. */
#define COUNT_OF(rows)                                                         \
	SQL_SCANS "SELECT count(*) FROM (SELECT 1 FROM " rows ") AS found"

static const char *const texts[] = {
	[ADD] = "INSERT INTO counters (name, first, second, value)"
		" VALUES ($1, $2, $3, 1)" COUNT_UP,
	[ADD_ENROLLMENT] = "INSERT INTO counters (name, first, second, value)"
			   " SELECT $1, method, $3, 1 FROM enrollments"
			   " WHERE id = $2" COUNT_UP,
	[LIST] = SQL_SCANS "SELECT {columns} FROM counters"
			   " ORDER BY name, first, second",
	[ENDING] = COUNT_OF("certificates WHERE state = 'current'"
			    " AND not_after <= $1 LIMIT $2"),
	[PUSHES] = COUNT_OF("pushes WHERE due_at IS NOT NULL"
			    " AND due_at >= 0 LIMIT $1"),
	[RENEWALS] = COUNT_OF("renewals WHERE enrollment_id IS NOT NULL"
			      " AND opened_at >= 0 LIMIT $1"),
};

#define ROW struct counter

static const struct column columns[] = {
	{ "name", TEXT(name) },
	{ "first", TEXT(first) },
	{ "second", TEXT(second) },
	{ "value", INT(value) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(counters, texts, &table);

int
counters_add(
    struct db *db, const char *name, const char *first, const char *second)
{
	return sql_run(db, texts[ADD],
	    WITH(datum_text(name), datum_cut(first, COUNTERS_NAME_TEXT),
		datum_cut(second, COUNTERS_NAME_TEXT)));
}

int
counters_add_enrollment(struct db *db, const char *id, const char *state)
{
	return sql_run(db, texts[ADD_ENROLLMENT],
	    WITH(datum_text(COUNTERS_ENROLLMENTS), datum_text(id),
		datum_text(state)));
}

int
counters_list(struct db *db, struct counter_list *out)
{
	return sql_rows(db, texts[LIST], &table, NULL, &out->rows, &out->n);
}

void
counters_list_release(struct counter_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct counter_list){ 0 };
}

int
counters_certificates_ending(struct db *db, int64_t by, int64_t *out)
{
	return sql_integer(db, texts[ENDING],
	    WITH(datum_int(by), datum_int(COUNTERS_MOST)), out);
}

int
counters_pushes_waiting(struct db *db, int64_t *out)
{
	return sql_integer(
	    db, texts[PUSHES], WITH(datum_int(COUNTERS_MOST)), out);
}

int
counters_renewals_open(struct db *db, int64_t *out)
{
	return sql_integer(
	    db, texts[RENEWALS], WITH(datum_int(COUNTERS_MOST)), out);
}
