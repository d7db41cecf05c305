#include "store/refusals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/activities.h"
#include "store/sql.h"

#define ACTION "device.refuse"
#define DAY    86400

enum { IS_KNOWN, IS_FULL, COUNT, LIST, REMOVE };

static const char *const texts[] = {
	[IS_KNOWN] = "SELECT 1 FROM refusals WHERE day = $1 AND code = $2"
		     " AND serial = $3",
	[IS_FULL] = "SELECT 1 FROM refusals WHERE day = $1 AND serial <> ''"
		    " LIMIT 1 OFFSET $2",
	[COUNT] = "INSERT INTO refusals (day, code, serial, seen)"
		  " VALUES ($1, $2, $3, 1) ON CONFLICT (day, code, serial)"
		  " DO UPDATE SET seen = refusals.seen + 1 RETURNING seen",
	[LIST] = "SELECT {columns} FROM refusals WHERE day < $1"
		 " ORDER BY day, code, serial LIMIT $2",
	[REMOVE] = "DELETE FROM refusals WHERE day = $1 AND code = $2"
		   " AND serial = $3",
};

#define ROW struct refusal

struct refusal {
	int64_t day;
	char code[sizeof((struct event_row *)0)->code];
	char serial[DB_SERIAL_TEXT];
	int64_t seen;
};

static const struct column columns[] = {
	{ "day", INT(day) },
	{ "code", TEXT(code) },
	{ "serial", TEXT(serial) },
	{ "seen", INT(seen) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(refusals, texts, &table);

/* Its serial number, or "" if it is not to have an entry of its own. */
static int
choose_device(struct db *db, const struct event_row *row, int64_t day,
    char out[DB_SERIAL_TEXT])
{
	bool proved =
	    row->pool == EVENT_POOL_NONE || row->pool == EVENT_POOL_SIGNED;
	bool known, full = false;
	int r;

	datum_copy(out, DB_SERIAL_TEXT, proved ? row->serial : "");
	if (*out == '\0')
		return OK;
	if ((r = sql_exists(db, texts[IS_KNOWN],
		 WITH(datum_int(day), datum_text(row->code), datum_text(out)),
		 &known)) != OK ||
	    known)
		return r;
	r = sql_exists(db, texts[IS_FULL],
	    WITH(datum_int(day), datum_int(REFUSALS_DEVICES - 1)), &full);
	if (full)
		*out = '\0';
	return r;
}

int
refusals_note(struct db *db, const struct event_row *row)
{
	int64_t day = row->at / DAY, seen;
	char serial[DB_SERIAL_TEXT];
	char detail[sizeof row->step + sizeof row->code + sizeof row->reason + 3];
	int r;

	if ((r = choose_device(db, row, day, serial)) != OK ||
	    (r = sql_integer(db, texts[COUNT],
		 WITH(datum_int(day), datum_text(row->code),
		     datum_text(serial)),
		 &seen)) != OK ||
	    seen > 1)
		return r;
	snprintf(detail, sizeof detail, "%s, %s: %s", row->step, row->code,
	    row->reason);
	return activities_add(db,
	    &(struct activity_note){
		.action = ACTION, .serial = serial, .detail = detail });
}

static int
close_one(struct db *db, const struct refusal *f)
{
	char at[CLOCK_TEXT], detail[100];
	int r = OK;

	clock_rfc3339(f->day * DAY, at);
	snprintf(detail, sizeof detail, "%s: %" PRId64 " more on %.10s",
	    f->code, f->seen - 1, at);
	if (f->seen > 1)
		r = activities_add(db,
		    &(struct activity_note){ .action = ACTION,
			.serial = f->serial,
			.detail = detail });
	if (r != OK)
		return r;
	return sql_run(db, texts[REMOVE],
	    WITH(datum_int(f->day), datum_text(f->code),
		datum_text(f->serial)));
}

int
refusals_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct refusal *rows;
	size_t n;
	int r;

	*deleted = 0;
	r = sql_rows(db, texts[LIST], &table,
	    WITH(datum_int(now / DAY), datum_int(limit)), &rows, &n);
	for (size_t i = 0; r == OK && i < n; i++)
		if ((r = close_one(db, &rows[i])) == OK)
			++*deleted;
	free(rows);
	return r;
}
