#include "store/renewals.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/enrollments.h"
#include "store/stmt.h"

#define HOUR      INT64_C(3600)
#define DAY       INT64_C(86400)
#define DAY_TEXT  "86400"
#define WEEK_TEXT "604800"

/* Failures in a row that raise an alarm. */
#define FAILURES_ALARM 3

enum {
	LONGEST,
	DUE,
	NOT_ATTESTED,
	ENDING,
	UNANSWERED,
	IS_UNANSWERED,
	CANDIDATE,
	LOAD,
	OPEN,
	CLOSE,
	POSTPONE,
	MARK_ALARMED,
};

#define CANDIDATE_COLUMNS "h.id, h.serial, c.sha256, c.not_after, c.lifetime"
/* the certificate that check-in accepts of an enrolled host */
#define PRESENT                                                                \
	" c.sha256 = h.certificate_sha256 AND c.state = 'current'"             \
	" AND h.state = 'enrolled'"
/* an open renewal (e its enrollment) that nobody answers any more; ?1 now */
#define OVER                                                                   \
	" (r.opened_at > ?1 + " DAY_TEXT                                       \
	" OR (e.expires_at <= ?1 AND (e.state <> 'issued'"                     \
	" OR h.last_seen_at > e.expires_at)))"

/*
 * A time that is noted here may have come from a clock that was wrong. What
 * lies further ahead than it ever can does not count, or a host would wait for
 * it until its certificate is over.
 */
static const char *const texts[] = {
	/* the longest life of those in use, to know which may be due at all */
	[LONGEST] = "SELECT COALESCE(max(lifetime), 0) FROM certificates"
		    " WHERE state = 'current'",
	/* ?1 now, ?2 window, ?3 grace, ?4 limit, ?5 and ?6 the last one seen,
	 * ?7 the latest end of what may be due; when it is due,
	 * renewals_due_at() says, too. CROSS JOIN keeps SQLite from looking at
	 * all hosts first. */
	[DUE] =
	    "SELECT " CANDIDATE_COLUMNS " FROM certificates c"
	    " CROSS JOIN hosts h"
	    " WHERE h.serial = c.serial AND" PRESENT " AND c.not_after >= ?5"
	    " AND (c.not_after, c.sha256) > (?5, ?6)"
	    " AND c.not_after <= ?7 AND c.not_after > ?1 - ?3"
	    " AND (c.lifetime >= 2 * ?2"
	    " OR c.not_after - c.lifetime / 3 <= ?1)"
	    " AND NOT EXISTS (SELECT 1 FROM renewals r"
	    " WHERE r.host_id = h.id AND (r.enrollment_id IS NOT NULL"
	    " OR CASE r.unanswered WHEN 0"
	    " THEN r.next_try_at > ?1 AND r.next_try_at <= ?1 + " WEEK_TEXT
	    " ELSE r.closed_at <= ?1 AND h.last_seen_at <= r.closed_at"
	    " END))"
	    " ORDER BY c.not_after, c.sha256 LIMIT ?4",
	[NOT_ATTESTED] =
	    STMT_SCANS "SELECT " CANDIDATE_COLUMNS " FROM hosts h"
		       " JOIN certificates c ON c.sha256 = h.certificate_sha256"
		       " WHERE" PRESENT " AND h.serial > ?1"
		       " AND h.hardware_attested = 0 AND EXISTS (SELECT 1"
		       " FROM ade_devices a WHERE a.serial = h.serial"
		       " AND a.removed_at IS NULL) AND NOT EXISTS (SELECT 1"
		       " FROM renewals r JOIN enrollments e"
		       " ON e.id = r.enrollment_id WHERE r.host_id = h.id"
		       " AND (e.method = 'acme' OR e.state <> 'open'))"
		       " ORDER BY h.serial LIMIT ?2",
	[ENDING] = "SELECT " CANDIDATE_COLUMNS " FROM certificates c"
		   " CROSS JOIN hosts h"
		   " WHERE h.serial = c.serial AND" PRESENT
		   " AND c.not_after > ?1 - ?2"
		   " AND c.not_after < ?5 AND c.not_after"
		   " < ?1 + c.lifetime / 6"
		   " AND NOT EXISTS (SELECT 1 FROM renewals r"
		   " WHERE r.host_id = h.id AND r.alarmed_at > ?1 - ?3"
		   " AND r.alarmed_at <= ?1)"
		   " ORDER BY c.not_after LIMIT ?4",
	[UNANSWERED] =
	    STMT_SCANS "SELECT " CANDIDATE_COLUMNS " FROM renewals r"
		       " JOIN enrollments e ON e.id = r.enrollment_id"
		       " JOIN hosts h ON h.id = r.host_id"
		       " JOIN certificates c ON c.sha256 = h.certificate_sha256"
		       " WHERE r.enrollment_id IS NOT NULL AND" OVER
		       " ORDER BY r.opened_at LIMIT ?2",
	[IS_UNANSWERED] = "SELECT 1 FROM renewals r"
			  " JOIN enrollments e ON e.id = r.enrollment_id"
			  " JOIN hosts h ON h.id = r.host_id"
			  " WHERE r.host_id = ?2 AND" OVER,
	[CANDIDATE] = "SELECT " CANDIDATE_COLUMNS " FROM hosts h"
		      " JOIN certificates c ON c.sha256 = h.certificate_sha256"
		      " WHERE" PRESENT " AND h.id = ?1",
	[LOAD] = "SELECT host_id, enrollment_id, command_uuid, opened_at,"
		 " failures, closed_at, unanswered, last_error, next_try_at,"
		 " alarmed_at FROM renewals WHERE host_id = ?1",
	[OPEN] = "INSERT INTO renewals (host_id, enrollment_id, command_uuid,"
		 " opened_at) VALUES (?1, ?2, ?3, ?4)"
		 " ON CONFLICT (host_id) DO UPDATE SET"
		 " enrollment_id = excluded.enrollment_id,"
		 " command_uuid = excluded.command_uuid,"
		 " opened_at = excluded.opened_at,"
		 " last_error = '', next_try_at = 0, unanswered = 0"
		 " WHERE renewals.enrollment_id IS NULL",
	[CLOSE] = "UPDATE renewals SET enrollment_id = NULL, closed_at = ?2,"
		  " failures = ?3, unanswered = ?4, last_error = ?5,"
		  " next_try_at = ?6 WHERE host_id = ?1",
	[POSTPONE] = "INSERT INTO renewals (host_id, last_error, next_try_at)"
		     " VALUES (?1, ?2, ?3) ON CONFLICT (host_id)"
		     " DO UPDATE SET last_error = excluded.last_error,"
		     " next_try_at = excluded.next_try_at, unanswered = 0"
		     " WHERE renewals.enrollment_id IS NULL",
	[MARK_ALARMED] = "INSERT INTO renewals (host_id, alarmed_at)"
			 " VALUES (?1, ?2) ON CONFLICT (host_id)"
			 " DO UPDATE SET alarmed_at = excluded.alarmed_at",
};

STMT_FAMILY(renewals, texts);

int64_t
renewals_due_at(int64_t not_after, int64_t lifetime, int64_t window)
{
	return not_after - (lifetime >= 2 * window ? window : lifetime / 3);
}

static void
read_candidate(struct stmt *s, void *out)
{
	struct renewal_candidate *c = out;

	stmt_get_text(s, c->host_id, sizeof(c->host_id));
	stmt_get_text(s, c->serial, sizeof(c->serial));
	stmt_get_bytes(s, c->sha256, sizeof(c->sha256));
	c->not_after = stmt_get_int(s);
	c->lifetime = stmt_get_int(s);
}

static int
finish_list(struct stmt *s, struct renewal_candidate_list *out)
{
	int code;

	out->rows = stmt_rows(s, read_candidate, sizeof(*out->rows), &out->n);
	code = stmt_end(s);
	if (code != OK)
		renewals_release(out);
	return code;
}

void
renewals_release(struct renewal_candidate_list *list)
{
	free(list->rows);
	*list = (struct renewal_candidate_list){ 0 };
}

static int
longest_life(struct db *db, int64_t *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, LONGEST);
	return stmt_integer(&s, out);
}

int
renewals_due(struct db *db, const struct renewal_query *query,
    const struct renewal_candidate *after, struct renewal_candidate_list *out)
{
	static const struct renewal_candidate start = { .not_after = 0 };
	int64_t life;
	struct stmt s;
	int code;

	*out = (struct renewal_candidate_list){ 0 };
	if ((code = longest_life(db, &life)) != OK)
		return code;
	if (after == NULL)
		after = &start;
	stmt_start(&s, db, STMT_renewals, DUE);
	stmt_put_int(&s, query->now);
	stmt_put_int(&s, query->window);
	stmt_put_int(&s, query->grace);
	stmt_put_int(&s, query->limit);
	stmt_put_int(&s, after->not_after);
	stmt_put_digest(&s, after->sha256);
	/* the longer a life, the earlier before its end a renewal is due: the
	 * longest one bounds them all */
	stmt_put_int(&s, query->now - renewals_due_at(0, life, query->window));
	return finish_list(&s, out);
}

int
renewals_not_attested(struct db *db, const struct renewal_candidate *after,
    int limit, struct renewal_candidate_list *out)
{
	struct stmt s;

	*out = (struct renewal_candidate_list){ 0 };
	stmt_start(&s, db, STMT_renewals, NOT_ATTESTED);
	stmt_put_text(&s, after == NULL ? "" : after->serial);
	stmt_put_int(&s, limit);
	return finish_list(&s, out);
}

int
renewals_ending(struct db *db, int64_t now, int64_t window, int64_t pause,
    int limit, struct renewal_candidate_list *out)
{
	int64_t life;
	struct stmt s;
	int code;

	*out = (struct renewal_candidate_list){ 0 };
	if ((code = longest_life(db, &life)) != OK)
		return code;
	stmt_start(&s, db, STMT_renewals, ENDING);
	stmt_put_int(&s, now);
	stmt_put_int(&s, window);
	stmt_put_int(&s, pause);
	stmt_put_int(&s, limit);
	stmt_put_int(&s, now + (life / 6 < window ? life / 6 : window));
	return finish_list(&s, out);
}

int
renewals_unanswered(
    struct db *db, int64_t now, int limit, struct renewal_candidate_list *out)
{
	struct stmt s;

	*out = (struct renewal_candidate_list){ 0 };
	stmt_start(&s, db, STMT_renewals, UNANSWERED);
	stmt_put_int(&s, now);
	stmt_put_int(&s, limit);
	return finish_list(&s, out);
}

int
renewals_is_unanswered(
    struct db *db, const char *host_id, int64_t now, bool *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, IS_UNANSWERED);
	stmt_put_int(&s, now);
	stmt_put_text(&s, host_id);
	return stmt_exists(&s, out);
}

int
renewals_candidate(
    struct db *db, const char *host_id, struct renewal_candidate *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, CANDIDATE);
	stmt_put_text(&s, host_id);
	return stmt_one(&s, read_candidate, out, sizeof(*out));
}

static void
read_renewal(struct stmt *s, void *out)
{
	struct renewal *r = out;

	stmt_get_text(s, r->host_id, sizeof(r->host_id));
	stmt_get_text(s, r->enrollment_id, sizeof(r->enrollment_id));
	stmt_get_text(s, r->command_uuid, sizeof(r->command_uuid));
	r->opened_at = stmt_get_int(s);
	r->failures = (int)stmt_get_int(s);
	r->closed_at = stmt_get_int(s);
	r->unanswered = stmt_get_bool(s);
	stmt_get_text(s, r->last_error, sizeof(r->last_error));
	r->next_try_at = stmt_get_int(s);
	r->alarmed_at = stmt_get_int(s);
}

int
renewals_load(struct db *db, const char *host_id, struct renewal *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, LOAD);
	stmt_put_text(&s, host_id);
	return stmt_one(&s, read_renewal, out, sizeof(*out));
}

static int
cancel_command(struct db *db, const struct renewal *r)
{
	int code = commands_cancel(db, r->host_id, r->command_uuid);

	return code == ERR_CONFLICT ? OK : code;
}

int
renewals_open(struct db *db, const char *host_id, const char *enrollment_id,
    const char *command_uuid)
{
	struct renewal last;
	struct stmt s;
	int code = renewals_load(db, host_id, &last);

	/* whose answer may have been lost */
	if (code == OK && last.enrollment_id[0] == '\0')
		code = cancel_command(db, &last);
	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	stmt_start(&s, db, STMT_renewals, OPEN);
	stmt_put_text(&s, host_id);
	stmt_put_text(&s, enrollment_id);
	stmt_put_text(&s, command_uuid);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_CONFLICT);
}

/* Writes what is known when none is open any more. */
static int
close_it(struct db *db, const struct renewal *r)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, CLOSE);
	stmt_put_text(&s, r->host_id);
	stmt_put_int(&s, clock_now());
	stmt_put_int(&s, r->failures);
	stmt_put_int(&s, r->unanswered);
	stmt_put_cut(&s, r->last_error, sizeof(r->last_error));
	stmt_put_int(&s, r->next_try_at);
	return stmt_change(&s, ERR_CONFLICT);
}

/* A certificate that the device may hold already must stay usable. */
static int
revoke_unused(struct db *db, const char *enrollment_id)
{
	struct enrollment e;
	int code;

	if (enrollment_id[0] == '\0')
		return OK;
	code = enrollments_load(db, enrollment_id, &e);
	if (code != OK || e.state != ENROLLMENT_OPEN)
		return code;
	return enrollments_revoke(db, enrollment_id);
}

/* Never more than a third of what the certificate has left. */
static int
back_off(struct db *db, const struct renewal *r, int64_t *out)
{
	static const int days[] = { 1, 3, 7 };
	int n = (int)(sizeof(days) / sizeof(days[0]));
	struct renewal_candidate c = { .not_after = INT64_MAX };
	int64_t third;
	int code = renewals_candidate(db, r->host_id, &c);

	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	*out = DAY * days[r->failures > n ? n - 1 : r->failures - 1];
	third = (c.not_after - clock_now()) / 3;
	if (*out > third)
		*out = third > HOUR ? third : HOUR;
	return OK;
}

/* What remains of one that is over: no secret in the table. */
static int
clean_up(struct db *db, const struct renewal *r)
{
	int code = revoke_unused(db, r->enrollment_id);

	return code != OK ? code
			  : commands_forget(db, r->host_id, r->command_uuid);
}

/* Loads the open one, which then is over. ERR_CONFLICT when none is. */
static int
end_open(struct db *db, const char *host_id, struct renewal *out)
{
	int code = renewals_load(db, host_id, out);

	if (code == ERR_NOT_FOUND ||
	    (code == OK && out->enrollment_id[0] == '\0'))
		return ERR_CONFLICT;
	if (code != OK || (code = cancel_command(db, out)) != OK)
		return code;
	return clean_up(db, out);
}

/* After some failures in a row an administrator should know. */
static int
alarm_if_failing(struct db *db, const struct renewal *r)
{
	struct renewal_candidate host;
	char text[RENEWALS_ERROR_TEXT + 64];
	int code;

	if (r->failures < FAILURES_ALARM)
		return OK;
	code = renewals_candidate(db, r->host_id, &host);
	if (code != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	snprintf(text, sizeof(text),
	    "%d renewals in a row failed, the last one: %s", r->failures,
	    r->last_error);
	return alarms_raise(
	    db, ALARM_RENEWAL_FAILING, r->host_id, host.serial, text);
}

int
renewals_fail(
    struct db *db, const char *host_id, bool unanswered, const char *reason)
{
	struct renewal r;
	int64_t wait;
	int code;

	if ((code = end_open(db, host_id, &r)) != OK)
		return code;
	r.failures++;
	r.unanswered = unanswered;
	if ((code = back_off(db, &r, &wait)) != OK)
		return code;
	r.next_try_at = unanswered ? 0 : clock_now() + wait;
	snprintf(r.last_error, sizeof(r.last_error), "%s", reason);
	if ((code = close_it(db, &r)) != OK)
		return code;
	return alarm_if_failing(db, &r);
}

int
renewals_withdraw(struct db *db, const char *host_id, const char *reason)
{
	struct renewal r;
	int code;

	if ((code = end_open(db, host_id, &r)) != OK)
		return code;
	r.unanswered = false;
	r.next_try_at = 0;
	snprintf(r.last_error, sizeof(r.last_error), "%s", reason);
	return close_it(db, &r);
}

int
renewals_postpone(
    struct db *db, const char *host_id, const char *reason, int64_t until)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, POSTPONE);
	stmt_put_text(&s, host_id);
	stmt_put_cut(&s, reason, RENEWALS_ERROR_TEXT);
	stmt_put_int(&s, until);
	return stmt_run(&s);
}

int
renewals_finish(struct db *db, const char *host_id)
{
	struct renewal r;
	int code;

	if ((code = alarms_close(db, ALARM_CERTIFICATE_ENDING, host_id)) !=
		OK ||
	    (code = alarms_close(db, ALARM_RENEWAL_FAILING, host_id)) != OK)
		return code;
	code = renewals_load(db, host_id, &r);
	if (code != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	if ((code = clean_up(db, &r)) != OK ||
	    (code = alarms_close(db, ALARM_RENEWAL_HELD, host_id)) != OK)
		return code;
	r.failures = 0;
	r.unanswered = false;
	r.last_error[0] = '\0';
	r.next_try_at = 0;
	return close_it(db, &r);
}

int
renewals_mark_alarmed(struct db *db, const char *host_id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_renewals, MARK_ALARMED);
	stmt_put_text(&s, host_id);
	stmt_put_int(&s, clock_now());
	return stmt_run(&s);
}
