#include "store/events.h"


#include "base/clock.h"
#include "store/counters.h"
#include "store/daily.h"
#include "store/event_pools.h"
#include "store/refusals.h"
#include "store/sql.h"

#define REASON_MAX 500

enum {
	ADD,
	ENDED_BADLY,
	LIST_BY_ENROLLMENT,
	LIST_BY_SERIAL,
	WINDOW,
	LIST_REFUSALS,
	PURGE,
};

static const char *const texts[] = {
	[ADD] = "INSERT INTO events {new row} RETURNING id",
	[ENDED_BADLY] = "SELECT CASE WHEN outcome = 'ok' THEN 0 ELSE 1 END"
			" FROM events WHERE enrollment_id = $1"
			" ORDER BY id DESC LIMIT 1",
	[LIST_BY_ENROLLMENT] = "SELECT {columns} FROM events"
			       " WHERE enrollment_id = $1 ORDER BY id",
	[LIST_BY_SERIAL] = "SELECT {columns} FROM events"
			   " WHERE serial = $1 ORDER BY id DESC LIMIT $2",
	[WINDOW] = "SELECT id FROM events WHERE outcome = $1 AND id < $2"
		   " ORDER BY id DESC LIMIT 1 OFFSET $3",
	[LIST_REFUSALS] =
	    "SELECT {columns} FROM events"
		      " WHERE outcome IN ('refused', 'failed') AND id < $2"
		      " AND id >= $4 AND (lower(serial) LIKE $1 ESCAPE '\\'"
		      " OR lower(step) LIKE $1 ESCAPE '\\'"
		      " OR lower(code) LIKE $1 ESCAPE '\\'"
		      " OR lower(reason) LIKE $1 ESCAPE '\\'"
		      " OR lower(remote_address) LIKE $1 ESCAPE '\\')"
		      " ORDER BY id DESC LIMIT $3",
	[PURGE] = "DELETE FROM events WHERE id IN (SELECT id FROM events"
		  " WHERE at < $1 ORDER BY at LIMIT $2)",
};

static const char *const outcomes[] = {
	[EVENT_OK] = "ok",
	[EVENT_REFUSED] = "refused",
	[EVENT_FAILED] = "failed",
};

static const char *const pools[] = {
	[EVENT_POOL_NONE] = "",
	[EVENT_POOL_SIGNED] = "signed",
	[EVENT_POOL_KNOWN] = "known",
	[EVENT_POOL_UNKNOWN] = "unknown",
};

#define ROW struct event_row

static const struct column columns[] = {
	{ "id", INT(id), .read_only = true },
	{ "at", TIME(at) },
	{ "enrollment_id", TEXT_OR_NULL(enrollment_id) },
	{ "serial", TEXT(serial) },
	{ "step", TEXT(step) },
	{ "outcome", WORD(outcome, outcomes) },
	{ "code", TEXT(code) },
	{ "reason", TEXT(reason) },
	{ "remote_address", TEXT(remote_address) },
	{ "pool", WORD(pool, pools) },
	{ "pool_key", TEXT(pool_key) },
	{ "network", TEXT(network) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(events, texts, &table);

enum event_outcome
events_outcome(int code)
{
	if (code == OK)
		return EVENT_OK;
	/* what a device failed at was refused to nobody */
	if (code == ERR_RENEWAL_DEVICE || code == ERR_RENEWAL_UNANSWERED)
		return EVENT_FAILED;
	return err_http_status(code) >= 500 ? EVENT_FAILED : EVENT_REFUSED;
}

const char *
events_outcome_name(enum event_outcome outcome)
{
	return outcomes[outcome];
}

const char *
events_pool_name(enum event_pool pool)
{
	return pools[pool];
}

/* Refusals are logged where they are noticed, by fail(). */
static void
note_success(struct db *db, const struct event_row *row)
{
	db_note(db, "%.32s of %.64s: ok%s%.256s", row->step,
	    row->serial[0] == '\0' ? "an unnamed device" : row->serial,
	    row->reason[0] == '\0' ? "" : ": ", row->reason);
}

int
events_add(struct db *db, const struct event *e)
{
	struct event_row row = { .at = clock_now(), .outcome = e->outcome };
	int r;

	COPY(row.enrollment_id, e->enrollment_id);
	COPY(row.serial, e->serial);
	COPY(row.step, e->step);
	COPY(row.code, e->code == OK ? "" : err_name(e->code));
	datum_copy(row.reason, REASON_MAX + 1, e->reason);
	COPY(row.remote_address, e->remote_address);
	if ((r = event_pools_find(db, e, &row)) != OK ||
	    (r = sql_insert_id(db, texts[ADD], &table, &row, &row.id)) != OK)
		return r;
	if (e->outcome == EVENT_OK)
		note_success(db, &row);
	else if ((r = counters_add(
		      db, COUNTERS_REFUSALS, row.step, row.code)) != OK ||
	    (r = daily_add_refusal(db, row.at, row.code)) != OK)
		return r;
	if (e->outcome == EVENT_REFUSED && (r = refusals_note(db, &row)) != OK)
		return r;
	return event_pools_trim(db, &row);
}

int
events_note(struct db *db, const struct event *e)
{
	int r = db_begin_relaxed(db);

	return r == OK ? db_end(db, events_add(db, e)) : r;
}

int
events_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct event_list *out)
{
	return sql_rows(db, texts[LIST_BY_ENROLLMENT], &table,
	    WITH(datum_text(enrollment_id)), &out->rows, &out->n);
}

int
events_ended_badly(struct db *db, const char *enrollment_id, bool *out)
{
	int64_t badly = 0;
	int r;

	r = sql_integer(
	    db, texts[ENDED_BADLY], WITH(datum_text(enrollment_id)), &badly);
	*out = r == OK && badly != 0;
	return r == ERR_NOT_FOUND ? OK : r;
}

int
events_list_by_serial(
    struct db *db, const char *serial, int limit, struct event_list *out)
{
	return sql_rows(db, texts[LIST_BY_SERIAL], &table,
	    WITH(datum_text(serial), datum_int(limit)), &out->rows, &out->n);
}

/*
 * The id from which on, below `before`, there are at most `rows` of this outcome,
 * and as many if more of them are further down; 0: from the first on.
 */
static int
window(struct db *db, enum event_outcome outcome, int64_t before, int rows,
    int64_t *from)
{
	int64_t id;
	int r = sql_integer(db, texts[WINDOW],
	    WITH(datum_text(outcomes[outcome]), datum_int(before),
		datum_int(rows - 1)),
	    &id);

	if (r == OK && id > *from)
		*from = id;
	return r == ERR_NOT_FOUND ? OK : r;
}

int
events_list_refusals(struct db *db, const char *search, int64_t before,
    int limit, struct event_list *out)
{
	bool all = search == NULL || *search == '\0';
	int64_t from = 0, below = before != 0 ? before : INT64_MAX;
	int rows = all ? limit : EVENTS_LOOKED_AT;
	int r;

	*out = (struct event_list){ .n = 0 };
	if ((r = window(db, EVENT_REFUSED, below, rows, &from)) != OK ||
	    (r = window(db, EVENT_FAILED, below, rows, &from)) != OK ||
	    (r = sql_rows(db, texts[LIST_REFUSALS], &table,
		 WITH(SEARCH(search), datum_int(below), datum_int(limit),
		     datum_int(from)),
		 &out->rows, &out->n)) != OK)
		return r;
	/* the last one shown, or the last one looked at */
	out->next =
	    out->n == (size_t)limit ? out->rows[out->n - 1].id : from;
	return OK;
}

void
events_list_release(struct event_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct event_list){ 0 };
}

int
events_purge(struct db *db, int64_t now, int days, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - days * INT64_C(86400)), datum_int(limit)), deleted);
}
