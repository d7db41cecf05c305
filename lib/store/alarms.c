#include "store/alarms.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/activities.h"
#include "store/sql.h"

#define DAY  INT64_C(86400)
#define KEEP (365 * DAY)

/* An alarm about an end is critical from this many days before. */
#define CRITICAL_DAYS 7

enum {
	RAISE,
	IS_OPEN,
	CLOSE,
	COUNT_OPEN,
	LIST_OPEN,
	LIST_ALL,
	LIST_BY_SERIAL,
	NEXT,
	TELL_AT,
	TOLD,
	PUT_OFF,
	FORGET_CLOSED,
	PURGE
};

/* The two marked SQL_SCANS read the index of open alarms, which are few. */
static const char *const texts[] = {
	[RAISE] = "INSERT INTO alarms {new row}"
		  " ON CONFLICT (kind, subject) WHERE closed_at IS NULL"
		  " DO UPDATE SET serial = excluded.serial,"
		  " text = excluded.text,"
		  " last_seen_at = excluded.last_seen_at,"
		  " tell_at = CASE WHEN alarms.severity <> excluded.severity"
		  " OR alarms.days_left <> excluded.days_left"
		  " THEN excluded.tell_at ELSE alarms.tell_at END,"
		  " severity = excluded.severity,"
		  " ends_at = excluded.ends_at,"
		  " days_left = excluded.days_left",
	[IS_OPEN] = "SELECT 1 FROM alarms WHERE kind = $1 AND subject = $2"
		    " AND closed_at IS NULL",
	[CLOSE] = "UPDATE alarms SET closed_at = $3, tell_at = $3"
		  " WHERE kind = $1"
		  " AND subject = $2 AND closed_at IS NULL RETURNING serial",
	[COUNT_OPEN] =
	    SQL_SCANS "SELECT count(*) FROM alarms WHERE closed_at IS NULL",
	[LIST_OPEN] =
	    SQL_SCANS "SELECT {columns} FROM alarms WHERE closed_at IS NULL"
		      " AND id < $1 ORDER BY id DESC LIMIT $2",
	[LIST_ALL] = "SELECT {columns} FROM alarms WHERE id < $1"
		     " ORDER BY id DESC LIMIT $2",
	[LIST_BY_SERIAL] = "SELECT {columns} FROM alarms WHERE serial = $1"
			   " AND closed_at IS NULL ORDER BY id DESC LIMIT $2",
	[NEXT] = "SELECT {columns} FROM alarms WHERE tell_at <= $1"
		 " ORDER BY tell_at LIMIT 1",
	[TELL_AT] = "SELECT tell_at FROM alarms WHERE tell_at IS NOT NULL"
		    " ORDER BY tell_at LIMIT 1",
	/* $3 closed_at or 0, $4 severity and $5 days_left that were told */
	[TOLD] = "UPDATE alarms SET told_at = $2, tell_at = CASE WHEN"
		 " coalesce(closed_at, 0) = $3 AND severity = $4"
		 " AND days_left = $5 THEN $6 ELSE tell_at END WHERE id = $1",
	[PUT_OFF] = "UPDATE alarms SET tell_at = $2 WHERE id = $1",
	[FORGET_CLOSED] = "UPDATE alarms SET tell_at = NULL WHERE id IN"
			  " (SELECT id FROM alarms WHERE tell_at IS NOT NULL"
			  " AND closed_at IS NOT NULL LIMIT $1)",
	[PURGE] = "DELETE FROM alarms WHERE id IN (SELECT id FROM alarms"
		  " WHERE closed_at < $1 ORDER BY closed_at LIMIT $2)",
};

#define ROW struct alarm

static const char *const severities[] = {
	[ALARM_WARNING] = "warning",
	[ALARM_CRITICAL] = "critical",
};

static const struct column columns[] = {
	{ "id", INT(id), .read_only = true },
	{ "kind", TEXT(kind) },
	{ "subject", TEXT(subject) },
	{ "serial", TEXT(serial) },
	{ "text", TEXT(text) },
	{ "raised_at", TIME(raised_at) },
	{ "last_seen_at", TIME(last_seen_at) },
	{ "closed_at", TIME(closed_at), .read_only = true },
	{ "severity", WORD(severity, severities) },
	{ "ends_at", TIME(ends_at) },
	{ "days_left", INT(days_left) },
	{ "told_at", TIME(told_at), .read_only = true },
	{ "tell_at", TIME(tell_at) },
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

const char *
alarms_severity_name(enum alarm_severity severity)
{
	return severities[severity];
}

/* Of kinds that have but one. */
static enum alarm_severity
severity_of(enum alarm_kind kind)
{
	switch (kind) {
	case ALARM_BUSINESS_TERMS:
	case ALARM_EVIDENCE_FORGED:
	case ALARM_JOB_FAILING:
	case ALARM_PUSH_STOPPED:
	case ALARM_PUSH_TOPIC_MISSING:
	case ALARM_WORKER_SILENT:
		return ALARM_CRITICAL;
	default:
		return ALARM_WARNING;
	}
}

/* When it is raised and when it is closed, not each time it is seen. */
static int
record(struct db *db, const char *action, const char *kind, const char *serial,
    const char *detail)
{
	bool raised = strcmp(action, "alarm.raise") == 0;

	return activities_add(db,
	    &(struct activity_note){ .action = action,
		.serial = serial,
		.before = raised ? "" : kind,
		.after = raised ? kind : "",
		.detail = detail });
}

int
alarms_is_open(
    struct db *db, enum alarm_kind kind, const char *subject, bool *out)
{
	return sql_exists(db, texts[IS_OPEN],
	    WITH(datum_text(alarms_kind_name(kind)), datum_text(subject)), out);
}

/* The rest of the row is the caller's. */
static int
raise_row(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text, struct alarm *row)
{
	bool is_open;
	int r;

	COPY(row->kind, alarms_kind_name(kind));
	COPY(row->subject, subject);
	COPY(row->serial, serial);
	COPY(row->text, text);
	row->raised_at = row->last_seen_at = row->tell_at = clock_now();
	if ((r = alarms_is_open(db, kind, row->subject, &is_open)) != OK ||
	    (r = sql_insert(db, texts[RAISE], &table, row)) != OK || is_open)
		return r;
	return record(db, "alarm.raise", row->kind, row->serial, row->text);
}

int
alarms_raise(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text)
{
	struct alarm row = { .severity = severity_of(kind), .days_left = -1 };

	return raise_row(db, kind, subject, serial, text, &row);
}

int
alarms_note_state(struct db *db, enum alarm_kind kind,
    enum alarm_severity severity, const char *subject, const char *text)
{
	struct alarm row = { .severity = severity, .days_left = -1 };
	int r = db_begin_relaxed(db);

	if (r != OK)
		return r;
	return db_end(db,
	    *text == '\0' ? alarms_close(db, kind, subject)
			  : raise_row(db, kind, subject, NULL, text, &row));
}

/* The least threshold that was reached; -1: none yet. */
static int
days_left(int64_t ends_at)
{
	static const int thresholds[] = { 0, 1, 7, 14, 30 };
	int64_t left = ends_at - clock_now();

	for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++)
		if (left <= thresholds[i] * DAY)
			return thresholds[i];
	return -1;
}

int
alarms_raise_ending(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, int64_t ends_at, const char *what, const char *advice)
{
	struct alarm row = { .ends_at = ends_at,
		.days_left = days_left(ends_at) };
	char text[ALARM_TEXT], date[CLOCK_TEXT], when[32];

	if (row.days_left < 0)
		return alarms_close(db, kind, subject);
	row.severity =
	    row.days_left <= CRITICAL_DAYS ? ALARM_CRITICAL : ALARM_WARNING;
	clock_people(ends_at, date);
	snprintf(when, sizeof when, "expires within %d day%s", row.days_left,
	    row.days_left == 1 ? "" : "s");
	snprintf(text, sizeof text, "%s %s, on %s. %s", what,
	    row.days_left == 0 ? "has expired" : when, date, advice);
	return raise_row(db, kind, subject, serial, text, &row);
}

int
alarms_note_ending(struct db *db, enum alarm_kind kind, const char *subject,
    int64_t ends_at, const char *what, const char *advice)
{
	int r = db_begin_relaxed(db);

	if (r == OK)
		r = db_end(db,
		    alarms_raise_ending(
			db, kind, subject, NULL, ends_at, what, advice));
	return r;
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
	const char *name = alarms_kind_name(kind);
	char serial[DB_SERIAL_TEXT];
	int r;

	r = sql_text(db, texts[CLOSE],
	    WITH(datum_text(name), datum_cut(subject, DB_NAME_TEXT),
		datum_int(clock_now())),
	    serial, sizeof serial);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	return record(db, "alarm.close", name, serial, subject);
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
alarms_next(struct db *db, int64_t now, struct alarm *out)
{
	return sql_one(db, texts[NEXT], &table, WITH(datum_int(now)), out);
}

int
alarms_tell_at(struct db *db, int64_t *out)
{
	int r = sql_integer(db, texts[TELL_AT], NULL, out);

	if (r == ERR_NOT_FOUND)
		*out = 0;
	return r == ERR_NOT_FOUND ? OK : r;
}

int
alarms_told(struct db *db, const struct alarm *told, int64_t again)
{
	int r = db_begin(db);

	if (r != OK)
		return r;
	return db_end(db,
	    sql_run(db, texts[TOLD],
		WITH(datum_int(told->id), datum_int(clock_now()),
		    datum_int(told->closed_at),
		    datum_text(severities[told->severity]),
		    datum_int(told->days_left),
		    datum_time(told->closed_at == 0 ? again : 0))));
}

int
alarms_put_off(struct db *db, const struct alarm *alarm, int64_t until)
{
	int r = db_begin(db);

	if (r == OK)
		r = db_end(db,
		    sql_run(db, texts[PUT_OFF],
			WITH(datum_int(alarm->id), datum_int(until))));
	return r;
}

int
alarms_forget_closed(struct db *db, int limit, int *changed)
{
	int r = db_begin_relaxed(db);

	*changed = 0;
	if (r == OK)
		r = db_end(db,
		    sql_count_changed(db, texts[FORGET_CLOSED],
			WITH(datum_int(limit)), changed));
	return r;
}

int
alarms_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP), datum_int(limit)), deleted);
}
