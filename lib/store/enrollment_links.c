#include "store/enrollment_links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/activities.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/stmt.h"

#define KEEP (INT64_C(30) * 86400)

enum {
	CREATE,
	LOAD,
	USE,
	REVOKE,
	LOAD_BY_ID,
	LIST,
	COUNT,
	PURGE,
};

#define COLUMNS                                                                \
	"id, serial, note, created_at, created_by, expires_at, used_at,"       \
	" revoked_at, enrollment_id, EXISTS (SELECT 1 FROM enrollments e"      \
	" WHERE e.id = enrollment_id AND e.state IN ('open', 'issued'))"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO enrollment_links (id, token_sha256, serial,"
		   " note, created_at, created_by, expires_at)"
		   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[LOAD] = "SELECT " COLUMNS " FROM enrollment_links"
		 " WHERE token_sha256 = ?1",
	[USE] = "UPDATE enrollment_links SET used_at = ?2, enrollment_id = ?3"
		" WHERE id = ?1 AND used_at IS NULL AND revoked_at IS NULL"
		" AND expires_at > ?2",
	[REVOKE] = "UPDATE enrollment_links SET revoked_at = ?2 WHERE id = ?1"
		   " AND revoked_at IS NULL",
	[LOAD_BY_ID] = "SELECT " COLUMNS " FROM enrollment_links WHERE id = ?1",
	[LIST] = STMT_SCANS "SELECT " COLUMNS " FROM enrollment_links"
			    " ORDER BY created_at DESC, id LIMIT ?1 OFFSET ?2",
	[COUNT] = STMT_SCANS "SELECT count(*) FROM enrollment_links",
	[PURGE] = "DELETE FROM enrollment_links WHERE id IN"
		  " (SELECT id FROM enrollment_links"
		  " WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
};

STMT_FAMILY(enrollment_links, texts);

static void
read_link(struct stmt *s, void *out)
{
	struct enrollment_link *l = out;

	stmt_get_text(s, l->id, sizeof(l->id));
	stmt_get_text(s, l->serial, sizeof(l->serial));
	stmt_get_text(s, l->note, sizeof(l->note));
	l->created_at = stmt_get_int(s);
	stmt_get_text(s, l->created_by, sizeof(l->created_by));
	l->expires_at = stmt_get_int(s);
	l->used_at = stmt_get_int(s);
	l->revoked_at = stmt_get_int(s);
	stmt_get_text(s, l->enrollment_id, sizeof(l->enrollment_id));
	l->pending = stmt_get_bool(s);
}

static int
insert(struct db *db, const struct enrollment_link *link, const char *token)
{
	uint8_t digest[SECRET_SHA256];
	struct stmt s;

	secret_sha256(blob_str(token), digest);
	stmt_start(&s, db, STMT_enrollment_links, CREATE);
	stmt_put_text(&s, link->id);
	stmt_put_digest(&s, digest);
	stmt_put_text(&s, link->serial);
	stmt_put_text(&s, link->note);
	stmt_put_int(&s, link->created_at);
	stmt_put_text(&s, link->created_by);
	stmt_put_int(&s, link->expires_at);
	return stmt_run(&s);
}

int
enrollment_links_create(struct db *db, struct enrollment_link *link, int hours,
    char token[ENROLLMENT_LINKS_TOKEN_TEXT])
{
	char detail[256];
	int code;

	token[0] = '\0';
	if (link->serial[0] != '\0' && !hosts_is_serial(link->serial))
		return ERR_FIELD;
	secret_id(link->id);
	secret_id(token);
	link->created_at = clock_now();
	link->expires_at = link->created_at + INT64_C(3600) * hours;
	link->used_at = link->revoked_at = 0;
	link->enrollment_id[0] = '\0';
	snprintf(detail, sizeof(detail), "link %s for %s", link->id,
	    link->serial[0] == '\0' ? "any device" : link->serial);
	code = insert(db, link, token);
	if (code != OK)
		return code;
	return activities_add(
	    db, link->created_by, "enrollment-link.create", detail);
}

int
enrollment_links_load(
    struct db *db, const char *token, struct enrollment_link *out)
{
	uint8_t digest[SECRET_SHA256];
	struct stmt s;

	secret_sha256(blob_str(token), digest);
	stmt_start(&s, db, STMT_enrollment_links, LOAD);
	stmt_put_digest(&s, digest);
	return stmt_one(&s, read_link, out, sizeof(*out));
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
	struct stmt s;

	stmt_start(&s, db, STMT_enrollment_links, USE);
	stmt_put_text(&s, id);
	stmt_put_int(&s, clock_now());
	stmt_put_text(&s, enrollment_id);
	return stmt_change(&s, ERR_CONFLICT);
}

int
enrollment_links_revoke(struct db *db, const char *id, const char *actor)
{
	struct enrollment_link link;
	char detail[64];
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_enrollment_links, LOAD_BY_ID);
	stmt_put_text(&s, id);
	if ((code = stmt_one(&s, read_link, &link, sizeof(link))) != OK ||
	    (link.enrollment_id[0] != '\0' &&
		(code = enrollments_revoke(db, link.enrollment_id)) != OK))
		return code;
	stmt_start(&s, db, STMT_enrollment_links, REVOKE);
	stmt_put_text(&s, id);
	stmt_put_int(&s, clock_now());
	if ((code = stmt_change(&s, ERR_CONFLICT)) != OK)
		return code;
	snprintf(detail, sizeof(detail), "link %s", id);
	return activities_add(db, actor, "enrollment-link.revoke", detail);
}

int
enrollment_links_list(
    struct db *db, int offset, int limit, struct enrollment_link_list *out)
{
	struct stmt s;
	int code;

	*out = (struct enrollment_link_list){ 0 };
	stmt_start(&s, db, STMT_enrollment_links, COUNT);
	if ((code = stmt_integer(&s, &out->total)) != OK)
		return code;
	stmt_start(&s, db, STMT_enrollment_links, LIST);
	stmt_put_int(&s, limit);
	stmt_put_int(&s, offset);
	out->rows = stmt_rows(&s, read_link, sizeof(*out->rows), &out->n);
	if ((code = stmt_end(&s)) != OK)
		enrollment_links_list_release(out);
	return code;
}

void
enrollment_links_list_release(struct enrollment_link_list *list)
{
	free(list->rows);
	*list = (struct enrollment_link_list){ 0 };
}

int
enrollment_links_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollment_links, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
