#include "store/trails.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/stmt.h"

/*
 * Rows kept of one step with one code: a sender who repeats one fault cannot
 * push out what else happened.
 */
#define PER_ENROLLMENT 50
#define PER_SERIAL     50
#define UNKNOWN        500
#define KEEP           (INT64_C(180) * 86400)

enum {
	ADD,
	TRIM_ENROLLMENT,
	TRIM_SERIAL,
	ENDED_BADLY,
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
	" AND id <= (SELECT id FROM trail WHERE " rows                         \
	" AND step = ?2 AND code = ?3 ORDER BY id DESC LIMIT 1 OFFSET ?4)"

static const char *const texts[] = {
	[ADD] = "INSERT INTO trail (at, enrollment_id, serial, step, outcome,"
		" code, reason, remote_address)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
	[TRIM_ENROLLMENT] =
	    "DELETE FROM trail WHERE" TRIM("enrollment_id = ?1"),
	[TRIM_SERIAL] =
	    "DELETE FROM trail WHERE" TRIM("serial = ?1"
					   " AND enrollment_id IS NULL"),
	[ENDED_BADLY] = "SELECT CASE WHEN outcome = 'ok' THEN 0 ELSE 1"
			" END FROM trail WHERE enrollment_id = ?1 ORDER BY id DESC LIMIT 1",
	[LIST_BY_ENROLLMENT] = "SELECT " COLUMNS " FROM trail"
			       " WHERE enrollment_id = ?1 ORDER BY id",
	[LIST_BY_SERIAL] = "SELECT " COLUMNS " FROM trail"
			   " WHERE serial = ?1 ORDER BY id DESC LIMIT ?2",
	[LIST_REFUSALS] =
	    STMT_SCANS "SELECT " COLUMNS " FROM trail"
		       " WHERE outcome IN ('refused', 'failed') AND id < ?2"
		       " AND (lower(serial) LIKE ?1 ESCAPE '\\'"
		       " OR lower(step) LIKE ?1 ESCAPE '\\'"
		       " OR lower(code) LIKE ?1 ESCAPE '\\'"
		       " OR lower(reason) LIKE ?1 ESCAPE '\\'"
		       " OR lower(remote_address) LIKE ?1 ESCAPE '\\')"
		       " ORDER BY id DESC LIMIT ?3",
	[PURGE] = "DELETE FROM trail WHERE id IN (SELECT id FROM trail"
		  " WHERE at < ?1 ORDER BY at LIMIT ?2)",
};

STMT_FAMILY(trails, texts);

static const char *const outcomes[] = {
	[TRAIL_OK] = "ok",
	[TRAIL_REFUSED] = "refused",
	[TRAIL_FAILED] = "failed",
};

enum trail_outcome
trails_outcome(int code)
{
	if (code == OK)
		return TRAIL_OK;
	return err_http_status(code) >= 500 ? TRAIL_FAILED : TRAIL_REFUSED;
}

const char *
trails_outcome_name(enum trail_outcome outcome)
{
	return outcomes[outcome];
}

static void
read_trail(struct stmt *s, void *out)
{
	struct trail_row *r = out;

	r->id = stmt_get_int(s);
	r->at = stmt_get_int(s);
	stmt_get_text(s, r->enrollment_id, sizeof(r->enrollment_id));
	stmt_get_text(s, r->serial, sizeof(r->serial));
	stmt_get_text(s, r->step, sizeof(r->step));
	r->outcome = (enum trail_outcome)STMT_GET_WORD(s, outcomes);
	stmt_get_text(s, r->code, sizeof(r->code));
	stmt_get_text(s, r->reason, sizeof(r->reason));
	stmt_get_text(s, r->remote_address, sizeof(r->remote_address));
}

static void
put_kind(struct stmt *s, const struct trail *t)
{
	stmt_put_cut(s, t->step, 33);
	stmt_put_cut(s, t->code == OK ? "" : err_name(t->code), 33);
}

static int
trim(struct db *db, int which, const char *key, const struct trail *t, int keep)
{
	struct stmt s;

	stmt_start(&s, db, STMT_trails, which);
	stmt_put_text(&s, key);
	put_kind(&s, t);
	stmt_put_int(&s, keep);
	return stmt_run(&s);
}

static int
trim_for(struct db *db, const struct trail *t, int64_t id)
{
	if (t->enrollment_id != NULL && *t->enrollment_id != '\0')
		return trim(
		    db, TRIM_ENROLLMENT, t->enrollment_id, t, PER_ENROLLMENT);
	if (t->serial != NULL && *t->serial != '\0')
		return trim(db, TRIM_SERIAL, t->serial, t, PER_SERIAL);
	/* anybody can cause these: look through that many only now and then */
	return id % 16 == 0 ? trim(db, TRIM_SERIAL, "", t, UNKNOWN) : OK;
}

/* Refusals are logged where they are noticed, by fail(). */
static void
note_success(struct db *db, const struct trail *t)
{
	const char *serial = t->serial == NULL ? "" : t->serial;
	const char *reason = t->reason == NULL ? "" : t->reason;

	db_note(db, "%.32s of %.64s: ok%s%.256s", t->step,
	    *serial == '\0' ? "an unnamed device" : serial,
	    *reason == '\0' ? "" : ": ", reason);
}

int
trails_add(struct db *db, const struct trail *t)
{
	struct stmt s;
	int64_t id;
	int code;

	stmt_start(&s, db, STMT_trails, ADD);
	stmt_put_int(&s, clock_now());
	stmt_put_text_or_null(&s, t->enrollment_id);
	stmt_put_cut(&s, t->serial, DB_SERIAL_TEXT);
	stmt_put_cut(&s, t->step, 33);
	stmt_put_text(&s, outcomes[t->outcome]);
	stmt_put_cut(&s, t->code == OK ? "" : err_name(t->code), 33);
	stmt_put_cut(&s, t->reason, 501);
	stmt_put_cut(&s, t->remote_address, DB_ADDRESS_TEXT);
	code = stmt_integer(&s, &id);
	if (code == OK && t->outcome == TRAIL_OK)
		note_success(db, t);
	return code != OK ? code : trim_for(db, t, id);
}

int
trails_note(struct db *db, const struct trail *t)
{
	int code = db_begin(db);

	if (code != OK)
		return code;
	code = trails_add(db, t);
	if (code == OK)
		code = db_commit(db);
	else
		db_rollback(db);
	return code;
}

static int
finish_list(struct stmt *s, struct trail_list *out)
{
	int code;

	out->rows = stmt_rows(s, read_trail, sizeof(*out->rows), &out->n);
	code = stmt_end(s);
	if (code != OK)
		trails_list_release(out);
	return code;
}

int
trails_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct trail_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_trails, LIST_BY_ENROLLMENT);
	stmt_put_text(&s, enrollment_id);
	return finish_list(&s, out);
}

int
trails_ended_badly(struct db *db, const char *enrollment_id, bool *out)
{
	int64_t badly = 0;
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_trails, ENDED_BADLY);
	stmt_put_text(&s, enrollment_id);
	code = stmt_integer(&s, &badly);
	*out = code == OK && badly != 0;
	return code == ERR_NOT_FOUND ? OK : code;
}

int
trails_list_by_serial(
    struct db *db, const char *serial, int limit, struct trail_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_trails, LIST_BY_SERIAL);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, limit);
	return finish_list(&s, out);
}

int
trails_list_refusals(struct db *db, const char *search, int64_t before,
    int limit, struct trail_list *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_trails, LIST_REFUSALS);
	stmt_put_search(&s, search);
	stmt_put_int(&s, before != 0 ? before : INT64_MAX);
	stmt_put_int(&s, limit);
	return finish_list(&s, out);
}

void
trails_list_release(struct trail_list *list)
{
	free(list->rows);
	*list = (struct trail_list){ 0 };
}

int
trails_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_trails, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
