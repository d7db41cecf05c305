#include "store/enrollments.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/stmt.h"

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
	COUNT,
	LIST_BY_SERIAL,
	PURGE_ORDERS,
	PURGE_ACCOUNTS,
	PURGE_KEEP,
	PURGE,
};

#define COLUMNS                                                                \
	"id, serial, udid, product, os_version, build_version, source,"        \
	" purpose, method, state, created_at, expires_at, remote_address,"     \
	" signer_sha256, server_url, topic, profile_identifier"
#define MATCHES                                                                \
	" WHERE lower(id) LIKE ?1 ESCAPE '\\'"                                 \
	" OR lower(serial) LIKE ?1 ESCAPE '\\'"                                \
	" OR lower(product) LIKE ?1 ESCAPE '\\'"                               \
	" OR lower(remote_address) LIKE ?1 ESCAPE '\\'"

#define UNUSED                                                                 \
	" NOT EXISTS (SELECT 1 FROM accounts a WHERE a.enrollment_id = e.id)"  \
	" AND NOT EXISTS (SELECT 1 FROM attestations t"                        \
	" WHERE t.enrollment_id = e.id)"                                       \
	" AND NOT EXISTS (SELECT 1 FROM certificates c"                        \
	" WHERE c.enrollment_id = e.id)"
/* the next ones to purge: before ?1, at most ?2 */
#define EXPIRED                                                                \
	" (SELECT x.id FROM enrollments x WHERE x.kept = 0"                    \
	" AND x.expires_at < ?1 ORDER BY x.expires_at, x.id LIMIT ?2)"
#define FORGOTTEN                                                              \
	" IN (SELECT e.id FROM enrollments e WHERE e.serial = ?1"              \
	" AND e.state = 'revoked' AND e.source <> 'command' AND" UNUSED        \
	" AND e.signer_sha256 = (SELECT n.signer_sha256"                       \
	" FROM enrollments n WHERE n.id = ?3)"                                 \
	" ORDER BY e.created_at DESC, e.id LIMIT 1000 OFFSET ?2)"

static const char *const texts[] = {
	[CREATE] =
	    "INSERT INTO enrollments (" COLUMNS ") VALUES (?1, ?2, ?3,"
	    " ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
	[NOTE_PROFILES] =
	    STMT_SCANS "UPDATE enrollments SET server_url = ?1, topic = ?2,"
		       " profile_identifier = ?3 WHERE server_url = ''",
	[LOAD] = "SELECT " COLUMNS " FROM enrollments WHERE id = ?1",
	[LOAD_USABLE] = "SELECT " COLUMNS " FROM enrollments WHERE id = ?1"
			" AND state IN ('open', 'issued') AND expires_at > ?2",
	[MARK_ISSUED] = "UPDATE enrollments SET state = 'issued'"
			" WHERE id = ?1 AND state = 'open' AND expires_at > ?2",
	[MARK_ENROLLED] = "UPDATE enrollments SET state = 'enrolled'"
			  " WHERE id = ?1 AND state = 'issued'",
	[BIND] = "UPDATE enrollments SET serial = ?2"
		 " WHERE id = ?1 AND serial = '' AND state = 'issued'",
	[REVOKE] = "UPDATE enrollments SET state = 'revoked'"
		   " WHERE id = ?1 AND state IN ('open', 'issued')",
	[REVOKE_OPEN] = "UPDATE enrollments SET state = 'revoked'"
			" WHERE serial = ?1 AND state = 'open' AND id <> ?2",
	[REVOKE_OLD] =
	    "UPDATE enrollments SET state = 'revoked' WHERE id IN"
	    " (SELECT e.id FROM enrollments e WHERE e.serial = ?1"
	    " AND e.state = 'open' AND e.source <> 'command' AND e.id <> ?3"
	    " AND e.signer_sha256 = (SELECT n.signer_sha256"
	    " FROM enrollments n WHERE n.id = ?3)"
	    " ORDER BY e.created_at DESC, e.id LIMIT 1000 OFFSET ?2)",
	[FORGET_EVENTS] = "DELETE FROM events WHERE enrollment_id" FORGOTTEN,
	[FORGET] = "DELETE FROM enrollments WHERE id" FORGOTTEN,
	[LIST] = STMT_SCANS "SELECT " COLUMNS " FROM enrollments" MATCHES
			    " ORDER BY created_at DESC, id LIMIT ?2 OFFSET ?3",
	[COUNT] = STMT_SCANS "SELECT count(*) FROM enrollments" MATCHES,
	[LIST_BY_SERIAL] = "SELECT " COLUMNS " FROM enrollments"
			   " WHERE serial = ?1"
			   " ORDER BY created_at DESC, id LIMIT ?2",
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

STMT_FAMILY(enrollments, texts);

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

static void
read_enrollment(struct stmt *s, void *out)
{
	struct enrollment *e = out;

	stmt_get_text(s, e->id, sizeof(e->id));
	stmt_get_text(s, e->device.serial, sizeof(e->device.serial));
	stmt_get_text(s, e->device.udid, sizeof(e->device.udid));
	stmt_get_text(s, e->device.product, sizeof(e->device.product));
	stmt_get_text(s, e->device.os_version, sizeof(e->device.os_version));
	stmt_get_text(
	    s, e->device.build_version, sizeof(e->device.build_version));
	e->source = (enum enrollment_source)STMT_GET_WORD(s, sources);
	e->purpose = (enum enrollment_purpose)STMT_GET_WORD(s, purposes);
	e->method = (enum enrollment_method)STMT_GET_WORD(s, methods);
	e->state = (enum enrollment_state)STMT_GET_WORD(s, states);
	e->created_at = stmt_get_int(s);
	e->expires_at = stmt_get_int(s);
	stmt_get_text(s, e->remote_address, sizeof(e->remote_address));
	stmt_get_bytes(s, e->signer_sha256, sizeof(e->signer_sha256));
	stmt_get_text(s, e->server_url, sizeof(e->server_url));
	stmt_get_text(s, e->topic, sizeof(e->topic));
	stmt_get_text(s, e->profile_identifier, sizeof(e->profile_identifier));
}

int
enrollments_create(struct db *db, struct enrollment *e, int hours)
{
	struct stmt s;

	if (e->device.serial[0] == '\0' && e->source != ENROLLMENT_LINK)
		return ERR_FIELD;
	secret_id(e->id);
	e->state = ENROLLMENT_OPEN;
	e->created_at = clock_now();
	e->expires_at = e->created_at + INT64_C(3600) * hours;
	stmt_start(&s, db, STMT_enrollments, CREATE);
	stmt_put_text(&s, e->id);
	stmt_put_text(&s, e->device.serial);
	stmt_put_text(&s, e->device.udid);
	stmt_put_text(&s, e->device.product);
	stmt_put_text(&s, e->device.os_version);
	stmt_put_text(&s, e->device.build_version);
	stmt_put_text(&s, sources[e->source]);
	stmt_put_text(&s, purposes[e->purpose]);
	stmt_put_text(&s, methods[e->method]);
	stmt_put_text(&s, states[e->state]);
	stmt_put_int(&s, e->created_at);
	stmt_put_int(&s, e->expires_at);
	stmt_put_text(&s, e->remote_address);
	stmt_put_digest(&s, e->signer_sha256);
	stmt_put_text(&s, e->server_url);
	stmt_put_text(&s, e->topic);
	stmt_put_text(&s, e->profile_identifier);
	return stmt_run(&s);
}

int
enrollments_note_profiles(struct db *db, const char *server_url,
    const char *topic, const char *profile_identifier)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, NOTE_PROFILES);
	stmt_put_text(&s, server_url);
	stmt_put_text(&s, topic);
	stmt_put_text(&s, profile_identifier);
	return stmt_run(&s);
}

int
enrollments_load(struct db *db, const char *id, struct enrollment *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, LOAD);
	stmt_put_text(&s, id);
	return stmt_one(&s, read_enrollment, out, sizeof(*out));
}

int
enrollments_load_usable(struct db *db, const char *id, struct enrollment *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, LOAD_USABLE);
	stmt_put_text(&s, id);
	stmt_put_int(&s, clock_now());
	return stmt_one(&s, read_enrollment, out, sizeof(*out));
}

int
enrollments_mark_issued(struct db *db, const char *id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, MARK_ISSUED);
	stmt_put_text(&s, id);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_CONFLICT);
}

int
enrollments_mark_enrolled(struct db *db, const char *id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, MARK_ENROLLED);
	stmt_put_text(&s, id);
	return stmt_change(&s, ERR_CONFLICT);
}

int
enrollments_bind(struct db *db, const char *id, const char *serial)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, BIND);
	stmt_put_text(&s, id);
	stmt_put_text(&s, serial);
	return stmt_change(&s, ERR_CONFLICT);
}

int
enrollments_revoke(struct db *db, const char *id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, REVOKE);
	stmt_put_text(&s, id);
	return stmt_change(&s, ERR_CONFLICT);
}

int
enrollments_revoke_open(
    struct db *db, const char *serial, const char *except, int *revoked)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, REVOKE_OPEN);
	stmt_put_text(&s, serial);
	stmt_put_text(&s, except);
	return stmt_purge(&s, revoked);
}

static int
forget(
    struct db *db, int which, const char *serial, int keep, const char *newest)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, which);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, keep);
	stmt_put_text(&s, newest);
	return stmt_run(&s);
}

int
enrollments_make_room(
    struct db *db, const char *serial, const char *newest, int keep)
{
	struct stmt s;
	int code;

	/* several may be of one second: the newest is told by its id */
	stmt_start(&s, db, STMT_enrollments, REVOKE_OLD);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, keep - 1);
	stmt_put_text(&s, newest);
	code = stmt_run(&s);
	if (code == OK)
		code = forget(db, FORGET_EVENTS, serial, keep, newest);
	return code == OK ? forget(db, FORGET, serial, keep, newest) : code;
}

static int
finish_list(struct stmt *s, struct enrollment_list *out)
{
	int code;

	out->rows = stmt_rows(s, read_enrollment, sizeof(*out->rows), &out->n);
	code = stmt_end(s);
	if (code != OK)
		enrollments_list_release(out);
	return code;
}

int
enrollments_list(struct db *db, const char *search, int offset, int limit,
    struct enrollment_list *out)
{
	struct stmt s;
	int code;

	*out = (struct enrollment_list){ 0 };
	stmt_start(&s, db, STMT_enrollments, COUNT);
	stmt_put_search(&s, search);
	code = stmt_integer(&s, &out->total);
	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_enrollments, LIST);
	stmt_put_search(&s, search);
	stmt_put_int(&s, limit);
	stmt_put_int(&s, offset);
	return finish_list(&s, out);
}

int
enrollments_list_by_serial(
    struct db *db, const char *serial, int limit, struct enrollment_list *out)
{
	struct stmt s;
	int code;

	*out = (struct enrollment_list){ 0 };
	stmt_start(&s, db, STMT_enrollments, LIST_BY_SERIAL);
	stmt_put_text(&s, serial);
	stmt_put_int(&s, limit);
	code = finish_list(&s, out);
	out->total = (int64_t)out->n;
	return code;
}

void
enrollments_list_release(struct enrollment_list *list)
{
	free(list->rows);
	*list = (struct enrollment_list){ 0 };
}

static int
purge(struct db *db, int which, int64_t before, int limit, int *changed)
{
	struct stmt s;

	stmt_start(&s, db, STMT_enrollments, which);
	stmt_put_int(&s, before);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, changed);
}

int
enrollments_purge(
    struct db *db, int64_t now, int limit, int *deleted, int *seen)
{
	int64_t before = now - KEEP;
	int orders, accounts, kept, gone, code;

	*deleted = *seen = 0;
	/* each statement finds the same ones: only the third changes which */
	if ((code = purge(db, PURGE_ORDERS, before, limit, &orders)) != OK ||
	    (code = purge(db, PURGE_ACCOUNTS, before, limit, &accounts)) !=
		OK ||
	    (code = purge(db, PURGE_KEEP, before, limit, &kept)) != OK ||
	    (code = purge(db, PURGE, before, limit - kept, &gone)) != OK)
		return code;
	*deleted = orders + accounts + gone;
	*seen = kept + gone;
	return OK;
}
