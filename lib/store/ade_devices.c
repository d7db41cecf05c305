#include "store/ade_devices.h"

#include <string.h>

#include "base/clock.h"
#include "store/sql.h"

enum {
	PUT,
	REMOVE,
	LOAD,
	OF_SERIAL,
	ASSIGNED,
	LIST,
	LIST_OF_ACCOUNT,
	SEARCH,
	FETCHED,
	CHANGED,
	GONE,
	UNSEEN_GONE,
	COUNT_OURS,
	COUNT_GONE,
	COUNT_WENT,
	COUNT_BEFORE,
	REMOVE_GONE,
	FORGET_GONE,
	TO_ASSIGN,
	ASKED,
	UNANSWERED,
	ANSWERED,
	COUNT_PROFILES,
	COUNT_KEPT,
};

/* A time further ahead was set by a clock that was wrong. */
#define NEXT_MOST (INT64_C(2) * 86400)

/* What a new record says in place of the old row. */
#define TAKE_TEXTS                                                             \
	" ON CONFLICT (account, serial) DO UPDATE SET"                         \
	" model = excluded.model, description = excluded.description,"         \
	" color = excluded.color, device_family = excluded.device_family,"     \
	" gone_at = NULL, removed_at = NULL,"                                  \
	" added_at = CASE WHEN ade_devices.removed_at IS NULL"                 \
	" THEN ade_devices.added_at ELSE excluded.added_at END"
/* What is listed anew may be assigned anew. */
#define TAKE_RECORD                                                            \
	TAKE_TEXTS                                                             \
	", fetch_number = excluded.fetch_number, assign_result = '',"          \
	" assign_failures = 0, assign_next_at = NULL"
/* ours and listed */
#define LISTED " account = $1 AND removed_at IS NULL AND gone_at IS NULL"

static const char *const texts[] = {
	[PUT] = "INSERT INTO ade_devices {new row}" TAKE_TEXTS,
	[REMOVE] = "UPDATE ade_devices SET removed_at = $3"
		   " WHERE account = $1 AND serial = $2"
		   " AND removed_at IS NULL",
	[LOAD] = "SELECT {columns} FROM ade_devices WHERE serial = $1"
		 " ORDER BY COALESCE(removed_at, 0), account LIMIT 1",
	[OF_SERIAL] = "SELECT {columns} FROM ade_devices WHERE serial = $1"
		      " ORDER BY COALESCE(removed_at, 0), account LIMIT $2",
	[ASSIGNED] = "SELECT 1 FROM ade_devices"
		     " WHERE serial = $1 AND removed_at IS NULL",
	[LIST] = "SELECT {columns} FROM ade_devices"
		 " WHERE (account, serial) > ($1, $2)"
		 " ORDER BY account, serial LIMIT $3",
	/* $3 and $4: of serial numbers that begin so */
	[LIST_OF_ACCOUNT] = "SELECT {columns} FROM ade_devices"
			    " WHERE account = $1 AND serial > $2"
			    " AND serial >= $3 AND serial < $4"
			    " ORDER BY serial LIMIT $5",
	[SEARCH] = "SELECT {columns} FROM ade_devices"
		   " WHERE (serial, account) > ($1, $2)"
		   " AND serial >= $3 AND serial < $4"
		   " ORDER BY serial, account LIMIT $5",
	[FETCHED] = "INSERT INTO ade_devices {new row}" TAKE_RECORD
		    ", profile_uuid = excluded.profile_uuid,"
		    " profile_status = excluded.profile_status,"
		    " op_date = CASE WHEN excluded.op_date"
		    " > ade_devices.op_date THEN excluded.op_date"
		    " ELSE ade_devices.op_date END",
	/* a date of 0 could not be read */
	[CHANGED] = "INSERT INTO ade_devices {new row}" TAKE_RECORD
		    ", profile_uuid = CASE WHEN excluded.op_date > 0"
		    " AND excluded.op_date <= ade_devices.assigned_at"
		    " THEN ade_devices.profile_uuid"
		    " ELSE excluded.profile_uuid END,"
		    " profile_status = CASE WHEN excluded.op_date > 0"
		    " AND excluded.op_date <= ade_devices.assigned_at"
		    " THEN ade_devices.profile_status"
		    " ELSE excluded.profile_status END,"
		    " op_date = CASE WHEN excluded.op_date = 0"
		    " THEN ade_devices.op_date ELSE excluded.op_date END"
		    " WHERE excluded.op_date = 0"
		    " OR excluded.op_date >= ade_devices.op_date",
	[GONE] = "UPDATE ade_devices SET gone_at = CASE"
		 " WHEN removed_at IS NULL THEN $4 ELSE gone_at END,"
		 " profile_uuid = '',"
		 " profile_status = '', assigned_at = NULL, op_date ="
		 " CASE WHEN $3 > op_date THEN $3 ELSE op_date END"
		 " WHERE account = $1 AND serial = $2"
		 " AND ($3 = 0 OR $3 >= op_date)",
	[UNSEEN_GONE] = "UPDATE ade_devices SET gone_at = $3,"
			" profile_uuid = '', profile_status = '',"
			" assigned_at = NULL"
			" WHERE account = $1 AND fetch_number < $2"
			" AND gone_at IS NULL AND removed_at IS NULL",
	[COUNT_OURS] = "SELECT count(*) FROM ade_devices"
		       " WHERE account = $1 AND removed_at IS NULL",
	[COUNT_GONE] = "SELECT count(*) FROM ade_devices WHERE account = $1"
		       " AND gone_at IS NOT NULL AND removed_at IS NULL",
	/* $2 is the beginning of the time that counts */
	[COUNT_WENT] = "SELECT count(*) FROM ade_devices WHERE account = $1"
		       " AND gone_at IS NOT NULL"
		       " AND (removed_at IS NULL OR removed_at > $2)",
	[COUNT_BEFORE] = "SELECT count(*) FROM ade_devices WHERE account = $1"
			 " AND added_at <= $2 AND (removed_at IS NULL"
			 " OR (gone_at IS NOT NULL AND removed_at > $2))",
	[REMOVE_GONE] = "UPDATE ade_devices SET removed_at = $2"
			" WHERE account = $1"
			" AND gone_at IS NOT NULL AND removed_at IS NULL",
	[FORGET_GONE] = "UPDATE ade_devices SET gone_at = NULL"
			" WHERE account = $1 AND gone_at IS NOT NULL"
			" AND removed_at IS NOT NULL",
	[TO_ASSIGN] = "SELECT {columns} FROM ade_devices"
		      " WHERE" LISTED " AND serial > $3"
		      " AND profile_uuid <> $2 AND asked_at IS NULL"
		      " AND assign_result <> 'not_accessible'"
		      " AND (assign_next_at IS NULL OR assign_next_at <= $4"
		      " OR assign_next_at > $6)"
		      " ORDER BY serial LIMIT $5",
	[ASKED] = "UPDATE ade_devices SET asked_at = $3"
		  " WHERE account = $1 AND serial = $2",
	[UNANSWERED] = "SELECT {columns} FROM ade_devices WHERE account = $1"
		       " AND asked_at IS NOT NULL ORDER BY serial LIMIT $2",
	[ANSWERED] = "UPDATE ade_devices SET asked_at = NULL,"
		     " profile_uuid = $3, profile_status = $4,"
		     " assign_result = $5, assign_failures = $6,"
		     " assign_next_at = $7, assigned_at = $8"
		     " WHERE account = $1 AND serial = $2",
	[COUNT_PROFILES] =
	    "SELECT count(*) AS devices,"
	    " COALESCE(sum(CASE WHEN profile_uuid = $2 AND $2 <> ''"
	    " THEN 1 ELSE 0 END), 0) AS wanted,"
	    " COALESCE(sum(CASE WHEN profile_uuid = '' THEN 1 ELSE 0 END), 0)"
	    " AS none,"
	    " COALESCE(sum(CASE WHEN assign_result = 'not_accessible'"
	    " AND profile_uuid <> $2 THEN 1 ELSE 0 END), 0) AS refused,"
	    " COALESCE(sum(CASE WHEN assign_next_at IS NOT NULL"
	    " AND profile_uuid <> $2 THEN 1 ELSE 0 END), 0) AS waiting,"
	    " COALESCE(min(CASE WHEN profile_uuid <> $2"
	    " THEN assign_next_at END), 0) AS next_at"
	    " FROM ade_devices WHERE" LISTED,
	[COUNT_KEPT] =
	    "SELECT COALESCE(sum(devices), 0) AS devices,"
	    " COALESCE(sum(CASE WHEN profile_uuid = $2 AND $2 <> ''"
	    " THEN devices ELSE 0 END), 0) AS wanted,"
	    " COALESCE(sum(CASE WHEN profile_uuid = '' THEN devices ELSE 0 END),"
	    " 0) AS none, 0 AS refused, 0 AS waiting, 0 AS next_at"
	    " FROM ade_device_counts WHERE account = $1",
};

#define ROW struct ade_device

static const struct column columns[] = {
	{ "account", TEXT(account) },
	{ "serial", TEXT(serial) },
	{ "model", TEXT(model) },
	{ "description", TEXT(description) },
	{ "color", TEXT(color) },
	{ "device_family", TEXT(device_family) },
	{ "added_at", TIME(added_at) },
	{ "op_date", INT(op_date) },
	{ "fetch_number", INT(fetch) },
	{ "gone_at", TIME(gone_at), .read_only = true },
	{ "removed_at", TIME(removed_at), .read_only = true },
	{ "profile_uuid", TEXT(profile_uuid) },
	{ "profile_status", TEXT(profile_status) },
	{ "asked_at", TIME(asked_at), .read_only = true },
	{ "assign_result", TEXT(assign_result), .read_only = true },
	{ "assign_failures", INT(assign_failures), .read_only = true },
	{ "assign_next_at", TIME(assign_next_at), .read_only = true },
	{ "assigned_at", TIME(assigned_at), .read_only = true },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(ade_devices, texts, &table);

static int
put(struct db *db, const char *sql, const struct ade_device *d)
{
	struct ade_device row = *d;
	int r;

	if (d->account[0] == '\0' || d->serial[0] == '\0')
		return ERR_FIELD;
	if (row.added_at == 0)
		row.added_at = clock_now();
	r = sql_insert(db, sql, &table, &row);
	return r == ERR_NOT_FOUND ? OK : r;
}

int
ade_devices_put(struct db *db, const struct ade_device *d)
{
	return put(db, texts[PUT], d);
}

int
ade_devices_fetched(struct db *db, const struct ade_device *d)
{
	return put(db, texts[FETCHED], d);
}

int
ade_devices_changed(struct db *db, const struct ade_device *d)
{
	return put(db, texts[CHANGED], d);
}

int
ade_devices_remove(struct db *db, const char *account, const char *serial)
{
	return sql_change(db, texts[REMOVE],
	    WITH(datum_text(account), datum_text(serial),
		datum_int(clock_now())),
	    ERR_NOT_FOUND);
}

int
ade_devices_load(struct db *db, const char *serial, struct ade_device *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(serial)), out);
}

int
ade_devices_of_serial(
    struct db *db, const char *serial, struct ade_device_list *out)
{
	*out = (struct ade_device_list){ 0 };
	return sql_rows(db, texts[OF_SERIAL], &table,
	    WITH(datum_text(serial), datum_int(ADE_BATCH_MAX)), &out->rows,
	    &out->n);
}

int
ade_devices_assigned(struct db *db, const char *serial, bool *out)
{
	return sql_exists(db, texts[ASSIGNED], WITH(datum_text(serial)), out);
}

/* What a page is of, and how its cursor says so. */
enum part { ALL, OF_ACCOUNT, FOUND };

static const char *const parts[] = {
	[ALL] = "dl",
	[OF_ACCOUNT] = "da",
	[FOUND] = "ds",
};

static enum part
part_of(const struct ade_device_filter *f)
{
	if (f->account != NULL && *f->account != '\0')
		return OF_ACCOUNT;
	return f->search != NULL && *f->search != '\0' ? FOUND : ALL;
}

static int
read_page(struct db *db, const struct ade_device_filter *f, enum part part,
    struct ade_device_list *out)
{
	/* id: the account */
	struct cursor at = { .number = 0 }, end;
	char first[CURSOR_VALUE_TEXT];
	int r;

	cursor_of_serials(f->search == NULL ? "" : f->search, first, &end);
	if ((r = cursor_read(f->cursor, parts[part], &at)) != OK)
		return r;
	switch (part) {
	case OF_ACCOUNT:
		return sql_rows(db, texts[LIST_OF_ACCOUNT], &table,
		    WITH(datum_text(f->account), datum_text(at.value),
			datum_text(first), datum_text(end.value),
			datum_int(f->limit + 1)),
		    &out->rows, &out->n);
	case FOUND:
		return sql_rows(db, texts[SEARCH], &table,
		    WITH(datum_text(at.value), datum_text(at.id),
			datum_text(first), datum_text(end.value),
			datum_int(f->limit + 1)),
		    &out->rows, &out->n);
	default:
		return sql_rows(db, texts[LIST], &table,
		    WITH(datum_text(at.id), datum_text(at.value),
			datum_int(f->limit + 1)),
		    &out->rows, &out->n);
	}
}

int
ade_devices_list(struct db *db, const struct ade_device_filter *filter,
    struct ade_device_list *out)
{
	enum part part = part_of(filter);
	const struct ade_device *last;
	struct cursor next = { .number = 0 };
	int r;

	*out = (struct ade_device_list){ .n = 0 };
	r = read_page(db, filter, part, out);
	if (r != OK || out->n <= (size_t)filter->limit)
		return r;
	last = &out->rows[--out->n - 1];
	COPY(next.value, last->serial);
	COPY(next.id, last->account);
	cursor_write(parts[part], &next, out->next);
	return OK;
}

void
ade_devices_list_release(struct ade_device_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct ade_device_list){ 0 };
}

int
ade_devices_gone(
    struct db *db, const char *account, const char *serial, int64_t op_date)
{
	return sql_run(db, texts[GONE],
	    WITH(datum_text(account), datum_text(serial), datum_int(op_date),
		datum_int(clock_now())));
}

int
ade_devices_unseen_gone(struct db *db, const char *account, int64_t fetch)
{
	return sql_run(db, texts[UNSEEN_GONE],
	    WITH(
		datum_text(account), datum_int(fetch), datum_int(clock_now())));
}

int
ade_devices_count(
    struct db *db, const char *account, int64_t *ours, int64_t *gone)
{
	int r;

	*ours = *gone = 0;
	if ((r = sql_integer(
		 db, texts[COUNT_OURS], WITH(datum_text(account)), ours)) != OK)
		return r;
	return sql_integer(
	    db, texts[COUNT_GONE], WITH(datum_text(account)), gone);
}

int
ade_devices_count_went(struct db *db, const char *account, int64_t since,
    int64_t *went, int64_t *before)
{
	int r;

	*went = *before = 0;
	if ((r = sql_integer(db, texts[COUNT_WENT],
		 WITH(datum_text(account), datum_int(since)), went)) != OK)
		return r;
	return sql_integer(db, texts[COUNT_BEFORE],
	    WITH(datum_text(account), datum_int(since)), before);
}

int
ade_devices_remove_gone(struct db *db, const char *account, int *removed)
{
	return sql_count_changed(db, texts[REMOVE_GONE],
	    WITH(datum_text(account), datum_int(clock_now())), removed);
}

int
ade_devices_confirm_gone(struct db *db, const char *account, int *removed)
{
	int r = ade_devices_remove_gone(db, account, removed);

	return r == OK
	    ? sql_run(db, texts[FORGET_GONE], WITH(datum_text(account)))
	    : r;
}

int
ade_devices_to_assign(struct db *db, const char *account,
    const char *profile_uuid, const char *after, struct ade_device_list *out)
{
	*out = (struct ade_device_list){ 0 };
	return sql_rows(db, texts[TO_ASSIGN], &table,
	    WITH(datum_text(account), datum_text(profile_uuid),
		datum_text(after), datum_int(clock_now()),
		datum_int(ADE_BATCH_MAX),
		datum_int(clock_now() + NEXT_MOST)),
	    &out->rows, &out->n);
}

int
ade_devices_asked(struct db *db, const char *account, const char *serial)
{
	return sql_run(db, texts[ASKED],
	    WITH(datum_text(account), datum_text(serial),
		datum_int(clock_now())));
}

int
ade_devices_unanswered(
    struct db *db, const char *account, struct ade_device_list *out)
{
	*out = (struct ade_device_list){ 0 };
	return sql_rows(db, texts[UNANSWERED], &table,
	    WITH(datum_text(account), datum_int(ADE_BATCH_MAX)), &out->rows,
	    &out->n);
}

int
ade_devices_answered(struct db *db, const struct ade_device *d)
{
	return sql_run(db, texts[ANSWERED],
	    WITH(datum_text(d->account), datum_text(d->serial),
		datum_text(d->profile_uuid), datum_text(d->profile_status),
		datum_text(d->assign_result), datum_int(d->assign_failures),
		datum_time(d->assign_next_at), datum_time(d->assigned_at)));
}

#undef ROW
#define ROW struct ade_device_counts

static const struct column count_columns[] = {
	{ "devices", INT(devices) },
	{ "wanted", INT(wanted) },
	{ "none", INT(none) },
	{ "not_accessible", INT(not_accessible) },
	{ "waiting", INT(waiting) },
	{ "next_at", INT(next_at) },
};

static const struct table count_table = TABLE(count_columns);

static int
count(struct db *db, const char *text, const char *account,
    const char *profile_uuid, struct ade_device_counts *out)
{
	int r = sql_one(db, text, &count_table,
	    WITH(datum_text(account), datum_text(profile_uuid)), out);

	out->other = out->devices - out->wanted - out->none;
	return r;
}

int
ade_devices_count_profiles(struct db *db, const char *account,
    const char *profile_uuid, struct ade_device_counts *out)
{
	return count(db, texts[COUNT_PROFILES], account, profile_uuid, out);
}

int
ade_devices_count_kept(struct db *db, const char *account,
    const char *profile_uuid, struct ade_device_counts *out)
{
	return count(db, texts[COUNT_KEPT], account, profile_uuid, out);
}
