#include "store/alarms.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/stmt.h"

#define KEEP (INT64_C(365) * 86400)

enum { RAISE, CLOSE, COUNT_OPEN, LIST_OPEN, LIST_ALL, LIST_BY_SERIAL, PURGE };

#define COLUMNS                                                                \
	"id, kind, subject, serial, text, raised_at, last_seen_at, closed_at"

/* The two marked STMT_SCANS read the index of open alarms, which are few. */
static const char *const texts[] = {
	[RAISE] = "INSERT INTO alarms (kind, subject, serial, text, raised_at,"
		  " last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)"
		  " ON CONFLICT (kind, subject) WHERE closed_at IS NULL"
		  " DO UPDATE SET serial = excluded.serial,"
		  " text = excluded.text,"
		  " last_seen_at = excluded.last_seen_at",
	[CLOSE] = "UPDATE alarms SET closed_at = ?3 WHERE kind = ?1"
		  " AND subject = ?2 AND closed_at IS NULL",
	[COUNT_OPEN] = STMT_SCANS
	    "SELECT count(*) FROM alarms WHERE closed_at IS NULL",
	[LIST_OPEN] =
	    STMT_SCANS "SELECT " COLUMNS " FROM alarms WHERE closed_at IS NULL"
		       " AND id < ?1 ORDER BY id DESC LIMIT ?2",
	[LIST_ALL] = "SELECT " COLUMNS " FROM alarms WHERE id < ?1"
		     " ORDER BY id DESC LIMIT ?2",
	[LIST_BY_SERIAL] =
	    "SELECT " COLUMNS " FROM alarms WHERE serial = ?1"
	    " AND closed_at IS NULL ORDER BY id DESC LIMIT ?2",
	[PURGE] = "DELETE FROM alarms WHERE id IN (SELECT id FROM alarms"
		  " WHERE closed_at < ?1 ORDER BY closed_at LIMIT ?2)",
};

STMT_FAMILY(alarms, texts);

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
	struct stmt s;

	stmt_start(&s, db, STMT_alarms, RAISE);
	stmt_put_text(&s, alarms_kind_name(kind));
	stmt_put_cut(&s, subject, DB_NAME_TEXT);
	stmt_put_cut(&s, serial, DB_SERIAL_TEXT);
	stmt_put_cut(&s, text, ALARM_TEXT);
	stmt_put_int(&s, clock_now());
	return stmt_run(&s);
}

int
alarms_note(struct db *db, enum alarm_kind kind, const char *subject,
    const char *serial, const char *text)
{
	int code = db_begin_relaxed(db);

	if (code != OK)
		return code;
	if ((code = alarms_raise(db, kind, subject, serial, text)) == OK)
		code = db_commit(db);
	db_rollback(db);
	return code;
}

int
alarms_close(struct db *db, enum alarm_kind kind, const char *subject)
{
	struct stmt s;

	stmt_start(&s, db, STMT_alarms, CLOSE);
	stmt_put_text(&s, alarms_kind_name(kind));
	stmt_put_cut(&s, subject, DB_NAME_TEXT);
	stmt_put_int(&s, clock_now());
	return stmt_run(&s);
}

int
alarms_count_open(struct db *db, int64_t *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_alarms, COUNT_OPEN);
	return stmt_integer(&s, out);
}

static void
read_alarm(struct stmt *s, void *out)
{
	struct alarm *a = out;

	a->id = stmt_get_int(s);
	stmt_get_text(s, a->kind, sizeof(a->kind));
	stmt_get_text(s, a->subject, sizeof(a->subject));
	stmt_get_text(s, a->serial, sizeof(a->serial));
	stmt_get_text(s, a->text, sizeof(a->text));
	a->raised_at = stmt_get_int(s);
	a->last_seen_at = stmt_get_int(s);
	a->closed_at = stmt_get_int(s);
}

static int
read_list(struct stmt *s, struct alarm_list *out)
{
	int code;

	out->rows = stmt_rows(s, read_alarm, sizeof(*out->rows), &out->n);
	if ((code = stmt_end(s)) != OK)
		alarms_list_release(out);
	return code;
}

int
alarms_list(struct db *db, bool all, int64_t before, int limit,
    struct alarm_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_alarms, all ? LIST_ALL : LIST_OPEN);
	stmt_put_int(&s, before != 0 ? before : INT64_MAX);
	stmt_put_int(&s, limit);
	return read_list(&s, out);
}

int
alarms_list_by_serial(
    struct db *db, const char *serial, int limit, struct alarm_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_alarms, LIST_BY_SERIAL);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, limit);
	return read_list(&s, out);
}

void
alarms_list_release(struct alarm_list *list)
{
	free(list->rows);
	*list = (struct alarm_list){ 0 };
}

int
alarms_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_alarms, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
