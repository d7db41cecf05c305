#include "store/events.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/network.h"
#include "store/stmt.h"

/*
 * Rows kept of one step with one code: a sender who repeats one fault cannot
 * push out what else happened.
 */
#define PER_KIND       50
#define PER_KIND_CLAIM 10
#define KEEP           (INT64_C(180) * 86400)

/*
 * Only one row in EVERY looks at the size of its whole pool. If that is too
 * large, it makes room for twice as many rows, MAKE_ROOM at a time from
 * whatever share is then the largest.
 */
#define EVERY     64
#define ROUNDS    8
#define MAKE_ROOM (2 * EVERY / ROUNDS)

enum {
	ADD,
	TRIM_ENROLLMENT,
	TRIM_SERIAL,
	ENDED_BADLY,
	IS_KNOWN,
	TRIM_CLAIM,
	TRIM_CLAIMED,
	TRIM_NETWORK,
	POOL_SIZE,
	TRIM_LARGEST,
	TRIM_OLDEST,
	LIST_BY_ENROLLMENT,
	LIST_BY_SERIAL,
	LIST_REFUSALS,
	PURGE,
};

#define COLUMNS                                                                \
	"id, at, enrollment_id, serial, step, outcome, code, reason,"          \
	" remote_address"

#define TRIM(rows)                                                             \
	" " rows " AND step = ?2 AND code = ?3"                                \
	" AND id <= (SELECT id FROM events WHERE " rows                        \
	" AND step = ?2 AND code = ?3 ORDER BY id DESC LIMIT 1 OFFSET ?4)"

static const char *const texts[] = {
	[ADD] = "INSERT INTO events (at, enrollment_id, serial, step, outcome,"
		" code, reason, remote_address, pool, pool_key, network)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
		" RETURNING id",
	[TRIM_ENROLLMENT] =
	    "DELETE FROM events WHERE" TRIM("enrollment_id = ?1"),
	[TRIM_SERIAL] =
	    "DELETE FROM events WHERE" TRIM("serial = ?1"
					    " AND enrollment_id IS NULL"
					    " AND pool IS NULL"),
	[IS_KNOWN] = "SELECT 1 FROM ade_devices WHERE serial = ?1"
		     " UNION ALL SELECT 1 FROM hosts WHERE serial = ?1",
	[TRIM_CLAIM] =
	    "DELETE FROM events WHERE" TRIM("pool = ?6 AND pool_key = ?1"
					    " AND network = ?5"),
	[TRIM_CLAIMED] =
	    "DELETE FROM events WHERE id = (SELECT min(id) FROM events"
	    " WHERE pool = ?3 AND pool_key = ?1"
	    " GROUP BY network ORDER BY count(*) DESC, min(id) LIMIT 1)"
	    " AND (SELECT count(*) FROM events"
	    " WHERE pool = ?3 AND pool_key = ?1) > ?2",
	[TRIM_NETWORK] =
	    "DELETE FROM events WHERE id IN (SELECT id FROM events"
	    " WHERE pool = 'unknown' AND pool_key = ?1 AND network = ?1"
	    " ORDER BY id DESC LIMIT ?3 OFFSET ?2)",
	[POOL_SIZE] = "SELECT count(*) FROM events WHERE pool = ?1",
	[TRIM_LARGEST] =
	    "DELETE FROM events WHERE id IN (SELECT id FROM events"
	    " WHERE pool = ?1 AND pool_key = (SELECT pool_key FROM events"
	    " WHERE pool = ?1 GROUP BY pool_key"
	    " ORDER BY count(*) DESC, min(id) LIMIT 1)"
	    " ORDER BY id LIMIT ?2)",
	[TRIM_OLDEST] = "DELETE FROM events WHERE id IN (SELECT id FROM events"
			" WHERE pool = ?1 ORDER BY id LIMIT ?2)",
	[ENDED_BADLY] = "SELECT CASE WHEN outcome = 'ok' THEN 0 ELSE 1 END"
			" FROM events WHERE enrollment_id = ?1"
			" ORDER BY id DESC LIMIT 1",
	[LIST_BY_ENROLLMENT] = "SELECT " COLUMNS " FROM events"
			       " WHERE enrollment_id = ?1 ORDER BY id",
	[LIST_BY_SERIAL] = "SELECT " COLUMNS " FROM events"
			   " WHERE serial = ?1 ORDER BY id DESC LIMIT ?2",
	[LIST_REFUSALS] =
	    STMT_SCANS "SELECT " COLUMNS " FROM events"
		       " WHERE outcome IN ('refused', 'failed') AND id < ?2"
		       " AND (lower(serial) LIKE ?1 ESCAPE '\\'"
		       " OR lower(step) LIKE ?1 ESCAPE '\\'"
		       " OR lower(code) LIKE ?1 ESCAPE '\\'"
		       " OR lower(reason) LIKE ?1 ESCAPE '\\'"
		       " OR lower(remote_address) LIKE ?1 ESCAPE '\\')"
		       " ORDER BY id DESC LIMIT ?3",
	[PURGE] = "DELETE FROM events WHERE id IN (SELECT id FROM events"
		  " WHERE at < ?1 ORDER BY at LIMIT ?2)",
};

STMT_FAMILY(events, texts);

static const char *const outcomes[] = {
	[EVENT_OK] = "ok",
	[EVENT_REFUSED] = "refused",
	[EVENT_FAILED] = "failed",
};

enum event_outcome
events_outcome(int code)
{
	if (code == OK)
		return EVENT_OK;
	return err_http_status(code) >= 500 ? EVENT_FAILED : EVENT_REFUSED;
}

const char *
events_outcome_name(enum event_outcome outcome)
{
	return outcomes[outcome];
}

static void
read_events(struct stmt *s, void *out)
{
	struct event_row *r = out;

	r->id = stmt_get_int(s);
	r->at = stmt_get_int(s);
	stmt_get_text(s, r->enrollment_id, sizeof(r->enrollment_id));
	stmt_get_text(s, r->serial, sizeof(r->serial));
	stmt_get_text(s, r->step, sizeof(r->step));
	r->outcome = (enum event_outcome)STMT_GET_WORD(s, outcomes);
	stmt_get_text(s, r->code, sizeof(r->code));
	stmt_get_text(s, r->reason, sizeof(r->reason));
	stmt_get_text(s, r->remote_address, sizeof(r->remote_address));
}

enum pool { POOL_NONE, POOL_SIGNED, POOL_KNOWN, POOL_UNKNOWN };

static const char *const pools[] = {
	[POOL_NONE] = "",
	[POOL_SIGNED] = "signed",
	[POOL_KNOWN] = "known",
	[POOL_UNKNOWN] = "unknown",
};

/* Where a row belongs; see events.h. */
struct place {
	enum pool pool;
	char key[DB_SERIAL_TEXT];
	char network[NETWORK_TEXT];
};

static bool
is_text(const char *s)
{
	return s != NULL && *s != '\0';
}

static int
is_known(struct db *db, const char *serial, bool *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, IS_KNOWN);
	stmt_put_text(&s, serial);
	return stmt_exists(&s, out);
}

static int
find_place(struct db *db, const struct event *t, struct place *out)
{
	const char *serial = t->claimed != NULL ? t->claimed : t->serial;
	bool known = false;
	int code = OK;

	*out = (struct place){ .pool = POOL_NONE };
	if (is_text(t->enrollment_id) || !is_text(t->remote_address))
		return OK;
	network_of(t->remote_address, 24, 48, out->network);
	if (is_text(serial))
		code = is_known(db, serial, &known);
	out->pool = !known ? POOL_UNKNOWN
	    : t->is_signed ? POOL_SIGNED
			   : POOL_KNOWN;
	snprintf(out->key, sizeof(out->key), "%s",
	    known ? serial : out->network);
	return code;
}

/* Trims rows of one step with one code to the newest `keep`. */
static int
trim_kind(struct db *db, int which, const char *key, const struct event *t,
    const struct place *p, int keep)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, which);
	stmt_put_text(&s, key);
	stmt_put_cut(&s, t->step, 33);
	stmt_put_cut(&s, t->code == OK ? "" : err_name(t->code), 33);
	stmt_put_int(&s, keep);
	if (p != NULL) {
		stmt_put_text(&s, p->network);
		stmt_put_text(&s, pools[p->pool]);
	}
	return stmt_run(&s);
}

static int
trim_claimed(struct db *db, const struct event *t, const struct place *p)
{
	struct stmt s;
	int code;

	if ((code = trim_kind(
		 db, TRIM_CLAIM, p->key, t, p, PER_KIND_CLAIM)) != OK)
		return code;
	stmt_start(&s, db, STMT_events, TRIM_CLAIMED);
	stmt_put_text(&s, p->key);
	stmt_put_int(&s, EVENTS_PER_SERIAL);
	stmt_put_text(&s, pools[p->pool]);
	return stmt_run(&s);
}

static int
trim_network(struct db *db, const struct place *p)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, TRIM_NETWORK);
	stmt_put_text(&s, p->key);
	stmt_put_int(&s, EVENTS_PER_NETWORK);
	stmt_put_int(&s, MAKE_ROOM);
	return stmt_run(&s);
}

static int
make_room(struct db *db, const struct place *p, int which, int rows, int *gone)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, which);
	stmt_put_text(&s, pools[p->pool]);
	stmt_put_int(&s, rows);
	return stmt_purge(&s, gone);
}

/* The largest shares give way, or when all are small the oldest rows. */
static int
trim_pool(struct db *db, const struct place *p)
{
	int code, gone = MAKE_ROOM;
	int64_t rows;
	struct stmt s;

	stmt_start(&s, db, STMT_events, POOL_SIZE);
	stmt_put_text(&s, pools[p->pool]);
	if ((code = stmt_integer(&s, &rows)) != OK || rows <= EVENTS_POOL)
		return code;
	for (int i = 0; i < ROUNDS && gone == MAKE_ROOM && code == OK; i++)
		code = make_room(db, p, TRIM_LARGEST, MAKE_ROOM, &gone);
	if (code == OK && gone < MAKE_ROOM)
		code = make_room(db, p, TRIM_OLDEST, 2 * EVERY, &gone);
	return code;
}

static int
trim(struct db *db, const struct event *t, const struct place *p, int64_t id)
{
	int code;

	if (p->pool == POOL_NONE)
		return is_text(t->enrollment_id)
		    ? trim_kind(db, TRIM_ENROLLMENT, t->enrollment_id, t, NULL,
			  PER_KIND)
		    : trim_kind(db, TRIM_SERIAL, t->serial, t, NULL, PER_KIND);
	code = p->pool == POOL_UNKNOWN ? trim_network(db, p)
				       : trim_claimed(db, t, p);
	if (code == OK && id % EVERY == 0)
		code = trim_pool(db, p);
	return code;
}

static int
insert(struct db *db, const struct event *t, const struct place *p, int64_t *id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, ADD);
	stmt_put_int(&s, clock_now());
	stmt_put_text_or_null(&s, t->enrollment_id);
	stmt_put_cut(&s, t->serial, DB_SERIAL_TEXT);
	stmt_put_cut(&s, t->step, 33);
	stmt_put_text(&s, outcomes[t->outcome]);
	stmt_put_cut(&s, t->code == OK ? "" : err_name(t->code), 33);
	stmt_put_cut(&s, t->reason, 501);
	stmt_put_cut(&s, t->remote_address, DB_ADDRESS_TEXT);
	stmt_put_text_or_null(&s, pools[p->pool]);
	stmt_put_text(&s, p->key);
	stmt_put_text(&s, p->network);
	return stmt_integer(&s, id);
}

/* Refusals are logged where they are noticed, by fail(). */
static void
note_success(struct db *db, const struct event *t)
{
	const char *serial = t->serial == NULL ? "" : t->serial;
	const char *reason = t->reason == NULL ? "" : t->reason;

	db_note(db, "%.32s of %.64s: ok%s%.256s", t->step,
	    *serial == '\0' ? "an unnamed device" : serial,
	    *reason == '\0' ? "" : ": ", reason);
}

int
events_add(struct db *db, const struct event *t)
{
	struct place p;
	int64_t id;
	int code;

	if ((code = find_place(db, t, &p)) != OK ||
	    (code = insert(db, t, &p, &id)) != OK)
		return code;
	if (t->outcome == EVENT_OK)
		note_success(db, t);
	return trim(db, t, &p, id);
}

int
events_note(struct db *db, const struct event *t)
{
	int code = db_begin_relaxed(db);

	if (code != OK)
		return code;
	code = events_add(db, t);
	if (code == OK)
		code = db_commit(db);
	else
		db_rollback(db);
	return code;
}

static int
finish_list(struct stmt *s, struct event_list *out)
{
	int code;

	out->rows = stmt_rows(s, read_events, sizeof(*out->rows), &out->n);
	code = stmt_end(s);
	if (code != OK)
		events_list_release(out);
	return code;
}

int
events_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct event_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, LIST_BY_ENROLLMENT);
	stmt_put_text(&s, enrollment_id);
	return finish_list(&s, out);
}

int
events_ended_badly(struct db *db, const char *enrollment_id, bool *out)
{
	int64_t badly = 0;
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_events, ENDED_BADLY);
	stmt_put_text(&s, enrollment_id);
	code = stmt_integer(&s, &badly);
	*out = code == OK && badly != 0;
	return code == ERR_NOT_FOUND ? OK : code;
}

int
events_list_by_serial(
    struct db *db, const char *serial, int limit, struct event_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, LIST_BY_SERIAL);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, limit);
	return finish_list(&s, out);
}

int
events_list_refusals(struct db *db, const char *search, int64_t before,
    int limit, struct event_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, LIST_REFUSALS);
	stmt_put_search(&s, search);
	stmt_put_int(&s, before != 0 ? before : INT64_MAX);
	stmt_put_int(&s, limit);
	return finish_list(&s, out);
}

void
events_list_release(struct event_list *list)
{
	free(list->rows);
	*list = (struct event_list){ 0 };
}

int
events_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_events, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
