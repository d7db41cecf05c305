#include "store/hosts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/alarms.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/renewals.h"
#include "store/stmt.h"

#define KEEP_BOOTSTRAP (INT64_C(30) * 86400)
#define BOOTSTRAP_MAX  8192
#define WIDE_TEXT      256

enum {
	LOAD,
	LOAD_BY_SERIAL,
	LOAD_BY_UDID,
	AUTHENTICATE,
	UPDATE_VITALS,
	SET_CERTIFICATE,
	TOKEN_UPDATE,
	CHECK_OUT,
	BLOCK,
	RELEASE_UDID,
	UNBLOCK,
	SET_BOOTSTRAP,
	GET_BOOTSTRAP,
	SEEN,
	NOTE_CLIENT_CERTIFICATE,
	NOTE_OTHER_SIGNER,
	NOTE_PROVISIONING_UDID,
	LIST,
	COUNT,
	COUNTS,
	PURGE,
};

#define COLUMNS                                                                \
	"id, serial, udid, state, certificate_sha256, enrollment_id,"          \
	" hardware_attested, ever_attested_at, device_name, model,"            \
	" model_name, product_name, os_version, build_version, topic,"         \
	" push_token, push_magic, awaiting_configuration,"                     \
	" CASE WHEN unlock_token IS NULL THEN 0 ELSE 1 END,"                   \
	" CASE WHEN bootstrap_token IS NULL THEN 0 ELSE 1 END,"                \
	" generation, created_at, enrolled_at, last_seen_at,"                  \
	" client_certificate_at, signer_sha256, other_signer_until,"           \
	" provisioning_udid, certificate_before_sha256"
#define SELECT "SELECT " COLUMNS " FROM hosts WHERE "
#define MATCHES                                                                \
	" WHERE (lower(serial) LIKE ?1 ESCAPE '\\'"                            \
	" OR lower(udid) LIKE ?1 ESCAPE '\\'"                                  \
	" OR lower(device_name) LIKE ?1 ESCAPE '\\'"                           \
	" OR lower(model) LIKE ?1 ESCAPE '\\'"                                 \
	" OR lower(model_name) LIKE ?1 ESCAPE '\\'"                            \
	" OR lower(product_name) LIKE ?1 ESCAPE '\\'"                          \
	" OR lower(os_version) LIKE ?1 ESCAPE '\\')"                           \
	" AND (?2 < 0 OR (state = 'enrolled' AND hardware_attested = ?2))"
/* the bootstrap token moves aside when it is there and changes */
#define KEEP_TOKEN(changes)                                                    \
	" bootstrap_token_before_at = CASE WHEN " changes                      \
	" THEN ?2 ELSE hosts.bootstrap_token_before_at END,"                   \
	" bootstrap_token_before = CASE WHEN " changes                         \
	" THEN hosts.bootstrap_token ELSE hosts.bootstrap_token_before END,"
#define KEEP_TOKEN_IF_ANY KEEP_TOKEN("hosts.bootstrap_token IS NOT NULL")

static const char *const texts[] = {
	[LOAD] = SELECT "id = ?1",
	[LOAD_BY_SERIAL] = SELECT "serial = ?1",
	[LOAD_BY_UDID] = SELECT "udid = ?1",
	[AUTHENTICATE] =
	    "INSERT INTO hosts (id, created_at, last_seen_at, serial, udid,"
	    " certificate_sha256, enrollment_id, hardware_attested,"
	    " ever_attested_at, device_name, model, model_name, product_name,"
	    " os_version, build_version, topic, signer_sha256, state,"
	    " generation)"
	    " VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
	    " ?13, ?14, ?15, ?16, 'pending', 1)"
	    " ON CONFLICT (serial) DO UPDATE SET" KEEP_TOKEN_IF_ANY
	    " last_seen_at = excluded.last_seen_at,"
	    " udid = excluded.udid,"
	    " certificate_sha256 = excluded.certificate_sha256,"
	    " enrollment_id = excluded.enrollment_id,"
	    " hardware_attested = excluded.hardware_attested,"
	    " device_name = excluded.device_name,"
	    " model = excluded.model,"
	    " model_name = excluded.model_name,"
	    " product_name = excluded.product_name,"
	    " os_version = excluded.os_version,"
	    " build_version = excluded.build_version,"
	    " topic = excluded.topic,"
	    " signer_sha256 = excluded.signer_sha256,"
	    " other_signer_until = NULL, provisioning_udid = '',"
	    " client_certificate_at = NULL, certificate_before_sha256 = NULL,"
	    " ever_attested_at = COALESCE(hosts.ever_attested_at,"
	    " excluded.ever_attested_at),"
	    " state = 'pending', generation = hosts.generation + 1,"
	    " push_token = NULL, push_magic = NULL, unlock_token = NULL,"
	    " bootstrap_token = NULL, awaiting_configuration = 0,"
	    " enrolled_at = NULL",
	[UPDATE_VITALS] =
	    "UPDATE hosts SET last_seen_at = ?2,"
	    " device_name = COALESCE(NULLIF(?3, ''), device_name),"
	    " model = COALESCE(NULLIF(?4, ''), model),"
	    " model_name = COALESCE(NULLIF(?5, ''), model_name),"
	    " product_name = COALESCE(NULLIF(?6, ''), product_name),"
	    " os_version = COALESCE(NULLIF(?7, ''), os_version),"
	    " build_version = COALESCE(NULLIF(?8, ''), build_version),"
	    " topic = COALESCE(NULLIF(?9, ''), topic) WHERE id = ?1",
	[SET_CERTIFICATE] = "UPDATE hosts SET last_seen_at = ?2,"
			    " certificate_before_sha256 = certificate_sha256,"
			    " certificate_sha256 = ?3, enrollment_id = ?4,"
			    " hardware_attested = ?5,"
			    " ever_attested_at = COALESCE("
			    "ever_attested_at, ?6)"
			    " WHERE id = ?1 AND state <> 'blocked'",
	[TOKEN_UPDATE] = "UPDATE hosts SET last_seen_at = ?2,"
			 " enrolled_at = CASE state WHEN 'pending' THEN ?2"
			 " ELSE enrolled_at END, state = 'enrolled',"
			 " push_token = ?3, push_magic = ?4,"
			 " unlock_token = COALESCE(?5, unlock_token),"
			 " awaiting_configuration = COALESCE(?6,"
			 " awaiting_configuration)"
			 " WHERE id = ?1 AND state IN ('pending', 'enrolled')",
	[CHECK_OUT] = "UPDATE hosts SET state = 'unenrolled',"
		      " last_seen_at = ?2, hardware_attested = 0,"
		      " push_token = NULL, push_magic = NULL,"
		      " awaiting_configuration = 0"
		      " WHERE id = ?1 AND state IN ('pending', 'enrolled')",
	[BLOCK] = "UPDATE hosts SET state = 'blocked',"
		  " certificate_sha256 = NULL,"
		  " certificate_before_sha256 = NULL, hardware_attested = 0,"
		  " push_token = NULL, push_magic = NULL, unlock_token = NULL,"
		  " bootstrap_token = NULL, bootstrap_token_before = NULL,"
		  " bootstrap_token_before_at = NULL,"
		  " awaiting_configuration = 0, generation = generation + 1,"
		  " client_certificate_at = NULL"
		  " WHERE id = ?1",
	[RELEASE_UDID] = "UPDATE hosts SET udid = NULL WHERE id = ?1"
			 " AND state IN ('unenrolled', 'blocked')",
	[UNBLOCK] = "UPDATE hosts SET state = 'unenrolled'"
		    " WHERE id = ?1 AND state = 'blocked'",
	[SET_BOOTSTRAP] = "UPDATE hosts SET" KEEP_TOKEN(
	    "hosts.bootstrap_token IS NOT NULL AND (?3 IS NULL"
	    " OR hosts.bootstrap_token <> ?3)") " bootstrap_token = ?3"
						" WHERE id = ?1",
	[GET_BOOTSTRAP] = "SELECT bootstrap_token FROM hosts WHERE id = ?1",
	[SEEN] = "UPDATE hosts SET last_seen_at = ?2 WHERE id = ?1",
	[NOTE_CLIENT_CERTIFICATE] =
	    "UPDATE hosts SET client_certificate_at ="
	    " COALESCE(client_certificate_at, ?2) WHERE id = ?1",
	[NOTE_OTHER_SIGNER] =
	    "UPDATE hosts SET other_signer_until = ?2 WHERE id = ?1",
	[NOTE_PROVISIONING_UDID] =
	    "UPDATE hosts SET provisioning_udid = ?2 WHERE id = ?1",
	[LIST] = STMT_SCANS "SELECT " COLUMNS " FROM hosts" MATCHES
			    " ORDER BY serial LIMIT ?3 OFFSET ?4",
	[COUNT] = STMT_SCANS "SELECT count(*) FROM hosts" MATCHES,
	[COUNTS] = STMT_SCANS
	"SELECT count(*),"
	" sum(CASE WHEN state = 'enrolled' THEN 1 ELSE 0 END),"
	" sum(CASE WHEN state = 'enrolled' AND hardware_attested = 1"
	" THEN 1 ELSE 0 END),"
	" sum(CASE WHEN state = 'enrolled' AND client_certificate_at"
	" IS NOT NULL THEN 1 ELSE 0 END) FROM hosts",
	[PURGE] = "UPDATE hosts SET bootstrap_token_before = NULL,"
		  " bootstrap_token_before_at = NULL WHERE id IN"
		  " (SELECT id FROM hosts WHERE bootstrap_token_before_at < ?1"
		  " ORDER BY bootstrap_token_before_at LIMIT ?2)",
};

STMT_FAMILY(hosts, texts);

static const char *const states[] = {
	[HOST_PENDING] = "pending",
	[HOST_ENROLLED] = "enrolled",
	[HOST_UNENROLLED] = "unenrolled",
	[HOST_BLOCKED] = "blocked",
};

const char *
hosts_state_name(enum host_state state)
{
	return states[state];
}

static void
read_host(struct stmt *s, void *out)
{
	struct host *h = out;

	stmt_get_text(s, h->id, sizeof(h->id));
	stmt_get_text(s, h->device.serial, sizeof(h->device.serial));
	stmt_get_text(s, h->device.udid, sizeof(h->device.udid));
	h->state = (enum host_state)STMT_GET_WORD(s, states);
	h->has_certificate = stmt_get_bytes(
	    s, h->certificate_sha256, sizeof(h->certificate_sha256));
	stmt_get_text(s, h->enrollment_id, sizeof(h->enrollment_id));
	h->hardware_attested = stmt_get_bool(s);
	h->ever_attested_at = stmt_get_int(s);
	stmt_get_text(s, h->device_name, sizeof(h->device_name));
	stmt_get_text(s, h->model, sizeof(h->model));
	stmt_get_text(s, h->model_name, sizeof(h->model_name));
	stmt_get_text(s, h->device.product, sizeof(h->device.product));
	stmt_get_text(s, h->device.os_version, sizeof(h->device.os_version));
	stmt_get_text(
	    s, h->device.build_version, sizeof(h->device.build_version));
	stmt_get_text(s, h->topic, sizeof(h->topic));
	h->push_token_len =
	    stmt_get_some(s, h->push_token, sizeof(h->push_token));
	stmt_get_text(s, h->push_magic, sizeof(h->push_magic));
	h->awaiting_configuration = stmt_get_bool(s);
	h->has_unlock_token = stmt_get_bool(s);
	h->has_bootstrap_token = stmt_get_bool(s);
	h->generation = stmt_get_int(s);
	h->created_at = stmt_get_int(s);
	h->enrolled_at = stmt_get_int(s);
	h->last_seen_at = stmt_get_int(s);
	h->client_certificate_at = stmt_get_int(s);
	h->has_signer =
	    stmt_get_bytes(s, h->signer_sha256, sizeof(h->signer_sha256));
	h->other_signer_until = stmt_get_int(s);
	stmt_get_text(s, h->provisioning_udid, sizeof(h->provisioning_udid));
	h->has_certificate_before = stmt_get_bytes(s,
	    h->certificate_before_sha256, sizeof(h->certificate_before_sha256));
}

static int
load(struct db *db, int which, const char *key, struct host *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, which);
	stmt_put_text(&s, key);
	return stmt_one(&s, read_host, out, sizeof(*out));
}

int
hosts_load(struct db *db, const char *id, struct host *out)
{
	return load(db, LOAD, id, out);
}

int
hosts_load_by_serial(struct db *db, const char *serial, struct host *out)
{
	return load(db, LOAD_BY_SERIAL, serial, out);
}

int
hosts_load_by_udid(struct db *db, const char *udid, struct host *out)
{
	return load(db, LOAD_BY_UDID, udid, out);
}

static void
put_vitals(struct stmt *s, const struct host_vitals *v)
{
	stmt_put_cut(s, v->device_name, WIDE_TEXT);
	stmt_put_cut(s, v->model, DB_NAME_TEXT);
	stmt_put_cut(s, v->model_name, DB_NAME_TEXT);
	stmt_put_cut(s, v->product_name, DB_NAME_TEXT);
	stmt_put_cut(s, v->os_version, DB_VERSION_TEXT);
	stmt_put_cut(s, v->build_version, DB_VERSION_TEXT);
	stmt_put_cut(s, v->topic, WIDE_TEXT);
}

/* What was under way with the host's device is over. */
static int
end_generation(struct db *db, const char *id)
{
	struct host host;
	int code;

	if ((code = hosts_load(db, id, &host)) != OK ||
	    (code = alarms_close(db, ALARM_UDID_MISMATCH, id)) != OK ||
	    (code = alarms_close(
		 db, ALARM_HELD_FOR_REVIEW, host.device.serial)) != OK ||
	    (code = renewals_finish(db, id)) != OK ||
	    (code = certificates_retire_unused(db, id, true)) != OK)
		return code;
	return commands_cancel_all(db, id, NULL);
}

static bool
is_known(const uint8_t *signer_sha256)
{
	static const uint8_t zeros[SECRET_SHA256];

	return signer_sha256 != NULL &&
	    memcmp(signer_sha256, zeros, sizeof(zeros)) != 0;
}

bool
hosts_signer_differs(
    const struct host *host, const uint8_t signer_sha256[SECRET_SHA256])
{
	bool known = is_known(signer_sha256);

	if (host->id[0] == '\0')
		return false;
	if (!host->has_signer || !known)
		return host->has_signer != known;
	return memcmp(host->signer_sha256, signer_sha256, SECRET_SHA256) != 0;
}

static int
begin_generation(struct db *db, const char *new_id,
    const struct host_identity *i, const struct host_vitals *v)
{
	int64_t now = clock_now();
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_hosts, AUTHENTICATE);
	stmt_put_text(&s, new_id);
	stmt_put_int(&s, now);
	stmt_put_text(&s, i->serial);
	stmt_put_text_or_null(&s, i->udid);
	stmt_put_digest(&s, i->certificate_sha256);
	stmt_put_text(&s, i->enrollment_id);
	stmt_put_int(&s, i->hardware_attested);
	stmt_put_time(&s, i->hardware_attested ? now : 0);
	put_vitals(&s, v);
	stmt_put_blob_or_null(&s,
	    is_known(i->signer_sha256)
		? blob_of(i->signer_sha256, SECRET_SHA256)
		: blob_of(NULL, 0));
	code = stmt_run(&s);
	return code == ERR_EXISTS ? ERR_CONFLICT : code;
}

int
hosts_authenticate(struct db *db, const struct host_identity *identity,
    const struct host_vitals *vitals, struct host *out)
{
	char id[DB_ID_TEXT];
	int code;

	code = hosts_load_by_serial(db, identity->serial, out);
	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	if (code == OK && out->state == HOST_BLOCKED)
		return ERR_MDM_BLOCKED;
	secret_id(id);
	code = begin_generation(db, id, identity, vitals);
	if (code == OK)
		code = hosts_load_by_serial(db, identity->serial, out);
	if (code == OK)
		code = alarms_close(db, ALARM_SIGNER_CHANGED, out->id);
	return code != OK ? code : end_generation(db, out->id);
}

static void
start_host(struct stmt *s, struct db *db, int which, const char *id)
{
	stmt_start(s, db, STMT_hosts, which);
	stmt_put_text(s, id);
	stmt_put_int(s, clock_now());
}

int
hosts_update_vitals(
    struct db *db, const char *id, const struct host_vitals *vitals)
{
	struct stmt s;

	start_host(&s, db, UPDATE_VITALS, id);
	put_vitals(&s, vitals);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
hosts_set_certificate(
    struct db *db, const char *id, const struct host_identity *identity)
{
	struct stmt s;

	start_host(&s, db, SET_CERTIFICATE, id);
	stmt_put_digest(&s, identity->certificate_sha256);
	stmt_put_text(&s, identity->enrollment_id);
	stmt_put_int(&s, identity->hardware_attested);
	stmt_put_time(&s, identity->hardware_attested ? clock_now() : 0);
	return stmt_change(&s, ERR_CONFLICT);
}

int
hosts_token_update(struct db *db, const char *id,
    const struct host_tokens *tokens, bool *first)
{
	struct host host;
	struct stmt s;
	int code;

	*first = false;
	if (tokens->push_token.n == 0 ||
	    tokens->push_token.n > HOSTS_PUSH_TOKEN_MAX ||
	    strlen(tokens->push_magic) >= sizeof(host.push_magic))
		return ERR_MDM_MESSAGE;
	code = hosts_load(db, id, &host);
	if (code != OK)
		return code;
	start_host(&s, db, TOKEN_UPDATE, id);
	stmt_put_blob(&s, tokens->push_token);
	stmt_put_text(&s, tokens->push_magic);
	stmt_put_blob_or_null(&s, tokens->unlock_token);
	if (tokens->awaiting_configuration == NULL)
		stmt_put_text_or_null(&s, NULL);
	else
		stmt_put_int(&s, *tokens->awaiting_configuration);
	code = stmt_change(&s, ERR_CONFLICT);
	*first = code == OK && host.state == HOST_PENDING;
	return code;
}

int
hosts_check_out(struct db *db, const char *id)
{
	struct stmt s;
	int code;

	/* two devices are no fewer because one of them leaves */
	start_host(&s, db, CHECK_OUT, id);
	code = stmt_change(&s, ERR_CONFLICT);
	return code != OK ? code : end_generation(db, id);
}

int
hosts_block(struct db *db, const char *id)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_hosts, BLOCK);
	stmt_put_text(&s, id);
	code = stmt_change(&s, ERR_NOT_FOUND);
	if (code != OK || (code = end_generation(db, id)) != OK ||
	    (code = alarms_close(db, ALARM_SIGNER_CHANGED, id)) != OK)
		return code;
	return certificates_retire_unused(db, id, false);
}

int
hosts_release_udid(struct db *db, const char *id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, RELEASE_UDID);
	stmt_put_text(&s, id);
	return stmt_change(&s, ERR_CONFLICT);
}

int
hosts_unblock(struct db *db, const char *id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, UNBLOCK);
	stmt_put_text(&s, id);
	return stmt_change(&s, ERR_CONFLICT);
}

int
hosts_set_bootstrap_token(struct db *db, const char *id, struct blob token)
{
	struct stmt s;

	if (token.n > BOOTSTRAP_MAX)
		return ERR_TOO_LARGE;
	start_host(&s, db, SET_BOOTSTRAP, id);
	stmt_put_blob_or_null(&s, token);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
hosts_get_bootstrap_token(struct db *db, const char *id, struct buf *out)
{
	uint8_t token[BOOTSTRAP_MAX];
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_hosts, GET_BOOTSTRAP);
	stmt_put_text(&s, id);
	code = stmt_next(&s);
	if (code == OK) {
		buf_add(out, token, stmt_get_some(&s, token, sizeof(token)));
		code = s.status != OK ? s.status : buf_status(out);
	}
	stmt_end(&s);
	secret_wipe(token, sizeof(token));
	return code;
}

bool
hosts_is_serial(const char *text)
{
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		if (!isupper((unsigned char)text[n]) &&
		    !isdigit((unsigned char)text[n]) && text[n] != '-')
			return false;
	return n > 0 && n < DB_SERIAL_TEXT;
}

int
hosts_seen(struct db *db, const char *id)
{
	struct stmt s;

	start_host(&s, db, SEEN, id);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
hosts_note_client_certificate(struct db *db, const char *id)
{
	struct stmt s;

	start_host(&s, db, NOTE_CLIENT_CERTIFICATE, id);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
hosts_note_other_signer(struct db *db, const char *id, int64_t until)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, NOTE_OTHER_SIGNER);
	stmt_put_text(&s, id);
	stmt_put_time(&s, until);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
hosts_note_provisioning_udid(struct db *db, const char *id, const char *udid)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, NOTE_PROVISIONING_UDID);
	stmt_put_text(&s, id);
	stmt_put_text(&s, udid);
	return stmt_change(&s, ERR_NOT_FOUND);
}

static void
start_search(
    struct stmt *s, struct db *db, int which, const struct host_filter *filter)
{
	static const int wanted[] = {
		[HOST_ANY] = -1,
		[HOST_ATTESTED] = 1,
		[HOST_NOT_ATTESTED] = 0,
	};

	stmt_start(s, db, STMT_hosts, which);
	stmt_put_search(s, filter->search);
	stmt_put_int(s, wanted[filter->attested]);
}

int
hosts_list(
    struct db *db, const struct host_filter *filter, struct host_list *out)
{
	struct stmt s;
	int code;

	*out = (struct host_list){ 0 };
	start_search(&s, db, COUNT, filter);
	code = stmt_integer(&s, &out->total);
	if (code != OK)
		return code;
	start_search(&s, db, LIST, filter);
	stmt_put_int(&s, filter->limit);
	stmt_put_int(&s, filter->offset);
	out->rows = stmt_rows(&s, read_host, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		hosts_list_release(out);
	return code;
}

void
hosts_list_release(struct host_list *list)
{
	free(list->rows);
	*list = (struct host_list){ 0 };
}

static void
read_counts(struct stmt *s, void *out)
{
	struct host_counts *c = out;

	c->total = stmt_get_int(s);
	c->enrolled = stmt_get_int(s);
	c->attested = stmt_get_int(s);
	c->not_attested = c->enrolled - c->attested;
	c->client_certificate = stmt_get_int(s);
}

int
hosts_count(struct db *db, struct host_counts *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, COUNTS);
	return stmt_one(&s, read_counts, out, sizeof(*out));
}

int
hosts_purge(struct db *db, int64_t now, int limit, int *wiped)
{
	struct stmt s;

	stmt_start(&s, db, STMT_hosts, PURGE);
	stmt_put_int(&s, now - KEEP_BOOTSTRAP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, wiped);
}
