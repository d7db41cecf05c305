#include "store/push_certificate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/alarms.h"
#include "store/pushes.h"
#include "store/sql.h"

#define HOUR 3600
/* A time further ahead was set by a clock that was wrong: it is over. */
#define RETRY_MOST (INT64_C(24) * HOUR)

/* There is one certificate, so one alarm of each kind. */
#define SUBJECT "push-certificate"

enum { LOAD, STORE, COUNT_OTHERS, STOP, RESUME };

static const char *const texts[] = {
	[LOAD] = "SELECT {columns} FROM push_certificate WHERE id = 1",
	[STORE] = "INSERT INTO push_certificate (id, topic, sha256, not_before,"
		  " not_after, imported_at, imported_by)"
		  " VALUES (1, $1, $2, $3, $4, $5, $6)"
		  " ON CONFLICT (id) DO UPDATE SET topic = excluded.topic,"
		  " sha256 = excluded.sha256,"
		  " not_before = excluded.not_before,"
		  " not_after = excluded.not_after,"
		  " imported_at = excluded.imported_at,"
		  " imported_by = excluded.imported_by,"
		  " stopped_at = NULL, stop_reason = '', retry_at = NULL,"
		  " retries = 0",
	[COUNT_OTHERS] =
	    SQL_SCANS "SELECT count(*) FROM hosts WHERE topic <> $1"
		      " AND state IN ('pending', 'enrolled')",
	[STOP] = "UPDATE push_certificate SET retries = $5,"
		 " stopped_at = COALESCE(stopped_at, $2), stop_reason = $3,"
		 " retry_at = $4 WHERE id = 1 AND sha256 = $1",
	[RESUME] = "UPDATE push_certificate SET stopped_at = NULL,"
		   " stop_reason = '', retry_at = NULL, retries = 0"
		   " WHERE id = 1 AND sha256 = $1 AND stopped_at IS NOT NULL",
};

#define ROW struct push_certificate

static const struct column columns[] = {
	{ "topic", TEXT(topic) },
	{ "sha256", DIGEST(sha256) },
	{ "not_before", INT(not_before) },
	{ "not_after", INT(not_after) },
	{ "imported_at", TIME(imported_at) },
	{ "imported_by", TEXT(imported_by) },
	{ "stopped_at", TIME(stopped_at) },
	{ "stop_reason", TEXT(stop_reason) },
	{ "retry_at", TIME(retry_at) },
	{ "retries", INT(retries) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(push_certificate, texts, &table);

bool
push_certificate_is_safe_topic(const char *topic)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	return topic[strspn(topic, safe)] == '\0';
}

int
push_certificate_load(struct db *db, struct push_certificate *out)
{
	int r = sql_one(db, texts[LOAD], &table, NULL, out);

	if (r == OK && out->retry_at > clock_now() + RETRY_MOST)
		out->retry_at = clock_now();
	return r == OK && !push_certificate_is_safe_topic(out->topic)
	    ? fail(ERR_DB, "database: push_certificate.topic is not a topic")
	    : r;
}

int
push_certificate_store(struct db *db, const struct push_certificate *in)
{
	int r;

	if ((r = sql_run(db, texts[STORE],
		 WITH(datum_text(in->topic), datum_digest(in->sha256),
		     datum_int(in->not_before), datum_int(in->not_after),
		     datum_int(clock_now()),
		     datum_cut(in->imported_by, DB_ACTOR_TEXT)))) != OK ||
	    (r = alarms_close(db, ALARM_PUSH_STOPPED, SUBJECT)) != OK ||
	    (r = alarms_close(db, ALARM_PUSH_OTHER_TOPIC, SUBJECT)) != OK ||
	    (r = alarms_close(db, ALARM_PUSH_TOPIC_MISSING, SUBJECT)) != OK)
		return r;
	return pushes_want_waiting(db, in->topic);
}

int
push_certificate_topic(struct db *db, const struct conf *conf,
    char out[PUSH_CERTIFICATE_TOPIC_TEXT])
{
	struct push_certificate row;
	int r = push_certificate_load(db, &row);

	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	if (r == ERR_NOT_FOUND && strlen(conf->topic) >= sizeof row.topic)
		return fail(ERR_CONFIG, "too long for a profile: [mdm] topic");
	datum_copy(out, PUSH_CERTIFICATE_TOPIC_TEXT,
	    r == OK ? row.topic : conf->topic);
	return out[0] == '\0' ? ERR_NO_TOPIC : OK;
}

void
push_certificate_note_missing(struct db *db)
{
	alarms_note(db, ALARM_PUSH_TOPIC_MISSING, SUBJECT, NULL,
	    "No device can enroll, because there is no push certificate. Get "
	    "one as attestmdm-push-cert(8) says, and import it with attestmdm "
	    "push-cert import.");
}

int
push_certificate_count_others(struct db *db, const char *topic, int64_t *out)
{
	return sql_integer(
	    db, texts[COUNT_OTHERS], WITH(datum_text(topic)), out);
}

int
push_certificate_tell_others(struct db *db, const char *topic)
{
	char text[ALARM_TEXT];
	int64_t n;
	int r;

	if ((r = push_certificate_count_others(db, topic, &n)) != OK)
		return r;
	snprintf(text, sizeof text,
	    "%lld hosts are enrolled with another topic than that of the push "
	    "certificate, and are not woken. Import a certificate of their "
	    "topic, or let them enroll again.",
	    (long long)n);
	return alarms_raise(db, ALARM_PUSH_OTHER_TOPIC, SUBJECT, NULL, text);
}

/* ERR_NOT_FOUND: it is another one now, or stopped already. */
static int
load_sending(struct db *db, const uint8_t sha256[SECRET_SHA256],
    struct push_certificate *out)
{
	int r = push_certificate_load(db, out);

	return r == OK &&
		(memcmp(out->sha256, sha256, SECRET_SHA256) != 0 ||
		    clock_now() < out->retry_at)
	    ? ERR_NOT_FOUND
	    : r;
}

static int
store_stop(struct db *db, const struct push_certificate *row,
    const char *reason, int64_t again_at, int retries)
{
	return sql_run(db, texts[STOP],
	    WITH(datum_digest(row->sha256), datum_int(clock_now()),
		datum_cut(reason, PUSH_CERTIFICATE_REASON_TEXT),
		datum_int(again_at), datum_int(retries)));
}

int
push_certificate_stop(
    struct db *db, const uint8_t sha256[SECRET_SHA256], const char *reason)
{
	static const int pauses[] = { HOUR, 4 * HOUR, 24 * HOUR };
	int last = (int)(sizeof pauses / sizeof pauses[0]) - 1, i, r;
	struct push_certificate row;
	char text[ALARM_TEXT];

	if ((r = load_sending(db, sha256, &row)) != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	/* The count comes from a row, which may hold anything. */
	i = row.retries < 0 ? 0 : row.retries < last ? row.retries : last;
	if ((r = store_stop(
		 db, &row, reason, clock_now() + pauses[i], i + 1)) != OK)
		return r;
	snprintf(text, sizeof text,
	    "No pushes are sent, because the push certificate is not "
	    "accepted: %s. Renew it at Apple under the same Apple Account, and "
	    "import it with attestmdm push-cert import. Commands stay in the "
	    "queue meanwhile.",
	    reason);
	return alarms_raise(db, ALARM_PUSH_STOPPED, SUBJECT, NULL, text);
}

int
push_certificate_doubt(struct db *db, const uint8_t sha256[SECRET_SHA256],
    const char *reason, int64_t again_at)
{
	struct push_certificate row;
	char text[ALARM_TEXT];
	int r;

	if ((r = load_sending(db, sha256, &row)) != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	if ((r = store_stop(db, &row, reason, again_at, row.retries)) != OK)
		return r;
	snprintf(text, sizeof text,
	    "No push gets through, because Apple, or something on the way, did "
	    "not accept the connection: %s. It is tried again several times an "
	    "hour; if it lasts, the push certificate may be revoked: renew it "
	    "at Apple under the same Apple Account, and import it with "
	    "attestmdm push-cert import. Commands stay in the queue meanwhile.",
	    reason);
	return alarms_raise(db, ALARM_PUSH_STOPPED, SUBJECT, NULL, text);
}

int
push_certificate_resume(struct db *db, const uint8_t sha256[SECRET_SHA256])
{
	int n, r;

	r = sql_count_changed(
	    db, texts[RESUME], WITH(datum_digest(sha256)), &n);
	return r == OK && n > 0 ? alarms_close(db, ALARM_PUSH_STOPPED, SUBJECT)
				: r;
}
