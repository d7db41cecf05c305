#include "store/alarms.h"


#include "base/clock.h"
#include "store/sql.h"

#define KEEP (INT64_C(365) * 86400)

enum { RAISE, CLOSE, COUNT_OPEN, LIST_OPEN, LIST_ALL, LIST_BY_SERIAL, PURGE };

/* The two marked SQL_SCANS read the index of open alarms, which are few. */
static const char *const texts[] = {
	[RAISE] = "INSERT INTO alarms {new row}"
		  " ON CONFLICT (kind, subject) WHERE closed_at IS NULL"
		  " DO UPDATE SET serial = excluded.serial,"
		  " text = excluded.text,"
		  " last_seen_at = excluded.last_seen_at",
	[CLOSE] = "UPDATE alarms SET closed_at = $3 WHERE kind = $1"
		  " AND subject = $2 AND closed_at IS NULL",
	[COUNT_OPEN] =
	    SQL_SCANS "SELECT count(*) FROM alarms WHERE closed_at IS NULL",
	[LIST_OPEN] =
	    SQL_SCANS "SELECT {columns} FROM alarms WHERE closed_at IS NULL"
		      " AND id < $1 ORDER BY id DESC LIMIT $2",
	[LIST_ALL] = "SELECT {columns} FROM alarms WHERE id < $1"
		     " ORDER BY id DESC LIMIT $2",
	[LIST_BY_SERIAL] = "SELECT {columns} FROM alarms WHERE serial = $1"
			   " AND closed_at IS NULL ORDER BY id DESC LIMIT $2",
	[PURGE] = "DELETE FROM alarms WHERE id IN (SELECT id FROM alarms"
		  " WHERE closed_at < $1 ORDER BY closed_at LIMIT $2)",
};

#define ROW struct alarm

static const struct column columns[] = {
	{ "id", INT(id), .read_only = true },
	{ "kind", TEXT(kind) },
	{ "subject", TEXT(subject) },
	{ "serial", TEXT(serial) },
	{ "text", TEXT(text) },
	{ "raised_at", TIME(raised_at) },
	{ "last_seen_at", TIME(last_seen_at) },
	{ "closed_at", TIME(closed_at), .read_only = true },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(alarms, texts, &table);

static const char *const kind_names[] = {
#define ALARM_NAME(constant, name) [ALARM_##constant] = (name),
	ALARM_KINDS(ALARM_NAME)
#undef ALARM_NAME
};

const char *
alarms_kind_name(enum alarm_kind kind)
{
	return kind_names[kind];
}

int
alarms_raise(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text)
{
	struct alarm row = { .raised_at = clock_now() };

	COPY(row.kind, alarms_kind_name(kind));
	COPY(row.subject, subject);
	COPY(row.serial, serial);
	COPY(row.text, text);
	row.last_seen_at = row.raised_at;
	return sql_insert(db, texts[RAISE], &table, &row);
}

int
alarms_note(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text)
{
	int r = db_begin_relaxed(db);

	if (r == OK)
		r = db_end(db, alarms_raise(db, kind, subject, serial, text));
	return r;
}

int
alarms_close(struct db *db, enum alarm_kind kind, const char *subject)
{
	return sql_run(db, texts[CLOSE],
	    WITH(datum_text(alarms_kind_name(kind)),
		datum_cut(subject, DB_NAME_TEXT), datum_int(clock_now())));
}

int
alarms_count_open(struct db *db, int64_t *out)
{
	return sql_integer(db, texts[COUNT_OPEN], NULL, out);
}

int
alarms_list(
    struct db *db, bool all, int64_t before, int limit, struct alarm_list *out)
{
	return sql_rows(db, texts[all ? LIST_ALL : LIST_OPEN], &table,
	    WITH(datum_int(before != 0 ? before : INT64_MAX), datum_int(limit)),
	    &out->rows, &out->n);
}

int
alarms_list_by_serial(
    struct db *db, const char *serial, int limit, struct alarm_list *out)
{
	return sql_rows(db, texts[LIST_BY_SERIAL], &table,
	    WITH(datum_text(serial), datum_int(limit)), &out->rows, &out->n);
}

void
alarms_list_release(struct alarm_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct alarm_list){ 0 };
}

int
alarms_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP), datum_int(limit)), deleted);
}
