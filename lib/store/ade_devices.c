#include "store/ade_devices.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

enum { PUT, REMOVE, LOAD, ASSIGNED, LIST, COUNT };

#define MATCHES                                                                \
	" WHERE lower(serial) LIKE $1 ESCAPE '\\'"                             \
	" OR lower(model) LIKE $1 ESCAPE '\\'"                                 \
	" OR lower(description) LIKE $1 ESCAPE '\\'"

static const char *const texts[] = {
	[PUT] = "INSERT INTO ade_devices {new row}"
		" ON CONFLICT (serial) DO UPDATE SET model = excluded.model,"
		" description = excluded.description, color = excluded.color,"
		" device_family = excluded.device_family,"
		" source = excluded.source, removed_at = NULL,"
		" added_at = CASE WHEN ade_devices.removed_at IS NULL"
		" THEN ade_devices.added_at ELSE excluded.added_at END",
	[REMOVE] = "UPDATE ade_devices SET removed_at = $2"
		   " WHERE serial = $1 AND removed_at IS NULL",
	[LOAD] = "SELECT {columns} FROM ade_devices WHERE serial = $1",
	[ASSIGNED] = "SELECT 1 FROM ade_devices"
		     " WHERE serial = $1 AND removed_at IS NULL",
	[LIST] = SQL_SCANS "SELECT {columns} FROM ade_devices" MATCHES
			   " ORDER BY serial LIMIT $2 OFFSET $3",
	[COUNT] = SQL_SCANS "SELECT count(*) FROM ade_devices" MATCHES,
};

#define ROW struct ade_device

static const struct column columns[] = {
	{ "serial", TEXT(serial) },
	{ "model", TEXT(model) },
	{ "description", TEXT(description) },
	{ "color", TEXT(color) },
	{ "device_family", TEXT(device_family) },
	{ "source", TEXT(source) },
	{ "added_at", TIME(added_at) },
	{ "removed_at", TIME(removed_at), .read_only = true },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(ade_devices, texts, &table);

int
ade_devices_put(struct db *db, const struct ade_device *d)
{
	struct ade_device row = *d;

	if (d->serial[0] == '\0')
		return ERR_FIELD;
	if (row.added_at == 0)
		row.added_at = clock_now();
	return sql_insert(db, texts[PUT], &table, &row);
}

int
ade_devices_remove(struct db *db, const char *serial)
{
	return sql_change(db, texts[REMOVE],
	    WITH(datum_text(serial), datum_int(clock_now())), ERR_NOT_FOUND);
}

int
ade_devices_load(struct db *db, const char *serial, struct ade_device *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(serial)), out);
}

int
ade_devices_assigned(struct db *db, const char *serial, bool *out)
{
	return sql_exists(db, texts[ASSIGNED], WITH(datum_text(serial)), out);
}

int
ade_devices_list(struct db *db, const char *search, int offset, int limit,
    struct ade_device_list *out)
{
	int r;

	*out = (struct ade_device_list){ 0 };
	r = sql_integer(db, texts[COUNT], WITH(SEARCH(search)), &out->total);
	if (r != OK)
		return r;
	return sql_rows(db, texts[LIST], &table,
	    WITH(SEARCH(search), datum_int(limit), datum_int(offset)),
	    &out->rows, &out->n);
}

void
ade_devices_list_release(struct ade_device_list *list)
{
	free(list->rows);
	*list = (struct ade_device_list){ 0 };
}
