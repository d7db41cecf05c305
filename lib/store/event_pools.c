#include "store/event_pools.h"

#include "base/network.h"
#include "store/sql.h"

/*
 * Rows kept of one step with one code: a sender who repeats one fault cannot
 * push out what else happened.
 */
#define PER_KIND       50
#define PER_KIND_CLAIM 10

/*
 * Only one row in EVERY looks at the size of its whole pool, because counting
 * takes time. If that is too large, 2 * EVERY rows go: as many as come until
 * the next look, and as many again, so that the pool shrinks. They go in ROUNDS
 * of MAKE_ROOM rows, each from whatever share is then the largest.
 */
#define EVERY     64
#define ROUNDS    8
#define MAKE_ROOM (2 * EVERY / ROUNDS)

enum {
	IS_KNOWN,
	TRIM_ENROLLMENT,
	TRIM_SERIAL,
	TRIM_KIND,
	TRIM_KEY,
	TRIM_NETWORK,
	POOL_SIZE,
	TRIM_LARGEST,
	TRIM_OLDEST,
};

#define TRIM(rows)                                                             \
	" " rows " AND step = $2 AND code = $3"                                \
	" AND id <= (SELECT id FROM events WHERE " rows                        \
	" AND step = $2 AND code = $3 ORDER BY id DESC LIMIT 1 OFFSET $4)"

/*
 * $1 is what the rows have in common: an enrollment's id, a serial number, a
 * key, a network or, for the last three, the pool. The other parameters:
 *
 *	TRIM_ENROLLMENT,  $2 step, $3 code, $4 how many rows stay
 *	TRIM_SERIAL
 *	TRIM_KIND         the same, $5 network, $6 pool
 *	TRIM_KEY          $2 how many rows stay, $3 pool; one row goes at most
 *	TRIM_NETWORK      $2 how many rows stay, $3 how many go at most
 *	TRIM_LARGEST,     $2 how many go at most
 *	TRIM_OLDEST
 */
static const char *const texts[] = {
	[TRIM_ENROLLMENT] =
	    "DELETE FROM events WHERE" TRIM("enrollment_id = $1"),
	[TRIM_SERIAL] =
	    "DELETE FROM events WHERE" TRIM("serial = $1"
					    " AND enrollment_id IS NULL"
					    " AND pool IS NULL"),
	[IS_KNOWN] = "SELECT 1 FROM ade_devices WHERE serial = $1"
		     " UNION ALL SELECT 1 FROM hosts WHERE serial = $1",
	[TRIM_KIND] =
	    "DELETE FROM events WHERE" TRIM("pool = $6 AND pool_key = $1"
					    " AND network = $5"),
	[TRIM_KEY] =
	    "DELETE FROM events WHERE id = (SELECT min(id) FROM events"
	    " WHERE pool = $3 AND pool_key = $1"
	    " GROUP BY network ORDER BY count(*) DESC, min(id) LIMIT 1)"
	    " AND (SELECT count(*) FROM events"
	    " WHERE pool = $3 AND pool_key = $1) > $2",
	[TRIM_NETWORK] =
	    "DELETE FROM events WHERE id IN (SELECT id FROM events"
	    " WHERE pool = 'unknown' AND pool_key = $1 AND network = $1"
	    " ORDER BY id DESC LIMIT $3 OFFSET $2)",
	[POOL_SIZE] = "SELECT count(*) FROM events WHERE pool = $1",
	[TRIM_LARGEST] =
	    "DELETE FROM events WHERE id IN (SELECT id FROM events"
	    " WHERE pool = $1 AND pool_key = (SELECT pool_key FROM events"
	    " WHERE pool = $1 GROUP BY pool_key"
	    " ORDER BY count(*) DESC, min(id) LIMIT 1)"
	    " ORDER BY id LIMIT $2)",
	[TRIM_OLDEST] = "DELETE FROM events WHERE id IN (SELECT id FROM events"
			" WHERE pool = $1 ORDER BY id LIMIT $2)",
};

SQL_FAMILY(event_pools, texts, NULL);

int
event_pools_find(struct db *db, const struct event *e, struct event_row *row)
{
	const char *serial = e->claimed != NULL ? e->claimed : row->serial;
	bool known = false;
	int r = OK;

	if (row->enrollment_id[0] != '\0' || row->remote_address[0] == '\0')
		return OK;
	network_of(e->remote_address, 24, 48, row->network);
	if (*serial != '\0')
		r = sql_exists(
		    db, texts[IS_KNOWN], WITH(datum_text(serial)), &known);
	row->pool = !known ? EVENT_POOL_UNKNOWN
	    : e->is_signed ? EVENT_POOL_SIGNED
			   : EVENT_POOL_KNOWN;
	COPY(row->pool_key, known ? serial : row->network);
	return r;
}

/* Of one step with one code, in an enrollment or of a serial number. */
static int
trim_own(struct db *db, const struct event_row *row)
{
	bool enrolled = row->enrollment_id[0] != '\0';

	return sql_run(db, texts[enrolled ? TRIM_ENROLLMENT : TRIM_SERIAL],
	    WITH(datum_text(enrolled ? row->enrollment_id : row->serial),
		datum_text(row->step), datum_text(row->code),
		datum_int(PER_KIND)));
}

static int
trim_serial(struct db *db, const struct event_row *row, const char *pool)
{
	int r = sql_run(db, texts[TRIM_KIND],
	    WITH(datum_text(row->pool_key), datum_text(row->step),
		datum_text(row->code), datum_int(PER_KIND_CLAIM),
		datum_text(row->network), datum_text(pool)));

	if (r != OK)
		return r;
	return sql_run(db, texts[TRIM_KEY],
	    WITH(datum_text(row->pool_key), datum_int(EVENTS_PER_SERIAL),
		datum_text(pool)));
}

static int
trim_network(struct db *db, const struct event_row *row)
{
	return sql_run(db, texts[TRIM_NETWORK],
	    WITH(datum_text(row->pool_key), datum_int(EVENTS_PER_NETWORK),
		datum_int(MAKE_ROOM)));
}

static int
make_room(struct db *db, const char *pool, int which, int rows, int *gone)
{
	return sql_count_changed(
	    db, texts[which], WITH(datum_text(pool), datum_int(rows)), gone);
}

/* The largest shares give way, or when all are small the oldest rows. */
static int
trim_pool(struct db *db, const char *pool)
{
	int r, gone = MAKE_ROOM;
	int64_t rows;

	r = sql_integer(db, texts[POOL_SIZE], WITH(datum_text(pool)), &rows);
	if (r != OK || rows <= EVENTS_POOL)
		return r;
	for (int i = 0; i < ROUNDS && gone == MAKE_ROOM && r == OK; i++)
		r = make_room(db, pool, TRIM_LARGEST, MAKE_ROOM, &gone);
	if (r == OK && gone < MAKE_ROOM)
		r = make_room(db, pool, TRIM_OLDEST, 2 * EVERY, &gone);
	return r;
}

int
event_pools_trim(struct db *db, const struct event_row *row)
{
	const char *pool = events_pool_name(row->pool);
	int r;

	if (row->pool == EVENT_POOL_NONE)
		return trim_own(db, row);
	r = row->pool == EVENT_POOL_UNKNOWN ? trim_network(db, row)
					    : trim_serial(db, row, pool);
	if (r == OK && row->id % EVERY == 0)
		r = trim_pool(db, pool);
	return r;
}
