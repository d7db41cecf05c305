#include "store/moves.h"

#include "base/clock.h"
#include "store/sql.h"

enum { LOAD, BEGIN, NOTE, END };

static const char *const texts[] = {
	[LOAD] = "SELECT {columns} FROM moves WHERE id = 1",
	[BEGIN] = "INSERT INTO moves (id, started_at, started_by, planned,"
		  " next_at) VALUES (1, $1, $2, $3, $1)"
		  " ON CONFLICT (id) DO UPDATE SET"
		  " started_at = excluded.started_at,"
		  " started_by = excluded.started_by,"
		  " planned = excluded.planned, opened = 0, failed = 0,"
		  " last_error = '', after_serial = '',"
		  " next_at = excluded.next_at, ended_at = NULL,"
		  " cancelled_by = '' WHERE moves.ended_at IS NOT NULL",
	[NOTE] = "UPDATE moves SET opened = $2, failed = $3, last_error = $4,"
		 " after_serial = $5, next_at = $6"
		 " WHERE id = 1 AND started_at = $1 AND ended_at IS NULL",
	[END] = "UPDATE moves SET ended_at = $2, cancelled_by = $3"
		" WHERE id = 1 AND started_at = $1 AND ended_at IS NULL",
};

#define ROW struct move

static const struct column columns[] = {
	{ "started_at", INT(started_at) },
	{ "started_by", TEXT(started_by) },
	{ "planned", INT(planned) },
	{ "opened", INT(opened) },
	{ "failed", INT(failed) },
	{ "last_error", TEXT(last_error) },
	{ "after_serial", TEXT(after) },
	{ "next_at", INT(next_at) },
	{ "ended_at", TIME(ended_at) },
	{ "cancelled_by", TEXT(cancelled_by) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(moves, texts, &table);

int
moves_load(struct db *db, struct move *out)
{
	return sql_one(db, texts[LOAD], &table, NULL, out);
}

int
moves_begin(struct db *db, const char *actor, int64_t planned)
{
	return sql_change(db, texts[BEGIN],
	    WITH(datum_int(clock_now()), datum_cut(actor, DB_ACTOR_TEXT),
		datum_int(planned)),
	    ERR_CONFLICT);
}

int
moves_note(struct db *db, const struct move *m)
{
	return sql_change(db, texts[NOTE],
	    WITH(datum_int(m->started_at), datum_int(m->opened),
		datum_int(m->failed),
		datum_cut(m->last_error, sizeof m->last_error),
		datum_text(m->after), datum_int(m->next_at)),
	    ERR_CONFLICT);
}

int
moves_end(struct db *db, int64_t started_at, const char *actor)
{
	return sql_change(db, texts[END],
	    WITH(datum_int(started_at), datum_int(clock_now()),
		datum_cut(actor, DB_ACTOR_TEXT)),
	    ERR_CONFLICT);
}
