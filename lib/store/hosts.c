#include "store/hosts.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "store/alarms.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/host_index.h"
#include "store/pushes.h"
#include "store/renewals.h"
#include "store/sql.h"

#define KEEP_BOOTSTRAP (INT64_C(30) * 86400)
#define BOOTSTRAP_MAX  8192
/* characters by which hosts are sorted by name */
#define SORT_NAME_TEXT "40"

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
	IS_UNENROLLED,
	DELETE_COMMANDS,
	DELETE_RENEWALS,
	DELETE_PUSHES,
	DELETE,
	SET_BOOTSTRAP,
	GET_BOOTSTRAP,
	SEEN,
	NOTE_CLIENT_CERTIFICATE,
	NOTE_OTHER_SIGNER,
	NOTE_PROVISIONING_UDID,
	SORT,
	COUNTS,
	PURGE,
};

/* A renewal's enrollment has that of the one it renews. */
#define ACCOUNT                                                                \
	"COALESCE((SELECT e.account FROM enrollments e"                        \
	" WHERE e.id = hosts.enrollment_id), '')"

#define SELECT "SELECT {columns} FROM hosts WHERE "
/* the bootstrap token moves aside when it is there and changes */
#define KEEP_TOKEN(changes, now)                                               \
	" bootstrap_token_before_at = CASE WHEN " changes " THEN " now         \
	" ELSE hosts.bootstrap_token_before_at END,"                           \
	" bootstrap_token_before = CASE WHEN " changes                         \
	" THEN hosts.bootstrap_token ELSE hosts.bootstrap_token_before END,"

#define KEEP_TOKEN_IF_ANY                                                      \
	KEEP_TOKEN("hosts.bootstrap_token IS NOT NULL", "excluded.last_seen_at")
#define KEEP_TOKEN_IF_CHANGED                                                  \
	KEEP_TOKEN("hosts.bootstrap_token IS NOT NULL"                         \
		   " AND (hosts.bootstrap_token <> $3 OR $3 IS NULL)",         \
	    "$2")

static const char *const texts[] = {
	[LOAD] = SELECT "id = $1",
	[LOAD_BY_SERIAL] = SELECT "serial = $1",
	[LOAD_BY_UDID] = SELECT "udid = $1",
	[AUTHENTICATE] =
	    "INSERT INTO hosts {new row} ON CONFLICT (serial) DO UPDATE SET"
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
	    " attested_product = COALESCE(NULLIF(hosts.attested_product, ''),"
	    " excluded.attested_product),"
	    " state = 'pending', generation = hosts.generation + 1,"
	    " push_token = NULL, push_magic = NULL, unlock_token = NULL,"
	    " awaiting_configuration = 0, enrolled_at = NULL,"
	    " sort_enrolled_at = 0," KEEP_TOKEN_IF_ANY
	    " bootstrap_token = NULL",
	[UPDATE_VITALS] =
	    "UPDATE hosts SET last_seen_at = $2,"
	    " device_name = COALESCE(NULLIF($3, ''), device_name),"
	    " model = COALESCE(NULLIF($4, ''), model),"
	    " model_name = COALESCE(NULLIF($5, ''), model_name),"
	    " product_name = COALESCE(NULLIF($6, ''), product_name),"
	    " os_version = COALESCE(NULLIF($7, ''), os_version),"
	    " build_version = COALESCE(NULLIF($8, ''), build_version),"
	    " topic = COALESCE(NULLIF($9, ''), topic) WHERE id = $1",
	[SET_CERTIFICATE] = "UPDATE hosts SET last_seen_at = $2,"
			    " certificate_before_sha256 = certificate_sha256,"
			    " certificate_sha256 = $3, enrollment_id = $4,"
			    " hardware_attested = $5,"
			    " ever_attested_at = COALESCE("
			    "ever_attested_at, $6),"
			    " attested_product = CASE WHEN $6 IS NOT NULL"
			    " AND attested_product = '' THEN product_name"
			    " ELSE attested_product END"
			    " WHERE id = $1 AND state <> 'blocked'",
	[TOKEN_UPDATE] = "UPDATE hosts SET last_seen_at = $2,"
			 " enrolled_at = CASE state WHEN 'pending' THEN $2"
			 " ELSE enrolled_at END, sort_enrolled_at ="
			 " CASE state WHEN 'pending' THEN $2"
			 " ELSE sort_enrolled_at END, state = 'enrolled',"
			 " push_token = $3, push_magic = $4,"
			 " unlock_token = COALESCE($5, unlock_token),"
			 " awaiting_configuration = COALESCE($6,"
			 " awaiting_configuration)"
			 " WHERE id = $1 AND state IN ('pending', 'enrolled')",
	[CHECK_OUT] = "UPDATE hosts SET state = 'unenrolled',"
		      " last_seen_at = $2, hardware_attested = 0,"
		      " push_token = NULL, push_magic = NULL,"
		      " awaiting_configuration = 0"
		      " WHERE id = $1 AND state IN ('pending', 'enrolled')",
	[BLOCK] = "UPDATE hosts SET state = 'blocked',"
		  " certificate_sha256 = NULL,"
		  " certificate_before_sha256 = NULL, hardware_attested = 0,"
		  " push_token = NULL, push_magic = NULL, unlock_token = NULL,"
		  " bootstrap_token = NULL, bootstrap_token_before = NULL,"
		  " bootstrap_token_before_at = NULL,"
		  " awaiting_configuration = 0, generation = generation + 1,"
		  " client_certificate_at = NULL"
		  " WHERE id = $1",
	[RELEASE_UDID] = "UPDATE hosts SET udid = NULL WHERE id = $1"
			 " AND state IN ('unenrolled', 'blocked')",
	[UNBLOCK] = "UPDATE hosts SET state = 'unenrolled'"
		    " WHERE id = $1 AND state = 'blocked'",
	[IS_UNENROLLED] = "SELECT 1 FROM hosts"
			  " WHERE id = $1 AND state = 'unenrolled'",
	[DELETE_COMMANDS] = "DELETE FROM commands WHERE host_id = $1",
	[DELETE_RENEWALS] = "DELETE FROM renewals WHERE host_id = $1",
	[DELETE_PUSHES] = "DELETE FROM pushes WHERE host_id = $1",
	[DELETE] = "DELETE FROM hosts WHERE id = $1",
	[SET_BOOTSTRAP] = "UPDATE hosts SET" KEEP_TOKEN_IF_CHANGED
			  " bootstrap_token = $3 WHERE id = $1",
	[GET_BOOTSTRAP] = "SELECT bootstrap_token FROM hosts WHERE id = $1",
	[SEEN] = "UPDATE hosts SET last_seen_at = $2 WHERE id = $1",
	[NOTE_CLIENT_CERTIFICATE] =
	    "UPDATE hosts SET client_certificate_at ="
	    " COALESCE(client_certificate_at, $2) WHERE id = $1",
	[NOTE_OTHER_SIGNER] =
	    "UPDATE hosts SET other_signer_until = $2 WHERE id = $1",
	[NOTE_PROVISIONING_UDID] =
	    "UPDATE hosts SET provisioning_udid = $2 WHERE id = $1",
	[SORT] = "UPDATE hosts SET sort_name ="
		 " substr(fold(device_name), 1, " SORT_NAME_TEXT "),"
		 " certificate_ends_at = COALESCE((SELECT c.not_after"
		 " FROM certificates c"
		 " WHERE c.sha256 = hosts.certificate_sha256), 0)"
		 " WHERE id = $1",
	/* a few rows, one for each kind */
	[COUNTS] = SQL_SCANS
	"SELECT COALESCE(sum(hosts), 0),"
	" COALESCE(sum(CASE WHEN state = 'enrolled' THEN hosts ELSE 0 END), 0),"
	" COALESCE(sum(CASE WHEN state = 'enrolled'"
	" AND hardware_attested = 1 THEN hosts ELSE 0 END), 0),"
	" COALESCE(sum(CASE WHEN state = 'enrolled'"
	" AND client_certificate = 1 THEN hosts ELSE 0 END), 0),"
	" COALESCE(sum(CASE WHEN state = 'pending' THEN hosts ELSE 0 END), 0),"
	" COALESCE(sum(CASE WHEN state = 'unenrolled' THEN hosts ELSE 0 END), "
	"0),"
	" COALESCE(sum(CASE WHEN state = 'blocked' THEN hosts ELSE 0 END), 0)"
	" FROM host_counts",
	[PURGE] = "UPDATE hosts SET bootstrap_token_before = NULL,"
		  " bootstrap_token_before_at = NULL WHERE id IN"
		  " (SELECT id FROM hosts WHERE bootstrap_token_before_at < $1"
		  " ORDER BY bootstrap_token_before_at LIMIT $2)",
};

const char *const hosts_states[HOSTS_STATES] = {
	[HOST_PENDING] = "pending",
	[HOST_ENROLLED] = "enrolled",
	[HOST_UNENROLLED] = "unenrolled",
	[HOST_BLOCKED] = "blocked",
};

#define ROW struct host

static const struct column columns[] = {
	{ "id", TEXT(id) },
	{ "serial", TEXT(device.serial) },
	{ "udid", TEXT_OR_NULL(device.udid) },
	{ "state", WORD(state, hosts_states) },
	{ "certificate_sha256",
	    DIGEST_OR_NULL(certificate_sha256, has_certificate) },
	{ "enrollment_id", TEXT(enrollment_id) },
	{ ACCOUNT, TEXT(account), .read_only = true },
	{ "hardware_attested", INT(hardware_attested) },
	{ "ever_attested_at", TIME(ever_attested_at) },
	{ "attested_product", TEXT(attested_product) },
	{ "device_name", TEXT(device_name) },
	{ "model", TEXT(model) },
	{ "model_name", TEXT(model_name) },
	{ "product_name", TEXT(device.product) },
	{ "os_version", TEXT(device.os_version) },
	{ "build_version", TEXT(device.build_version) },
	{ "topic", TEXT(topic) },
	{ "push_token", BYTES_OR_NULL(push_token, push_token_len) },
	{ "push_magic", TEXT_OR_NULL(push_magic) },
	{ "awaiting_configuration", INT(awaiting_configuration) },
	{ "CASE WHEN unlock_token IS NULL THEN 0 ELSE 1 END",
	    INT(has_unlock_token), .read_only = true },
	{ "CASE WHEN bootstrap_token IS NULL THEN 0 ELSE 1 END",
	    INT(has_bootstrap_token), .read_only = true },
	{ "generation", INT(generation) },
	{ "created_at", TIME(created_at) },
	{ "enrolled_at", TIME(enrolled_at) },
	{ "last_seen_at", TIME(last_seen_at) },
	{ "client_certificate_at", TIME(client_certificate_at) },
	{ "signer_sha256", DIGEST_OR_NULL(signer_sha256, has_signer) },
	{ "other_signer_until", TIME(other_signer_until) },
	{ "provisioning_udid", TEXT(provisioning_udid) },
	{ "certificate_before_sha256",
	    DIGEST_OR_NULL(certificate_before_sha256, has_certificate_before) },
	{ "certificate_ends_at", INT(certificate_ends_at), .read_only = true },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(hosts, texts, &table);

const char *
hosts_state_name(enum host_state state)
{
	return hosts_states[state];
}

bool
hosts_is_attested(const struct host *h)
{
	return h->state == HOST_ENROLLED && h->hardware_attested;
}

int
hosts_load(struct db *db, const char *id, struct host *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(id)), out);
}

int
hosts_load_by_serial(struct db *db, const char *serial, struct host *out)
{
	return sql_one(
	    db, texts[LOAD_BY_SERIAL], &table, WITH(datum_text(serial)), out);
}

int
hosts_load_by_udid(struct db *db, const char *udid, struct host *out)
{
	return sql_one(
	    db, texts[LOAD_BY_UDID], &table, WITH(datum_text(udid)), out);
}

/* What was under way with the host's device is over. */
static int
end_generation(struct db *db, const char *id)
{
	struct host host;
	int r;

	if ((r = hosts_load(db, id, &host)) != OK ||
	    (r = alarms_close(db, ALARM_UDID_MISMATCH, id)) != OK ||
	    (r = alarms_close(db, ALARM_HELD_FOR_REVIEW, host.device.serial)) !=
		OK ||
	    (r = renewals_finish(db, id)) != OK ||
	    (r = pushes_host_left(db, id)) != OK ||
	    (r = certificates_retire_unused(db, id, true)) != OK)
		return r;
	return commands_cancel_all(db, id, NULL);
}

static bool
is_known(const uint8_t *signer_sha256)
{
	static const uint8_t zeros[SECRET_SHA256];

	return signer_sha256 != NULL &&
	    memcmp(signer_sha256, zeros, sizeof zeros) != 0;
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

/* After a change of what hosts are sorted by or found by. */
static int
sort_host(struct db *db, const char *id)
{
	int r = sql_run(db, texts[SORT], WITH(datum_text(id)));

	return r == OK ? host_index_put(db, id) : r;
}

static int
begin_generation(
    struct db *db, const struct host_identity *i, const struct host_vitals *v)
{
	struct host h = { .state = HOST_PENDING,
		.generation = 1,
		.has_certificate = true,
		.hardware_attested = i->hardware_attested,
		.has_signer = is_known(i->signer_sha256),
		.created_at = clock_now(),
		.device = v->device };
	int r;

	secret_id(h.id);
	h.last_seen_at = h.created_at;
	h.ever_attested_at = i->hardware_attested ? h.created_at : 0;
	if (i->hardware_attested)
		COPY(h.attested_product, v->device.product);
	COPY(h.enrollment_id, i->enrollment_id);
	COPY(h.device_name, v->device_name);
	COPY(h.model, v->model);
	COPY(h.model_name, v->model_name);
	COPY(h.topic, v->topic);
	memcpy(h.certificate_sha256, i->certificate_sha256, SECRET_SHA256);
	if (h.has_signer)
		memcpy(h.signer_sha256, i->signer_sha256, SECRET_SHA256);
	r = sql_insert(db, texts[AUTHENTICATE], &table, &h);
	return r == ERR_EXISTS ? ERR_CONFLICT : r;
}

int
hosts_authenticate(struct db *db, const struct host_identity *identity,
    const struct host_vitals *vitals, struct host *out)
{
	int r;

	r = hosts_load_by_serial(db, vitals->device.serial, out);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (r == OK && out->state == HOST_BLOCKED)
		return ERR_MDM_BLOCKED;
	if ((r = begin_generation(db, identity, vitals)) != OK ||
	    (r = hosts_load_by_serial(db, vitals->device.serial, out)) != OK ||
	    (r = sort_host(db, out->id)) != OK ||
	    (r = hosts_load(db, out->id, out)) != OK ||
	    (r = alarms_close(db, ALARM_SIGNER_CHANGED, out->id)) != OK)
		return r;
	return end_generation(db, out->id);
}

int
hosts_update_vitals(
    struct db *db, const char *id, const struct host_vitals *vitals)
{
	struct host host;
	int r;

	r = sql_change(db, texts[UPDATE_VITALS],
	    WITH(datum_text(id), datum_int(clock_now()),
		datum_cut(vitals->device_name, sizeof host.device_name),
		datum_cut(vitals->model, sizeof host.model),
		datum_cut(vitals->model_name, sizeof host.model_name),
		datum_text(vitals->device.product),
		datum_text(vitals->device.os_version),
		datum_text(vitals->device.build_version),
		datum_cut(vitals->topic, sizeof host.topic)),
	    ERR_NOT_FOUND);
	return r == OK ? sort_host(db, id) : r;
}

int
hosts_set_certificate(
    struct db *db, const char *id, const struct host_identity *identity)
{
	int r;

	r = sql_change(db, texts[SET_CERTIFICATE],
	    WITH(datum_text(id), datum_int(clock_now()),
		datum_digest(identity->certificate_sha256),
		datum_text(identity->enrollment_id),
		datum_int(identity->hardware_attested),
		datum_time(identity->hardware_attested ? clock_now() : 0)),
	    ERR_CONFLICT);
	return r == OK ? sort_host(db, id) : r;
}

int
hosts_token_update(struct db *db, const char *id,
    const struct host_tokens *tokens, bool *first)
{
	struct host host;
	int r;

	*first = false;
	if (tokens->push_token.n == 0 ||
	    tokens->push_token.n > HOSTS_PUSH_TOKEN_MAX ||
	    strlen(tokens->push_magic) >= sizeof host.push_magic)
		return ERR_MDM_MESSAGE;
	r = hosts_load(db, id, &host);
	if (r != OK)
		return r;
	r = sql_change(db, texts[TOKEN_UPDATE],
	    WITH(datum_text(id), datum_int(clock_now()),
		datum_blob(tokens->push_token), datum_text(tokens->push_magic),
		datum_blob_or_null(tokens->unlock_token),
		tokens->awaiting_configuration == NULL
		    ? datum_null()
		    : datum_int(*tokens->awaiting_configuration)),
	    ERR_CONFLICT);
	*first = r == OK && host.state == HOST_PENDING;
	return r == OK ? pushes_token_came(db, id) : r;
}

int
hosts_check_out(struct db *db, const char *id)
{
	int r;

	/* two devices are no fewer because one of them leaves */
	r = sql_change(db, texts[CHECK_OUT],
	    WITH(datum_text(id), datum_int(clock_now())), ERR_CONFLICT);
	return r != OK ? r : end_generation(db, id);
}

int
hosts_block(struct db *db, const char *id)
{
	int r;

	r = sql_change(db, texts[BLOCK], WITH(datum_text(id)), ERR_NOT_FOUND);
	if (r != OK || (r = sort_host(db, id)) != OK ||
	    (r = end_generation(db, id)) != OK ||
	    (r = alarms_close(db, ALARM_SIGNER_CHANGED, id)) != OK)
		return r;
	return certificates_retire_unused(db, id, false);
}

int
hosts_release_udid(struct db *db, const char *id)
{
	int r = sql_change(
	    db, texts[RELEASE_UDID], WITH(datum_text(id)), ERR_CONFLICT);

	return r == OK ? sort_host(db, id) : r;
}

int
hosts_unblock(struct db *db, const char *id)
{
	return sql_change(
	    db, texts[UNBLOCK], WITH(datum_text(id)), ERR_CONFLICT);
}

int
hosts_delete(struct db *db, const char *id)
{
	static const int steps[] = { DELETE_COMMANDS, DELETE_RENEWALS,
		DELETE_PUSHES, DELETE };
	bool unenrolled;
	size_t i;
	int r;

	r = sql_exists(
	    db, texts[IS_UNENROLLED], WITH(datum_text(id)), &unenrolled);
	if (r != OK || !unenrolled)
		return r != OK ? r : ERR_CONFLICT;
	r = host_index_remove(db, id);
	for (i = 0; r == OK && i < sizeof steps / sizeof steps[0]; i++)
		r = sql_run(db, texts[steps[i]], WITH(datum_text(id)));
	return r;
}

int
hosts_set_bootstrap_token(struct db *db, const char *id, struct blob token)
{
	if (token.n > BOOTSTRAP_MAX)
		return ERR_TOO_LARGE;
	return sql_change(db, texts[SET_BOOTSTRAP],
	    WITH(datum_text(id), datum_int(clock_now()),
		datum_blob_or_null(token)),
	    ERR_NOT_FOUND);
}

int
hosts_get_bootstrap_token(struct db *db, const char *id, struct buf *out)
{
	return sql_bytes(db, texts[GET_BOOTSTRAP], WITH(datum_text(id)), out);
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
	return sql_change(db, texts[SEEN],
	    WITH(datum_text(id), datum_int(clock_now())), ERR_NOT_FOUND);
}

int
hosts_note_client_certificate(struct db *db, const char *id)
{
	return sql_change(db, texts[NOTE_CLIENT_CERTIFICATE],
	    WITH(datum_text(id), datum_int(clock_now())), ERR_NOT_FOUND);
}

int
hosts_note_other_signer(struct db *db, const char *id, int64_t until)
{
	return sql_change(db, texts[NOTE_OTHER_SIGNER],
	    WITH(datum_text(id), datum_time(until)), ERR_NOT_FOUND);
}

int
hosts_note_provisioning_udid(struct db *db, const char *id, const char *udid)
{
	return sql_change(db, texts[NOTE_PROVISIONING_UDID],
	    WITH(datum_text(id), datum_text(udid)), ERR_NOT_FOUND);
}

#undef ROW
#define ROW struct host_counts

/* in the order of COUNTS */
static const struct column counts_columns[] = {
	{ "total", INT(total) },
	{ "enrolled", INT(enrolled) },
	{ "attested", INT(attested) },
	{ "client_certificate", INT(client_certificate) },
	{ "pending", INT(pending) },
	{ "unenrolled", INT(unenrolled) },
	{ "blocked", INT(blocked) },
};

static const struct table counts_table = TABLE(counts_columns);

int
hosts_count(struct db *db, struct host_counts *out)
{
	int r = sql_one(db, texts[COUNTS], &counts_table, NULL, out);

	out->not_attested = out->enrolled - out->attested;
	return r;
}

int
hosts_purge(struct db *db, int64_t now, int limit, int *wiped)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP_BOOTSTRAP), datum_int(limit)), wiped);
}
