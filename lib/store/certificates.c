#include "store/certificates.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/activities.h"
#include "store/renewals.h"
#include "store/sql.h"

/* A revoked certificate stays on the list that long after its end. */
#define CRL_MARGIN (INT64_C(7) * 86400)

#define KEEP_UNUSED (INT64_C(30) * 86400)

enum {
	INSERT,
	LOAD,
	LOAD_BY_ID,
	LOAD_BY_ENROLLMENT,
	LOAD_BY_NUMBER,
	LOAD_SCOPED,
	LOAD_BY_ISSUER,
	SPKI_KNOWN,
	BIND,
	MAKE_CURRENT,
	RETIRE_OTHERS,
	RETIRE_UNUSED,
	ENROLLED_ANEW,
	REVOKE,
	MARKED,
	DISTRUST,
	LIST,
	LIST_BY_REVOCATION,
	SEARCH,
	LIST_BY_SERIAL,
	LIST_REVOKED,
	COUNT_VALID,
	REVOKED_SINCE,
	NEXT_CRL_NUMBER,
	PURGE_RELEASE,
	PURGE,
};

#define SELECT "SELECT {columns} FROM certificates WHERE "
#define UNUSED                                                                 \
	" WHERE created_at < $1 AND first_used_at IS NULL"                     \
	" AND COALESCE(order_id, '') = '' AND purpose = 'enroll'"              \
	" AND state IN ('issued', 'retired') ORDER BY created_at LIMIT $2"
static const char *const texts[] = {
	[INSERT] = "INSERT INTO certificates {new row}",
	[LOAD] = SELECT "sha256 = $1",
	[LOAD_BY_ID] = SELECT "id = $1",
	[LOAD_BY_ENROLLMENT] = SELECT "enrollment_id = $1",
	[LOAD_BY_NUMBER] = SELECT "serial_number = $1",
	[LOAD_SCOPED] = SELECT
	"enrollment_id = $1 AND id = $3 AND EXISTS (SELECT 1 FROM orders"
	" WHERE orders.id = order_id AND orders.account_id = $2)",
	[LOAD_BY_ISSUER] = SELECT "issuer_key_id = $1 AND serial_number = $2",
	[SPKI_KNOWN] = "SELECT 1 FROM certificates WHERE spki_sha256 = $1",
	[BIND] = "UPDATE certificates SET serial = $2"
		 " WHERE sha256 = $1 AND serial = '' AND state = 'issued'",
	[MAKE_CURRENT] = "UPDATE certificates SET state = 'current',"
			 " first_used_at = $2"
			 " WHERE sha256 = $1 AND state = 'issued'",
	/* of those that were never used, no newer one: but a clock may have
	 * been ahead, so that only the open renewal's counts as newer */
	[RETIRE_OTHERS] =
	    "UPDATE certificates SET state = 'retired'"
	    " WHERE serial = (SELECT n.serial FROM certificates n"
	    " WHERE n.sha256 = $1) AND serial <> '' AND sha256 <> $1"
	    " AND (state = 'current' OR (state = 'issued'"
	    " AND (created_at <= (SELECT n.created_at FROM certificates n"
	    " WHERE n.sha256 = $1) OR (purpose = 'renew'"
	    " AND NOT EXISTS (SELECT 1 FROM renewals r"
	    " WHERE r.enrollment_id = certificates.enrollment_id)))))",
	[RETIRE_UNUSED] = "UPDATE certificates SET state = 'retired' WHERE"
			  " serial = (SELECT h.serial FROM hosts h"
			  " WHERE h.id = $1) AND state = 'issued'"
			  " AND ($2 = 0 OR purpose = 'renew')",
	[ENROLLED_ANEW] =
	    "SELECT 1 FROM certificates c JOIN certificates n"
	    " ON n.serial = c.serial WHERE c.sha256 = $1"
	    " AND c.serial <> '' AND c.state = 'retired'"
	    " AND c.first_used_at IS NOT NULL AND n.sha256 <> c.sha256"
	    " AND n.purpose = 'enroll' AND n.first_used_at IS NOT NULL"
	    " AND (n.first_used_at >= c.first_used_at"
	    " OR EXISTS (SELECT 1 FROM hosts h WHERE h.serial = n.serial"
	    " AND h.certificate_sha256 = n.sha256)) LIMIT 1",
	/* nothing refers to their enrollments any more: purge those, too */
	[PURGE_RELEASE] = "UPDATE enrollments SET kept = 0 WHERE id IN"
			  " (SELECT enrollment_id FROM certificates" UNUSED ")",
	[PURGE] = "DELETE FROM certificates WHERE sha256 IN"
		  " (SELECT sha256 FROM certificates" UNUSED ")",
	[REVOKE] = "UPDATE certificates SET state = 'revoked',"
		   " revoked_at = $2, revocation_reason = $3"
		   " WHERE sha256 = $1 AND state <> 'revoked'",
	[MARKED] = "SELECT serial FROM hosts WHERE hardware_attested = 1"
		   " AND certificate_sha256 = $1 AND serial = (SELECT"
		   " c.serial FROM certificates c WHERE c.sha256 = $1)",
	[DISTRUST] = "UPDATE hosts SET hardware_attested = 0"
		     " WHERE certificate_sha256 = $1 AND serial = (SELECT"
		     " c.serial FROM certificates c WHERE c.sha256 = $1)"
		     " RETURNING id",
	[LIST] = "SELECT {brief} FROM certificates"
		 " WHERE (created_at, id) < ($1, $2)"
		 " ORDER BY created_at DESC, id DESC LIMIT $3",
	[LIST_BY_REVOCATION] =
	    "SELECT {brief} FROM certificates WHERE revoked_at IS NOT NULL"
	    " AND (revoked_at, id) < ($1, $2)"
	    " ORDER BY revoked_at DESC, id DESC LIMIT $3",
	[SEARCH] = "SELECT {brief} FROM certificates WHERE serial >= $1"
		   " AND (serial, created_at, id) < ($2, $3, $4)"
		   " ORDER BY serial DESC, created_at DESC, id DESC LIMIT $5",
	[LIST_BY_SERIAL] = "SELECT {brief} FROM certificates"
			   " WHERE serial = $1 ORDER BY created_at DESC, id",
	[LIST_REVOKED] = "SELECT serial_number, revoked_at, revocation_reason"
			 " FROM certificates WHERE revoked_at IS NOT NULL"
			 " AND issuer_key_id = $1 AND not_after > $2"
			 " ORDER BY revoked_at",
	[COUNT_VALID] = SQL_SCANS "SELECT count(*) FROM certificates"
				  " WHERE issuer_key_id = $1 AND not_after > $2"
				  " AND state <> 'revoked'",
	[REVOKED_SINCE] = "SELECT count(*) FROM certificates"
			  " WHERE issuer_key_id = $1 AND revoked_at >= $2",
	[NEXT_CRL_NUMBER] = "INSERT INTO crl_numbers (issuer_key_id, number)"
			    " VALUES ($1, 1) ON CONFLICT (issuer_key_id)"
			    " DO UPDATE SET number = crl_numbers.number + 1"
			    " RETURNING number",
};

static const char *const states[] = {
	[CERTIFICATE_ISSUED] = "issued",
	[CERTIFICATE_CURRENT] = "current",
	[CERTIFICATE_RETIRED] = "retired",
	[CERTIFICATE_REVOKED] = "revoked",
};

static const char *const purposes[] = {
	[ENROLLMENT_ENROLL] = "enroll",
	[ENROLLMENT_RENEW] = "renew",
};

#define ROW struct certificate

static const struct column columns[] = {
	{ "sha256", DIGEST(sha256) },
	{ "id", TEXT(id) },
	{ "serial_number", BYTES(serial_number, serial_number_len) },
	{ "der", BLOB(der), .large = true },
	{ "spki_sha256", DIGEST(spki_sha256) },
	{ "issuer_key_id", BYTES(issuer_key_id, issuer_key_id_len) },
	{ "enrollment_id", TEXT(enrollment_id) },
	{ "order_id", TEXT_OR_NULL(order_id) },
	{ "serial", TEXT(serial) },
	{ "purpose", WORD(purpose, purposes) },
	{ "hardware_attested", INT(hardware_attested) },
	{ "state", WORD(state, states) },
	{ "not_before", INT(not_before) },
	{ "not_after", INT(not_after) },
	{ "lifetime", INT(lifetime) },
	{ "created_at", TIME(created_at) },
	{ "first_used_at", TIME(first_used_at), .read_only = true },
	{ "revoked_at", TIME(revoked_at), .read_only = true },
	{ "revocation_reason", INT(revocation_reason), .read_only = true },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(certificates, texts, &table);

const char *
certificates_state_name(enum certificate_state state)
{
	return states[state];
}

void
certificates_release(struct certificate *c)
{
	free(c->memory);
	*c = (struct certificate){ 0 };
}

int
certificates_insert(struct db *db, const struct certificate *c)
{
	struct certificate row = *c;
	int r;

	row.state = CERTIFICATE_ISSUED;
	row.lifetime = c->not_after - c->not_before;
	row.created_at = clock_now();
	r = sql_insert(db, texts[INSERT], &table, &row);
	return r == ERR_EXISTS ? ERR_CONFLICT : r;
}

int
certificates_load(
    struct db *db, const uint8_t sha256[SECRET_SHA256], struct certificate *out)
{
	return sql_one(
	    db, texts[LOAD], &table, WITH(datum_digest(sha256)), out);
}

int
certificates_load_by_id(struct db *db, const char *id, struct certificate *out)
{
	return sql_one(
	    db, texts[LOAD_BY_ID], &table, WITH(datum_text(id)), out);
}

int
certificates_load_by_enrollment(
    struct db *db, const char *enrollment_id, struct certificate *out)
{
	return sql_one(db, texts[LOAD_BY_ENROLLMENT], &table,
	    WITH(datum_text(enrollment_id)), out);
}

int
certificates_load_by_number(
    struct db *db, struct blob serial_number, struct certificate *out)
{
	return sql_one(db, texts[LOAD_BY_NUMBER], &table,
	    WITH(datum_blob(serial_number)), out);
}

int
certificates_load_scoped(struct db *db, const char *enrollment_id,
    const char *account_id, const char *id, struct certificate *out)
{
	return sql_one(db, texts[LOAD_SCOPED], &table,
	    WITH(datum_text(enrollment_id), datum_text(account_id),
		datum_text(id)),
	    out);
}

int
certificates_load_by_issuer(struct db *db, struct blob issuer_key_id,
    struct blob serial_number, struct certificate *out)
{
	return sql_one(db, texts[LOAD_BY_ISSUER], &table,
	    WITH(datum_blob(issuer_key_id), datum_blob(serial_number)), out);
}

int
certificates_spki_known(
    struct db *db, const uint8_t spki_sha256[SECRET_SHA256], bool *out)
{
	return sql_exists(
	    db, texts[SPKI_KNOWN], WITH(datum_digest(spki_sha256)), out);
}

int
certificates_bind(
    struct db *db, const uint8_t sha256[SECRET_SHA256], const char *serial)
{
	return sql_change(db, texts[BIND],
	    WITH(datum_digest(sha256), datum_text(serial)), ERR_CONFLICT);
}

int
certificates_make_current(struct db *db, const uint8_t sha256[SECRET_SHA256])
{
	int r;

	r = sql_change(db, texts[MAKE_CURRENT],
	    WITH(datum_digest(sha256), datum_int(clock_now())), ERR_CONFLICT);
	if (r != OK)
		return r;
	return sql_run(db, texts[RETIRE_OTHERS], WITH(datum_digest(sha256)));
}

int
certificates_retire_unused(
    struct db *db, const char *host_id, bool renewals_only)
{
	return sql_run(db, texts[RETIRE_UNUSED],
	    WITH(datum_text(host_id), datum_int(renewals_only)));
}

int
certificates_enrolled_anew(
    struct db *db, const uint8_t sha256[SECRET_SHA256], bool *out)
{
	return sql_exists(
	    db, texts[ENROLLED_ANEW], WITH(datum_digest(sha256)), out);
}

static int
note_withdrawn(struct db *db, const uint8_t sha256[SECRET_SHA256])
{
	char serial[DB_SERIAL_TEXT];
	int r = sql_text(db, texts[MARKED], WITH(datum_digest(sha256)), serial,
	    sizeof serial);

	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	return activities_add_withdrawn(
	    db, NULL, serial, "its certificate was revoked");
}

/* Whoever has a host's key could follow its renewal, too. */
static int
distrust(struct db *db, const uint8_t sha256[SECRET_SHA256])
{
	char host_id[DB_ID_TEXT];
	int r;

	if ((r = note_withdrawn(db, sha256)) != OK)
		return r;
	r = sql_text(db, texts[DISTRUST], WITH(datum_digest(sha256)), host_id,
	    sizeof host_id);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	r = renewals_withdraw(db, host_id, "the certificate was revoked");
	return r == ERR_CONFLICT ? OK : r;
}

int
certificates_revoke(
    struct db *db, const uint8_t sha256[SECRET_SHA256], int reason)
{
	struct certificate known;
	int r;

	r = sql_change(db, texts[REVOKE],
	    WITH(datum_digest(sha256), datum_int(clock_now()),
		datum_int(reason)),
	    ERR_ALREADY_REVOKED);
	if (r == OK)
		return distrust(db, sha256);
	if (r != ERR_ALREADY_REVOKED)
		return r;
	if (certificates_load(db, sha256, &known) == ERR_NOT_FOUND)
		r = ERR_NOT_FOUND;
	certificates_release(&known);
	return r;
}

/* One with this id, or those whose serial numbers begin so. */
static int
find(struct db *db, const char *search, const char *cursor, int limit,
    struct certificate_list *out)
{
	char first[CURSOR_VALUE_TEXT];
	struct cursor at;
	int r;

	r = sql_rows(db, texts[LOAD_BY_ID], &table, WITH(datum_text(search)),
	    &out->rows, &out->n);
	cursor_of_serials(search, first, &at);
	if (r != OK || out->n > 0 || (r = cursor_read(cursor, "cs", &at)) != OK)
		return r;
	return sql_rows(db, texts[SEARCH], &table,
	    WITH(datum_text(first), datum_text(at.value), datum_int(at.number),
		datum_text(at.id), datum_int(limit + 1)),
	    &out->rows, &out->n);
}

static int
list_all(struct db *db, bool revoked, const char *cursor, int limit,
    struct certificate_list *out)
{
	struct cursor at = { .number = INT64_MAX };
	int r = cursor_read(cursor, revoked ? "cr" : "ct", &at);

	return r != OK ? r
		       : sql_rows(db,
			     texts[revoked ? LIST_BY_REVOCATION : LIST], &table,
			     WITH(datum_int(at.number), datum_text(at.id),
				 datum_int(limit + 1)),
			     &out->rows, &out->n);
}

int
certificates_list(struct db *db, const struct certificate_filter *filter,
    struct certificate_list *out)
{
	bool all = filter->search == NULL || *filter->search == '\0';
	struct certificate *last;
	struct cursor next;
	int r, limit = filter->limit;

	*out = (struct certificate_list){ .n = 0 };
	r = all ? list_all(db, filter->revoked, filter->cursor, limit, out)
		: find(db, filter->search, filter->cursor, limit, out);
	if (r != OK || out->n <= (size_t)limit)
		return r;
	certificates_release(&out->rows[--out->n]);
	last = &out->rows[out->n - 1];
	next.number = all && filter->revoked ? last->revoked_at
					     : last->created_at;
	COPY(next.value, all ? "" : last->serial);
	COPY(next.id, last->id);
	cursor_write(!all            ? "cs"
		: filter->revoked ? "cr"
				  : "ct",
	    &next, out->next);
	return OK;
}

int
certificates_list_by_serial(
    struct db *db, const char *serial, struct certificate_list *out)
{
	*out = (struct certificate_list){ .n = 0 };
	return sql_rows(db, texts[LIST_BY_SERIAL], &table,
	    WITH(datum_text(serial)), &out->rows, &out->n);
}

void
certificates_list_release(struct certificate_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct certificate_list){ 0 };
}

#undef ROW
#define ROW struct certificate_revoked

/* in the order of LIST_REVOKED */
static const struct column revoked_columns[] = {
	{ "serial_number", BYTES(serial_number, serial_number_len) },
	{ "revoked_at", TIME(revoked_at) },
	{ "revocation_reason", INT(reason) },
};

static const struct table revoked_table = TABLE(revoked_columns);

int
certificates_list_revoked(struct db *db, struct blob issuer_key_id,
    struct certificate_revoked_list *out)
{
	return sql_rows(db, texts[LIST_REVOKED], &revoked_table,
	    WITH(
		datum_blob(issuer_key_id), datum_int(clock_now() - CRL_MARGIN)),
	    &out->rows, &out->n);
}

void
certificates_revoked_release(struct certificate_revoked_list *list)
{
	free(list->rows);
	*list = (struct certificate_revoked_list){ 0 };
}

int
certificates_count_valid(
    struct db *db, struct blob issuer_key_id, int64_t now, int64_t *out)
{
	return sql_integer(db, texts[COUNT_VALID],
	    WITH(datum_blob(issuer_key_id), datum_int(now)), out);
}

int
certificates_revoked_since(
    struct db *db, struct blob issuer_key_id, int64_t since, bool *out)
{
	int64_t n = 0;
	int r;

	r = sql_integer(db, texts[REVOKED_SINCE],
	    WITH(datum_blob(issuer_key_id), datum_int(since)), &n);
	*out = n > 0;
	return r;
}

int
certificates_next_crl_number(
    struct db *db, struct blob issuer_key_id, int64_t *out)
{
	return sql_integer(
	    db, texts[NEXT_CRL_NUMBER], WITH(datum_blob(issuer_key_id)), out);
}

int
certificates_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	int r;

	*deleted = 0;
	if ((r = sql_run(db, texts[PURGE_RELEASE],
		 WITH(datum_int(now - KEEP_UNUSED), datum_int(limit)))) != OK)
		return r;
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP_UNUSED), datum_int(limit)), deleted);
}
