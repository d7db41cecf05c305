#include "store/ade_devices.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/stmt.h"

enum { PUT, REMOVE, LOAD, ASSIGNED, LIST, COUNT };

#define COLUMNS                                                                \
	"serial, model, description, color, device_family, source,"            \
	" added_at, removed_at"
#define MATCHES                                                                \
	" WHERE lower(serial) LIKE ?1 ESCAPE '\\'"                             \
	" OR lower(model) LIKE ?1 ESCAPE '\\'"                                 \
	" OR lower(description) LIKE ?1 ESCAPE '\\'"

static const char *const texts[] = {
	[PUT] = "INSERT INTO ade_devices (serial, model, description, color,"
		" device_family, source, added_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		" ON CONFLICT (serial) DO UPDATE SET model = excluded.model,"
		" description = excluded.description, color = excluded.color,"
		" device_family = excluded.device_family,"
		" source = excluded.source, removed_at = NULL,"
		" added_at = CASE WHEN ade_devices.removed_at IS NULL"
		" THEN ade_devices.added_at ELSE excluded.added_at END",
	[REMOVE] = "UPDATE ade_devices SET removed_at = ?2"
		   " WHERE serial = ?1 AND removed_at IS NULL",
	[LOAD] = "SELECT " COLUMNS " FROM ade_devices WHERE serial = ?1",
	[ASSIGNED] = "SELECT 1 FROM ade_devices"
		     " WHERE serial = ?1 AND removed_at IS NULL",
	[LIST] = STMT_SCANS "SELECT " COLUMNS " FROM ade_devices" MATCHES
			    " ORDER BY serial LIMIT ?2 OFFSET ?3",
	[COUNT] = STMT_SCANS "SELECT count(*) FROM ade_devices" MATCHES,
};

STMT_FAMILY(ade_devices, texts);

static void
read_device(struct stmt *s, void *out)
{
	struct ade_device *d = out;

	stmt_get_text(s, d->serial, sizeof(d->serial));
	stmt_get_text(s, d->model, sizeof(d->model));
	stmt_get_text(s, d->description, sizeof(d->description));
	stmt_get_text(s, d->color, sizeof(d->color));
	stmt_get_text(s, d->device_family, sizeof(d->device_family));
	stmt_get_text(s, d->source, sizeof(d->source));
	d->added_at = stmt_get_int(s);
	d->removed_at = stmt_get_int(s);
}

int
ade_devices_put(struct db *db, const struct ade_device *d)
{
	struct stmt s;

	if (d->serial[0] == '\0')
		return ERR_FIELD;
	stmt_start(&s, db, STMT_ade_devices, PUT);
	stmt_put_text(&s, d->serial);
	stmt_put_text(&s, d->model);
	stmt_put_text(&s, d->description);
	stmt_put_text(&s, d->color);
	stmt_put_text(&s, d->device_family);
	stmt_put_text(&s, d->source);
	stmt_put_int(&s, d->added_at != 0 ? d->added_at : clock_now());
	return stmt_run(&s);
}

int
ade_devices_remove(struct db *db, const char *serial)
{
	struct stmt s;

	stmt_start(&s, db, STMT_ade_devices, REMOVE);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
ade_devices_load(struct db *db, const char *serial, struct ade_device *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_ade_devices, LOAD);
	stmt_put_text(&s, serial);
	return stmt_one(&s, read_device, out, sizeof(*out));
}

int
ade_devices_assigned(struct db *db, const char *serial, bool *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_ade_devices, ASSIGNED);
	stmt_put_text(&s, serial);
	return stmt_exists(&s, out);
}

int
ade_devices_list(struct db *db, const char *search, int offset, int limit,
    struct ade_device_list *out)
{
	struct stmt s;
	int code;

	*out = (struct ade_device_list){ 0 };
	stmt_start(&s, db, STMT_ade_devices, COUNT);
	stmt_put_search(&s, search);
	code = stmt_integer(&s, &out->total);
	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_ade_devices, LIST);
	stmt_put_search(&s, search);
	stmt_put_int(&s, limit);
	stmt_put_int(&s, offset);
	out->rows = stmt_rows(&s, read_device, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		ade_devices_list_release(out);
	return code;
}

void
ade_devices_list_release(struct ade_device_list *list)
{
	free(list->rows);
	*list = (struct ade_device_list){ 0 };
}
