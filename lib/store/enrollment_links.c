#include "store/enrollment_links.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/activities.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/sql.h"

#define KEEP (INT64_C(30) * 86400)

enum {
	CREATE,
	LOAD,
	USE,
	REVOKE,
	LOAD_BY_ID,
	LIST,
	PURGE,
};

#define PENDING                                                                \
	"CASE WHEN EXISTS (SELECT 1 FROM enrollments e"                        \
	" WHERE e.id = enrollment_id AND e.state IN ('open', 'issued'))"       \
	" THEN 1 ELSE 0 END"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO enrollment_links (id, token_sha256, serial,"
		   " note, created_at, created_by, expires_at)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	[LOAD] = "SELECT {columns} FROM enrollment_links"
		 " WHERE token_sha256 = $1",
	[USE] = "UPDATE enrollment_links SET used_at = $2, enrollment_id = $3"
		" WHERE id = $1 AND used_at IS NULL AND revoked_at IS NULL"
		" AND expires_at > $2",
	[REVOKE] = "UPDATE enrollment_links SET revoked_at = $2 WHERE id = $1"
		   " AND revoked_at IS NULL",
	[LOAD_BY_ID] = "SELECT {columns} FROM enrollment_links WHERE id = $1",
	[LIST] = "SELECT {columns} FROM enrollment_links"
		 " WHERE (created_at, id) < ($1, $2)"
		 " ORDER BY created_at DESC, id DESC LIMIT $3",
	[PURGE] = "DELETE FROM enrollment_links WHERE id IN"
		  " (SELECT id FROM enrollment_links"
		  " WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
};

#define ROW struct enrollment_link

static const struct column columns[] = {
	{ "id", TEXT(id) },
	{ "serial", TEXT(serial) },
	{ "note", TEXT(note) },
	{ "created_at", TIME(created_at) },
	{ "created_by", TEXT(created_by) },
	{ "expires_at", TIME(expires_at) },
	{ "used_at", TIME(used_at) },
	{ "revoked_at", TIME(revoked_at) },
	{ "enrollment_id", TEXT_OR_NULL(enrollment_id) },
	{ PENDING, INT(pending), .read_only = true },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(enrollment_links, texts, &table);

static int
insert(struct db *db, const struct enrollment_link *link, const char *token)
{
	uint8_t digest[SECRET_SHA256];

	secret_sha256(blob_str(token), digest);
	return sql_run(db, texts[CREATE],
	    WITH(datum_text(link->id), datum_digest(digest),
		datum_text(link->serial), datum_text(link->note),
		datum_int(link->created_at), datum_text(link->created_by),
		datum_int(link->expires_at)));
}

int
enrollment_links_create(struct db *db, struct enrollment_link *link, int hours,
    char token[ENROLLMENT_LINKS_TOKEN_TEXT])
{
	int r;

	token[0] = '\0';
	if (link->serial[0] != '\0' && !hosts_is_serial(link->serial))
		return ERR_FIELD;
	secret_id(link->id);
	secret_id(token);
	link->created_at = clock_now();
	link->expires_at = link->created_at + INT64_C(3600) * hours;
	link->used_at = link->revoked_at = 0;
	link->enrollment_id[0] = '\0';
	r = insert(db, link, token);
	if (r != OK)
		return r;
	return activities_add(db,
	    &(struct activity_note){ .actor = link->created_by,
		.action = "enrollment-link.create",
		.serial = link->serial,
		.after = link->id,
		.detail = link->note });
}

int
enrollment_links_load(
    struct db *db, const char *token, struct enrollment_link *out)
{
	uint8_t digest[SECRET_SHA256];

	secret_sha256(blob_str(token), digest);
	return sql_one(
	    db, texts[LOAD], &table, WITH(datum_digest(digest)), out);
}

enum enrollment_link_state
enrollment_links_state(const struct enrollment_link *link, int64_t now)
{
	if (link->revoked_at != 0)
		return ENROLLMENT_LINK_REVOKED;
	if (link->used_at != 0)
		return ENROLLMENT_LINK_USED;
	return link->expires_at <= now ? ENROLLMENT_LINK_EXPIRED
				       : ENROLLMENT_LINK_OPEN;
}

const char *
enrollment_links_state_name(enum enrollment_link_state state)
{
	static const char *const names[] = {
		[ENROLLMENT_LINK_OPEN] = "open",
		[ENROLLMENT_LINK_USED] = "used",
		[ENROLLMENT_LINK_REVOKED] = "revoked",
		[ENROLLMENT_LINK_EXPIRED] = "expired",
	};

	return names[state];
}

int
enrollment_links_use(struct db *db, const char *id, const char *enrollment_id)
{
	return sql_change(db, texts[USE],
	    WITH(datum_text(id), datum_int(clock_now()),
		datum_text(enrollment_id)),
	    ERR_CONFLICT);
}

int
enrollment_links_revoke(struct db *db, const char *id, const char *actor)
{
	struct enrollment_link link;
	int r;

	if ((r = sql_one(db, texts[LOAD_BY_ID], &table, WITH(datum_text(id)),
		 &link)) != OK ||
	    (link.enrollment_id[0] != '\0' &&
		(r = enrollments_revoke(db, link.enrollment_id)) != OK))
		return r;
	if ((r = sql_change(db, texts[REVOKE],
		 WITH(datum_text(id), datum_int(clock_now())), ERR_CONFLICT)) !=
	    OK)
		return r;
	return activities_add(db,
	    &(struct activity_note){ .actor = actor,
		.action = "enrollment-link.revoke",
		.serial = link.serial,
		.before = id,
		.detail = link.note });
}

int
enrollment_links_list(struct db *db, const char *cursor, int limit,
    struct enrollment_link_list *out)
{
	struct cursor at = { .number = INT64_MAX };
	const struct enrollment_link *last;
	int r;

	*out = (struct enrollment_link_list){ .n = 0 };
	if ((r = cursor_read(cursor, "l", &at)) != OK ||
	    (r = sql_rows(db, texts[LIST], &table,
		 WITH(datum_int(at.number), datum_text(at.id),
		     datum_int(limit + 1)),
		 &out->rows, &out->n)) != OK ||
	    out->n <= (size_t)limit)
		return r;
	last = &out->rows[--out->n - 1];
	at = (struct cursor){ .number = last->created_at };
	COPY(at.id, last->id);
	cursor_write("l", &at, out->next);
	return OK;
}

void
enrollment_links_list_release(struct enrollment_link_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct enrollment_link_list){ 0 };
}

int
enrollment_links_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP), datum_int(limit)), deleted);
}
