#include "store/activities.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/sql.h"

#define DETAIL_TEXT 2001
#define KEEP        (INT64_C(2) * 365 * 86400)

/* Anybody can cause these: no more are kept, of each action. */
#define REFUSALS 2000

enum { ADD, TRIM, LIST, PURGE };

static const char *const texts[] = {
	[ADD] = "INSERT INTO activities {new row}",
	[TRIM] = "DELETE FROM activities WHERE action = $1 AND id <= (SELECT id"
		 " FROM activities WHERE action = $1"
		 " ORDER BY id DESC LIMIT 1 OFFSET $2)",
	[LIST] = "SELECT {columns} FROM activities"
		 " WHERE id < $1 ORDER BY id DESC LIMIT $2",
	[PURGE] =
	    "DELETE FROM activities WHERE id IN (SELECT id FROM activities"
	    " WHERE at < $1 ORDER BY at LIMIT $2)",
};

#define ROW struct activity

static const struct column columns[] = {
	{ "id", INT(id), .read_only = true },
	{ "at", TIME(at) },
	{ "actor", TEXT(actor) },
	{ "action", TEXT(action) },
	{ "detail", STRING(detail) },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(activities, texts, &table);

int
activities_add(
    struct db *db, const char *actor, const char *action, const char *detail)
{
	char text[DETAIL_TEXT];
	struct activity row = { .at = clock_now(), .detail = text };

	COPY(row.actor, actor);
	COPY(row.action, action);
	COPY(text, detail);
	return sql_insert(db, texts[ADD], &table, &row);
}

int
activities_add_refusal(
    struct db *db, const char *actor, const char *action, const char *detail)
{
	int r = activities_add(db, actor, action, detail);

	if (r != OK)
		return r;
	return sql_run(
	    db, texts[TRIM], WITH(datum_text(action), datum_int(REFUSALS)));
}

int
activities_list(
    struct db *db, int64_t before, int limit, struct activity_list *out)
{
	return sql_rows(db, texts[LIST], &table,
	    WITH(datum_int(before != 0 ? before : INT64_MAX), datum_int(limit)),
	    &out->rows, &out->n);
}

void
activities_list_release(struct activity_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct activity_list){ 0 };
}

int
activities_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP), datum_int(limit)), deleted);
}
