#include "store/enrollments.h"

#include <string.h>

#include "base/clock.h"
#include "store/counters.h"
#include "store/sql.h"

#define KEEP (INT64_C(30) * 86400)

enum {
	CREATE,
	NOTE_PROFILES,
	LOAD,
	LOAD_USABLE,
	MARK_ISSUED,
	MARK_ENROLLED,
	BIND,
	REVOKE,
	REVOKE_OPEN,
	REVOKE_OLD,
	FORGET_EVENTS,
	FORGET,
	LIST,
	SEARCH,
	LIST_BY_SERIAL,
	PURGE_ORDERS,
	PURGE_ACCOUNTS,
	PURGE_KEEP,
	PURGE,
};

#define UNUSED                                                                 \
	" NOT EXISTS (SELECT 1 FROM accounts a WHERE a.enrollment_id = e.id)"  \
	" AND NOT EXISTS (SELECT 1 FROM attestations t"                        \
	" WHERE t.enrollment_id = e.id)"                                       \
	" AND NOT EXISTS (SELECT 1 FROM certificates c"                        \
	" WHERE c.enrollment_id = e.id)"
/* the next ones to purge: before $1, at most $2 */
#define EXPIRED                                                                \
	" (SELECT x.id FROM enrollments x WHERE x.kept = 0"                    \
	" AND x.expires_at < $1 ORDER BY x.expires_at, x.id LIMIT $2)"
#define FORGOTTEN                                                              \
	" IN (SELECT e.id FROM enrollments e WHERE e.serial = $1"              \
	" AND e.state = 'revoked' AND e.source <> 'command' AND" UNUSED        \
	" AND e.signer_sha256 = (SELECT n.signer_sha256"                       \
	" FROM enrollments n WHERE n.id = $3)"                                 \
	" ORDER BY e.created_at DESC, e.id LIMIT 1000 OFFSET $2)"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO enrollments {new row}",
	[NOTE_PROFILES] =
	    SQL_SCANS "UPDATE enrollments SET server_url = $1, topic = $2,"
		      " profile_identifier = $3 WHERE server_url = ''",
	[LOAD] = "SELECT {columns} FROM enrollments WHERE id = $1",
	[LOAD_USABLE] = "SELECT {columns} FROM enrollments WHERE id = $1"
			" AND state IN ('open', 'issued') AND expires_at > $2",
	[MARK_ISSUED] = "UPDATE enrollments SET state = 'issued'"
			" WHERE id = $1 AND state = 'open' AND expires_at > $2",
	[MARK_ENROLLED] = "UPDATE enrollments SET state = 'enrolled'"
			  " WHERE id = $1 AND state = 'issued'",
	[BIND] = "UPDATE enrollments SET serial = $2"
		 " WHERE id = $1 AND serial = '' AND state = 'issued'",
	[REVOKE] = "UPDATE enrollments SET state = 'revoked'"
		   " WHERE id = $1 AND state IN ('open', 'issued')",
	[REVOKE_OPEN] = "UPDATE enrollments SET state = 'revoked'"
			" WHERE serial = $1 AND state = 'open' AND id <> $2",
	[REVOKE_OLD] =
	    "UPDATE enrollments SET state = 'revoked' WHERE id IN"
	    " (SELECT e.id FROM enrollments e WHERE e.serial = $1"
	    " AND e.state = 'open' AND e.source <> 'command' AND e.id <> $3"
	    " AND e.signer_sha256 = (SELECT n.signer_sha256"
	    " FROM enrollments n WHERE n.id = $3)"
	    " ORDER BY e.created_at DESC, e.id LIMIT 1000 OFFSET $2)",
	[FORGET_EVENTS] = "DELETE FROM events WHERE enrollment_id" FORGOTTEN,
	[FORGET] = "DELETE FROM enrollments WHERE id" FORGOTTEN,
	[LIST] = "SELECT {columns} FROM enrollments"
		 " WHERE (created_at, id) < ($1, $2)"
		 " ORDER BY created_at DESC, id DESC LIMIT $3",
	/* a beginning and where it ends, then the cursor */
	[SEARCH] = "SELECT {columns} FROM enrollments WHERE serial >= $1"
		   " AND (serial, created_at, id) < ($2, $3, $4)"
		   " ORDER BY serial DESC, created_at DESC, id DESC LIMIT $5",
	[LIST_BY_SERIAL] = "SELECT {columns} FROM enrollments"
			   " WHERE serial = $1"
			   " ORDER BY created_at DESC, id LIMIT $2",
	[PURGE_ORDERS] = "DELETE FROM orders WHERE enrollment_id IN" EXPIRED
			 " AND certificate_id IS NULL"
			 " AND NOT EXISTS (SELECT 1 FROM attestations t"
			 " WHERE t.order_id = orders.id)"
			 " AND NOT EXISTS (SELECT 1 FROM certificates c"
			 " WHERE c.order_id = orders.id)",
	[PURGE_ACCOUNTS] = "DELETE FROM accounts WHERE enrollment_id IN" EXPIRED
			   " AND NOT EXISTS (SELECT 1 FROM orders o"
			   " WHERE o.account_id = accounts.id)",
	[PURGE_KEEP] = "UPDATE enrollments SET kept = 1 WHERE id IN"
		       " (SELECT e.id FROM enrollments e WHERE e.id IN" EXPIRED
		       " AND NOT (" UNUSED "))",
	[PURGE] = "DELETE FROM enrollments WHERE id IN" EXPIRED,
};

static const char *const sources[] = {
	[ENROLLMENT_ADE] = "ade",
	[ENROLLMENT_LINK] = "manual",
	[ENROLLMENT_COMMAND] = "command",
};

static const char *const purposes[] = {
	[ENROLLMENT_ENROLL] = "enroll",
	[ENROLLMENT_RENEW] = "renew",
};

static const char *const methods[] = {
	[ENROLLMENT_ACME] = "acme",
	[ENROLLMENT_SCEP] = "scep",
};

static const char *const states[] = {
	[ENROLLMENT_OPEN] = "open",
	[ENROLLMENT_ISSUED] = "issued",
	[ENROLLMENT_ENROLLED] = "enrolled",
	[ENROLLMENT_REVOKED] = "revoked",
};

#define ROW struct enrollment

static const struct column columns[] = {
	{ "id", TEXT(id) },
	{ "serial", TEXT(device.serial) },
	{ "udid", TEXT(device.udid) },
	{ "product", TEXT(device.product) },
	{ "os_version", TEXT(device.os_version) },
	{ "build_version", TEXT(device.build_version) },
	{ "source", WORD(source, sources) },
	{ "purpose", WORD(purpose, purposes) },
	{ "method", WORD(method, methods) },
	{ "state", WORD(state, states) },
	{ "created_at", TIME(created_at) },
	{ "expires_at", TIME(expires_at) },
	{ "remote_address", TEXT(remote_address) },
	{ "signer_sha256", DIGEST(signer_sha256) },
	{ "server_url", TEXT(server_url) },
	{ "topic", TEXT(topic) },
	{ "profile_identifier", TEXT(profile_identifier) },
	{ "account", TEXT(account) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(enrollments, texts, &table);

const char *
enrollments_source_name(enum enrollment_source source)
{
	return sources[source];
}

const char *
enrollments_purpose_name(enum enrollment_purpose purpose)
{
	return purposes[purpose];
}

const char *
enrollments_method_name(enum enrollment_method method)
{
	return methods[method];
}

const char *
enrollments_state_name(enum enrollment_state state)
{
	return states[state];
}

int
enrollments_create(struct db *db, struct enrollment *e, int hours)
{
	int r;

	if (e->device.serial[0] == '\0' && e->source != ENROLLMENT_LINK)
		return ERR_FIELD;
	secret_id(e->id);
	e->state = ENROLLMENT_OPEN;
	e->created_at = clock_now();
	e->expires_at = e->created_at + INT64_C(3600) * hours;
	if ((r = sql_insert(db, texts[CREATE], &table, e)) != OK)
		return r;
	return counters_add_enrollment(db, e->id, "open");
}

int
enrollments_note_profiles(struct db *db, const char *server_url,
    const char *topic, const char *profile_identifier)
{
	int r;

	if ((r = db_begin(db)) == OK)
		r = db_end(db,
		    sql_run(db, texts[NOTE_PROFILES],
			WITH(datum_text(server_url), datum_text(topic),
			    datum_text(profile_identifier))));
	return r;
}

int
enrollments_load(struct db *db, const char *id, struct enrollment *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(id)), out);
}

int
enrollments_load_usable(struct db *db, const char *id, struct enrollment *out)
{
	return sql_one(db, texts[LOAD_USABLE], &table,
	    WITH(datum_text(id), datum_int(clock_now())), out);
}

int
enrollments_mark_issued(struct db *db, const char *id)
{
	int r = sql_change(db, texts[MARK_ISSUED],
	    WITH(datum_text(id), datum_int(clock_now())), ERR_CONFLICT);

	return r == OK ? counters_add_enrollment(db, id, "issued") : r;
}

int
enrollments_mark_enrolled(struct db *db, const char *id)
{
	int r = sql_change(
	    db, texts[MARK_ENROLLED], WITH(datum_text(id)), ERR_CONFLICT);

	return r == OK ? counters_add_enrollment(db, id, "enrolled") : r;
}

int
enrollments_bind(struct db *db, const char *id, const char *serial)
{
	return sql_change(db, texts[BIND],
	    WITH(datum_text(id), datum_text(serial)), ERR_CONFLICT);
}

int
enrollments_revoke(struct db *db, const char *id)
{
	return sql_change(
	    db, texts[REVOKE], WITH(datum_text(id)), ERR_CONFLICT);
}

int
enrollments_revoke_open(
    struct db *db, const char *serial, const char *except, int *revoked)
{
	return sql_count_changed(db, texts[REVOKE_OPEN],
	    WITH(datum_text(serial), datum_text(except)), revoked);
}

static int
forget(
    struct db *db, int which, const char *serial, int keep, const char *newest)
{
	return sql_run(db, texts[which],
	    WITH(datum_text(serial), datum_int(keep), datum_text(newest)));
}

int
enrollments_make_room(
    struct db *db, const char *serial, const char *newest, int keep)
{
	int r;

	/* several may be of one second: the newest is told by its id */
	r = sql_run(db, texts[REVOKE_OLD],
	    WITH(datum_text(serial), datum_int(keep - 1), datum_text(newest)));
	if (r == OK)
		r = forget(db, FORGET_EVENTS, serial, keep, newest);
	return r == OK ? forget(db, FORGET, serial, keep, newest) : r;
}

/* One with this id, or those whose serial numbers begin so. */
static int
find(struct db *db, const char *search, const char *cursor, int limit,
    struct enrollment_list *out)
{
	char first[CURSOR_VALUE_TEXT];
	struct cursor at;
	int r;

	r = sql_rows(db, texts[LOAD], &table, WITH(datum_text(search)),
	    &out->rows, &out->n);
	cursor_of_serials(search, first, &at);
	if (r != OK || out->n > 0 || (r = cursor_read(cursor, "es", &at)) != OK)
		return r;
	return sql_rows(db, texts[SEARCH], &table,
	    WITH(datum_text(first), datum_text(at.value), datum_int(at.number),
		datum_text(at.id), datum_int(limit + 1)),
	    &out->rows, &out->n);
}

static int
list_all(
    struct db *db, const char *cursor, int limit, struct enrollment_list *out)
{
	struct cursor at = { .number = INT64_MAX };
	int r = cursor_read(cursor, "et", &at);

	return r != OK ? r
		       : sql_rows(db, texts[LIST], &table,
			     WITH(datum_int(at.number), datum_text(at.id),
				 datum_int(limit + 1)),
			     &out->rows, &out->n);
}

int
enrollments_list(struct db *db, const char *search, const char *cursor,
    int limit, struct enrollment_list *out)
{
	bool all = search == NULL || *search == '\0';
	const struct enrollment *last;
	struct cursor next;
	int r;

	*out = (struct enrollment_list){ .n = 0 };
	r = all ? list_all(db, cursor, limit, out)
		: find(db, search, cursor, limit, out);
	if (r != OK || out->n <= (size_t)limit)
		return r;
	last = &out->rows[--out->n - 1];
	next.number = last->created_at;
	COPY(next.value, all ? "" : last->device.serial);
	COPY(next.id, last->id);
	cursor_write(all ? "et" : "es", &next, out->next);
	return OK;
}

int
enrollments_list_by_serial(
    struct db *db, const char *serial, int limit, struct enrollment_list *out)
{
	*out = (struct enrollment_list){ .n = 0 };
	return sql_rows(db, texts[LIST_BY_SERIAL], &table,
	    WITH(datum_text(serial), datum_int(limit)), &out->rows, &out->n);
}

void
enrollments_list_release(struct enrollment_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct enrollment_list){ 0 };
}

static int
purge(struct db *db, int which, int64_t before, int limit, int *changed)
{
	return sql_count_changed(db, texts[which],
	    WITH(datum_int(before), datum_int(limit)), changed);
}

int
enrollments_purge(
    struct db *db, int64_t now, int limit, int *deleted, int *seen)
{
	int64_t before = now - KEEP;
	int orders, accounts, kept, gone, r;

	*deleted = *seen = 0;
	/* each statement finds the same ones: only the third changes which */
	if ((r = purge(db, PURGE_ORDERS, before, limit, &orders)) != OK ||
	    (r = purge(db, PURGE_ACCOUNTS, before, limit, &accounts)) != OK ||
	    (r = purge(db, PURGE_KEEP, before, limit, &kept)) != OK ||
	    (r = purge(db, PURGE, before, limit - kept, &gone)) != OK)
		return r;
	*deleted = orders + accounts + gone;
	*seen = kept + gone;
	return OK;
}
