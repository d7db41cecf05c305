#include "store/certificates.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/renewals.h"
#include "store/stmt.h"

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
	DISTRUST,
	LIST,
	COUNT,
	LIST_BY_SERIAL,
	LIST_REVOKED,
	REVOKED_SINCE,
	NEXT_CRL_NUMBER,
	PURGE_RELEASE,
	PURGE,
};

#define BEFORE_DER "sha256, id, serial_number,"
#define AFTER_DER                                                              \
	" spki_sha256, issuer_key_id, enrollment_id, order_id, serial,"        \
	" purpose, hardware_attested, state, not_before, not_after, lifetime,"  \
	" created_at, first_used_at, revoked_at, revocation_reason"
#define COLUMNS BEFORE_DER " der," AFTER_DER
#define BRIEF   BEFORE_DER " NULL," AFTER_DER
#define SELECT  "SELECT " COLUMNS " FROM certificates WHERE "
#define UNUSED                                                                 \
	" WHERE created_at < ?1 AND first_used_at IS NULL"                     \
	" AND COALESCE(order_id, '') = '' AND purpose = 'enroll'"              \
	" AND state IN ('issued', 'retired') ORDER BY created_at LIMIT ?2"
#define MATCHES                                                                \
	" WHERE lower(serial) LIKE ?1 ESCAPE '\\'"                             \
	" OR lower(id) LIKE ?1 ESCAPE '\\'"                                    \
	" OR lower(state) LIKE ?1 ESCAPE '\\'"

static const char *const texts[] = {
	[INSERT] = "INSERT INTO certificates (sha256, id, serial_number, der,"
		   " spki_sha256, issuer_key_id, enrollment_id, order_id,"
		   " serial, purpose, hardware_attested, state, not_before,"
		   " not_after, lifetime, created_at) VALUES (?1, ?2, ?3, ?4,"
		   " ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'issued', ?12, ?13,"
		   " ?14, ?15)",
	[LOAD] = SELECT "sha256 = ?1",
	[LOAD_BY_ID] = SELECT "id = ?1",
	[LOAD_BY_ENROLLMENT] = SELECT "enrollment_id = ?1",
	[LOAD_BY_NUMBER] = SELECT "serial_number = ?1",
	[LOAD_SCOPED] = SELECT
	"enrollment_id = ?1 AND id = ?3 AND EXISTS (SELECT 1 FROM orders"
	" WHERE orders.id = order_id AND orders.account_id = ?2)",
	[LOAD_BY_ISSUER] = SELECT "issuer_key_id = ?1 AND serial_number = ?2",
	[SPKI_KNOWN] = "SELECT 1 FROM certificates WHERE spki_sha256 = ?1",
	[BIND] = "UPDATE certificates SET serial = ?2"
		 " WHERE sha256 = ?1 AND serial = '' AND state = 'issued'",
	[MAKE_CURRENT] = "UPDATE certificates SET state = 'current',"
			 " first_used_at = ?2"
			 " WHERE sha256 = ?1 AND state = 'issued'",
	/* of those that were never used, no newer one: but a clock may have
	 * been ahead, so that only the open renewal's counts as newer */
	[RETIRE_OTHERS] =
	    "UPDATE certificates SET state = 'retired'"
	    " WHERE serial = (SELECT n.serial FROM certificates n"
	    " WHERE n.sha256 = ?1) AND serial <> '' AND sha256 <> ?1"
	    " AND (state = 'current' OR (state = 'issued'"
	    " AND (created_at <= (SELECT n.created_at FROM certificates n"
	    " WHERE n.sha256 = ?1) OR (purpose = 'renew'"
	    " AND NOT EXISTS (SELECT 1 FROM renewals r"
	    " WHERE r.enrollment_id = certificates.enrollment_id)))))",
	[RETIRE_UNUSED] = "UPDATE certificates SET state = 'retired' WHERE"
			  " serial = (SELECT h.serial FROM hosts h"
			  " WHERE h.id = ?1) AND state = 'issued'"
			  " AND (?2 = 0 OR purpose = 'renew')",
	[ENROLLED_ANEW] =
	    "SELECT 1 FROM certificates c JOIN certificates n"
	    " ON n.serial = c.serial WHERE c.sha256 = ?1"
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
		   " revoked_at = ?2, revocation_reason = ?3"
		   " WHERE sha256 = ?1 AND state <> 'revoked'",
	[DISTRUST] = "UPDATE hosts SET hardware_attested = 0"
		     " WHERE certificate_sha256 = ?1 AND serial = (SELECT"
		     " c.serial FROM certificates c WHERE c.sha256 = ?1)"
		     " RETURNING id",
	[LIST] = STMT_SCANS "SELECT " BRIEF " FROM certificates" MATCHES
			    " ORDER BY created_at DESC, id LIMIT ?2 OFFSET ?3",
	[COUNT] = STMT_SCANS "SELECT count(*) FROM certificates" MATCHES,
	[LIST_BY_SERIAL] = "SELECT " BRIEF " FROM certificates"
			   " WHERE serial = ?1 ORDER BY created_at DESC, id",
	[LIST_REVOKED] = "SELECT serial_number, revoked_at, revocation_reason"
			 " FROM certificates WHERE revoked_at IS NOT NULL"
			 " AND issuer_key_id = ?1 AND not_after > ?2"
			 " ORDER BY revoked_at",
	[REVOKED_SINCE] = "SELECT count(*) FROM certificates"
			  " WHERE issuer_key_id = ?1 AND revoked_at >= ?2",
	[NEXT_CRL_NUMBER] = "INSERT INTO crl_numbers (issuer_key_id, number)"
			    " VALUES (?1, 1) ON CONFLICT (issuer_key_id)"
			    " DO UPDATE SET number = crl_numbers.number + 1"
			    " RETURNING number",
};

STMT_FAMILY(certificates, texts);

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

const char *
certificates_state_name(enum certificate_state state)
{
	return states[state];
}

static void
read_certificate(struct stmt *s, void *out)
{
	struct certificate *c = out;

	stmt_get_bytes(s, c->sha256, sizeof(c->sha256));
	stmt_get_text(s, c->id, sizeof(c->id));
	c->serial_number_len =
	    stmt_get_some(s, c->serial_number, sizeof(c->serial_number));
	c->der = stmt_get_blob(s);
	stmt_get_bytes(s, c->spki_sha256, sizeof(c->spki_sha256));
	c->issuer_key_id_len =
	    stmt_get_some(s, c->issuer_key_id, sizeof(c->issuer_key_id));
	stmt_get_text(s, c->enrollment_id, sizeof(c->enrollment_id));
	stmt_get_text(s, c->order_id, sizeof(c->order_id));
	stmt_get_text(s, c->serial, sizeof(c->serial));
	c->purpose = (enum enrollment_purpose)STMT_GET_WORD(s, purposes);
	c->hardware_attested = stmt_get_bool(s);
	c->state = (enum certificate_state)STMT_GET_WORD(s, states);
	c->not_before = stmt_get_int(s);
	c->not_after = stmt_get_int(s);
	c->lifetime = stmt_get_int(s);
	c->created_at = stmt_get_int(s);
	c->first_used_at = stmt_get_int(s);
	c->revoked_at = stmt_get_int(s);
	c->revocation_reason = (int)stmt_get_int(s);
	c->memory = stmt_take_memory(s);
}

static void
read_revoked(struct stmt *s, void *out)
{
	struct certificate_revoked *r = out;

	r->serial_number_len =
	    stmt_get_some(s, r->serial_number, sizeof(r->serial_number));
	r->revoked_at = stmt_get_int(s);
	r->reason = (int)stmt_get_int(s);
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
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_certificates, INSERT);
	stmt_put_digest(&s, c->sha256);
	stmt_put_text(&s, c->id);
	stmt_put_blob(&s, blob_of(c->serial_number, c->serial_number_len));
	stmt_put_blob(&s, c->der);
	stmt_put_digest(&s, c->spki_sha256);
	stmt_put_blob(&s, blob_of(c->issuer_key_id, c->issuer_key_id_len));
	stmt_put_text(&s, c->enrollment_id);
	stmt_put_text_or_null(&s, c->order_id);
	stmt_put_text(&s, c->serial);
	stmt_put_text(&s, purposes[c->purpose]);
	stmt_put_int(&s, c->hardware_attested);
	stmt_put_int(&s, c->not_before);
	stmt_put_int(&s, c->not_after);
	stmt_put_int(&s, c->not_after - c->not_before);
	stmt_put_int(&s, clock_now());
	code = stmt_run(&s);
	return code == ERR_EXISTS ? ERR_CONFLICT : code;
}

static int
load(struct db *db, int which, struct blob key, struct certificate *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, which);
	stmt_put_blob(&s, key);
	return stmt_one(&s, read_certificate, out, sizeof(*out));
}

static int
load_by_text(struct db *db, int which, const char *key, struct certificate *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, which);
	stmt_put_text(&s, key);
	return stmt_one(&s, read_certificate, out, sizeof(*out));
}

int
certificates_load(
    struct db *db, const uint8_t sha256[SECRET_SHA256], struct certificate *out)
{
	return load(db, LOAD, blob_of(sha256, SECRET_SHA256), out);
}

int
certificates_load_by_id(struct db *db, const char *id, struct certificate *out)
{
	return load_by_text(db, LOAD_BY_ID, id, out);
}

int
certificates_load_by_enrollment(
    struct db *db, const char *enrollment_id, struct certificate *out)
{
	return load_by_text(db, LOAD_BY_ENROLLMENT, enrollment_id, out);
}

int
certificates_load_by_number(
    struct db *db, struct blob serial_number, struct certificate *out)
{
	return load(db, LOAD_BY_NUMBER, serial_number, out);
}

int
certificates_load_scoped(struct db *db, const char *enrollment_id,
    const char *account_id, const char *id, struct certificate *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, LOAD_SCOPED);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, account_id);
	stmt_put_text(&s, id);
	return stmt_one(&s, read_certificate, out, sizeof(*out));
}

int
certificates_load_by_issuer(struct db *db, struct blob issuer_key_id,
    struct blob serial_number, struct certificate *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, LOAD_BY_ISSUER);
	stmt_put_blob(&s, issuer_key_id);
	stmt_put_blob(&s, serial_number);
	return stmt_one(&s, read_certificate, out, sizeof(*out));
}

int
certificates_spki_known(
    struct db *db, const uint8_t spki_sha256[SECRET_SHA256], bool *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, SPKI_KNOWN);
	stmt_put_digest(&s, spki_sha256);
	return stmt_exists(&s, out);
}

int
certificates_bind(
    struct db *db, const uint8_t sha256[SECRET_SHA256], const char *serial)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, BIND);
	stmt_put_digest(&s, sha256);
	stmt_put_text(&s, serial);
	return stmt_change(&s, ERR_CONFLICT);
}

int
certificates_make_current(struct db *db, const uint8_t sha256[SECRET_SHA256])
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_certificates, MAKE_CURRENT);
	stmt_put_digest(&s, sha256);
	stmt_put_int(&s, clock_now());
	code = stmt_change(&s, ERR_CONFLICT);
	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_certificates, RETIRE_OTHERS);
	stmt_put_digest(&s, sha256);
	return stmt_run(&s);
}

int
certificates_retire_unused(
    struct db *db, const char *host_id, bool renewals_only)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, RETIRE_UNUSED);
	stmt_put_text(&s, host_id);
	stmt_put_int(&s, renewals_only);
	return stmt_run(&s);
}

int
certificates_enrolled_anew(
    struct db *db, const uint8_t sha256[SECRET_SHA256], bool *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, ENROLLED_ANEW);
	stmt_put_digest(&s, sha256);
	return stmt_exists(&s, out);
}

static void
read_id(struct stmt *s, void *out)
{
	stmt_get_text(s, out, DB_ID_TEXT);
}

/* Whoever has a host's key could follow its renewal, too. */
static int
distrust(struct db *db, const uint8_t sha256[SECRET_SHA256])
{
	char host_id[DB_ID_TEXT];
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_certificates, DISTRUST);
	stmt_put_digest(&s, sha256);
	code = stmt_one(&s, read_id, host_id, sizeof(host_id));
	if (code != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	code = renewals_withdraw(db, host_id, "the certificate was revoked");
	return code == ERR_CONFLICT ? OK : code;
}

int
certificates_revoke(
    struct db *db, const uint8_t sha256[SECRET_SHA256], int reason)
{
	struct certificate known;
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_certificates, REVOKE);
	stmt_put_digest(&s, sha256);
	stmt_put_int(&s, clock_now());
	stmt_put_int(&s, reason);
	code = stmt_change(&s, ERR_ALREADY_REVOKED);
	if (code == OK)
		return distrust(db, sha256);
	if (code != ERR_ALREADY_REVOKED)
		return code;
	if (certificates_load(db, sha256, &known) == ERR_NOT_FOUND)
		code = ERR_NOT_FOUND;
	certificates_release(&known);
	return code;
}

static int
finish_list(struct stmt *s, struct certificate_list *out)
{
	int code;

	out->rows = stmt_rows(s, read_certificate, sizeof(*out->rows), &out->n);
	code = stmt_end(s);
	if (code != OK)
		certificates_list_release(out);
	return code;
}

int
certificates_list(struct db *db, const char *search, int offset, int limit,
    struct certificate_list *out)
{
	struct stmt s;
	int code;

	*out = (struct certificate_list){ 0 };
	stmt_start(&s, db, STMT_certificates, COUNT);
	stmt_put_search(&s, search);
	code = stmt_integer(&s, &out->total);
	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_certificates, LIST);
	stmt_put_search(&s, search);
	stmt_put_int(&s, limit);
	stmt_put_int(&s, offset);
	return finish_list(&s, out);
}

int
certificates_list_by_serial(
    struct db *db, const char *serial, struct certificate_list *out)
{
	struct stmt s;
	int code;

	*out = (struct certificate_list){ 0 };
	stmt_start(&s, db, STMT_certificates, LIST_BY_SERIAL);
	stmt_put_text(&s, serial);
	code = finish_list(&s, out);
	out->total = (int64_t)out->n;
	return code;
}

void
certificates_list_release(struct certificate_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		certificates_release(&list->rows[i]);
	free(list->rows);
	*list = (struct certificate_list){ 0 };
}

int
certificates_list_revoked(struct db *db, struct blob issuer_key_id,
    struct certificate_revoked_list *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_certificates, LIST_REVOKED);
	stmt_put_blob(&s, issuer_key_id);
	stmt_put_int(&s, clock_now() - CRL_MARGIN);
	out->rows = stmt_rows(&s, read_revoked, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		certificates_revoked_release(out);
	return code;
}

void
certificates_revoked_release(struct certificate_revoked_list *list)
{
	free(list->rows);
	*list = (struct certificate_revoked_list){ 0 };
}

int
certificates_revoked_since(
    struct db *db, struct blob issuer_key_id, int64_t since, bool *out)
{
	int64_t n = 0;
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_certificates, REVOKED_SINCE);
	stmt_put_blob(&s, issuer_key_id);
	stmt_put_int(&s, since);
	code = stmt_integer(&s, &n);
	*out = n > 0;
	return code;
}

int
certificates_next_crl_number(
    struct db *db, struct blob issuer_key_id, int64_t *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_certificates, NEXT_CRL_NUMBER);
	stmt_put_blob(&s, issuer_key_id);
	return stmt_integer(&s, out);
}

int
certificates_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;
	int code;

	*deleted = 0;
	stmt_start(&s, db, STMT_certificates, PURGE_RELEASE);
	stmt_put_int(&s, now - KEEP_UNUSED);
	stmt_put_int(&s, limit);
	if ((code = stmt_run(&s)) != OK)
		return code;
	stmt_start(&s, db, STMT_certificates, PURGE);
	stmt_put_int(&s, now - KEEP_UNUSED);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
