#include "store/renewals.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/enrollments.h"
#include "store/renewal_candidates.h"
#include "store/sql.h"

#define HOUR INT64_C(3600)
#define DAY  INT64_C(86400)

/* Failures in a row that raise an alarm. */
#define FAILURES_ALARM 3

enum { LOAD, OPEN, CLOSE, POSTPONE, MARK_ALARMED };

static const char *const texts[] = {
	[LOAD] = "SELECT {columns} FROM renewals WHERE host_id = $1",
	[OPEN] = "INSERT INTO renewals (host_id, enrollment_id, command_uuid,"
		 " opened_at) VALUES ($1, $2, $3, $4)"
		 " ON CONFLICT (host_id) DO UPDATE SET"
		 " enrollment_id = excluded.enrollment_id,"
		 " command_uuid = excluded.command_uuid,"
		 " opened_at = excluded.opened_at,"
		 " last_error = '', next_try_at = 0, unanswered = 0"
		 " WHERE renewals.enrollment_id IS NULL",
	[CLOSE] = "UPDATE renewals SET enrollment_id = NULL, closed_at = $2,"
		  " failures = $3, unanswered = $4, last_error = $5,"
		  " next_try_at = $6 WHERE host_id = $1",
	[POSTPONE] = "INSERT INTO renewals (host_id, last_error, next_try_at)"
		     " VALUES ($1, $2, $3) ON CONFLICT (host_id)"
		     " DO UPDATE SET last_error = excluded.last_error,"
		     " next_try_at = excluded.next_try_at, unanswered = 0"
		     " WHERE renewals.enrollment_id IS NULL",
	[MARK_ALARMED] = "INSERT INTO renewals (host_id, alarmed_at)"
			 " VALUES ($1, $2) ON CONFLICT (host_id)"
			 " DO UPDATE SET alarmed_at = excluded.alarmed_at",
};

#define ROW struct renewal

static const struct column columns[] = {
	{ "host_id", TEXT(host_id) },
	{ "enrollment_id", TEXT_OR_NULL(enrollment_id) },
	{ "command_uuid", TEXT(command_uuid) },
	{ "opened_at", TIME(opened_at) },
	{ "failures", INT(failures) },
	{ "closed_at", TIME(closed_at) },
	{ "unanswered", INT(unanswered) },
	{ "last_error", TEXT(last_error) },
	{ "next_try_at", INT(next_try_at) },
	{ "alarmed_at", TIME(alarmed_at) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(renewals, texts, &table);

int64_t
renewals_due_at(int64_t not_after, int64_t lifetime, int64_t window)
{
	return not_after - (lifetime >= 2 * window ? window : lifetime / 3);
}

int
renewals_load(struct db *db, const char *host_id, struct renewal *out)
{
	return sql_one(db, texts[LOAD], &table, WITH(datum_text(host_id)), out);
}

static int
cancel_command(struct db *db, const struct renewal *renewal)
{
	int r = commands_cancel(db, renewal->host_id, renewal->command_uuid);

	return r == ERR_CONFLICT ? OK : r;
}

int
renewals_open(struct db *db, const char *host_id, const char *enrollment_id,
    const char *command_uuid)
{
	struct renewal last;
	int r = renewals_load(db, host_id, &last);

	/* whose answer may have been lost */
	if (r == OK && last.enrollment_id[0] == '\0')
		r = cancel_command(db, &last);
	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	return sql_change(db, texts[OPEN],
	    WITH(datum_text(host_id), datum_text(enrollment_id),
		datum_text(command_uuid), datum_int(clock_now())),
	    ERR_CONFLICT);
}

/* Writes what is known when none is open any more. */
static int
close_it(struct db *db, const struct renewal *renewal)
{
	return sql_change(db, texts[CLOSE],
	    WITH(datum_text(renewal->host_id), datum_int(clock_now()),
		datum_int(renewal->failures), datum_int(renewal->unanswered),
		datum_cut(renewal->last_error, sizeof renewal->last_error),
		datum_int(renewal->next_try_at)),
	    ERR_CONFLICT);
}

/* A certificate that the device may hold already must stay usable. */
static int
revoke_unused(struct db *db, const char *enrollment_id)
{
	struct enrollment e;
	int r;

	if (enrollment_id[0] == '\0')
		return OK;
	r = enrollments_load(db, enrollment_id, &e);
	if (r != OK || e.state != ENROLLMENT_OPEN)
		return r;
	return enrollments_revoke(db, enrollment_id);
}

/* Never more than a third of what the certificate has left. */
static int
back_off(struct db *db, const struct renewal *renewal, int64_t *out)
{
	static const int days[] = { 1, 3, 7 };
	int n = (int)(sizeof days / sizeof days[0]);
	struct renewal_candidate c = { .not_after = INT64_MAX };
	int64_t third;
	int r = renewal_candidates_load(db, renewal->host_id, &c);

	if (r != OK && r != ERR_NOT_FOUND)
		return r;
	*out =
	    DAY * days[renewal->failures > n ? n - 1 : renewal->failures - 1];
	third = (c.not_after - clock_now()) / 3;
	if (*out > third)
		*out = third > HOUR ? third : HOUR;
	return OK;
}

/* What remains of one that is over: no secret in the table. */
static int
clean_up(struct db *db, const struct renewal *renewal)
{
	int r = revoke_unused(db, renewal->enrollment_id);

	return r != OK
	    ? r
	    : commands_forget(db, renewal->host_id, renewal->command_uuid);
}

/* Loads the open one, which then is over. ERR_CONFLICT when none is. */
static int
end_open(struct db *db, const char *host_id, struct renewal *out)
{
	int r = renewals_load(db, host_id, out);

	if (r == ERR_NOT_FOUND || (r == OK && out->enrollment_id[0] == '\0'))
		return ERR_CONFLICT;
	if (r != OK || (r = cancel_command(db, out)) != OK)
		return r;
	return clean_up(db, out);
}

/* After some failures in a row an administrator should know. */
static int
alarm_if_failing(struct db *db, const struct renewal *renewal)
{
	struct renewal_candidate host;
	char text[RENEWALS_ERROR_TEXT + 64];
	int r;

	if (renewal->failures < FAILURES_ALARM)
		return OK;
	r = renewal_candidates_load(db, renewal->host_id, &host);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	snprintf(text, sizeof text,
	    "%d renewals in a row failed, the last one: %s", renewal->failures,
	    renewal->last_error);
	return alarms_raise(
	    db, ALARM_RENEWAL_FAILING, renewal->host_id, host.serial, text);
}

int
renewals_fail(
    struct db *db, const char *host_id, bool unanswered, const char *reason)
{
	struct renewal renewal;
	int64_t wait;
	int r;

	if ((r = end_open(db, host_id, &renewal)) != OK)
		return r;
	renewal.failures++;
	renewal.unanswered = unanswered;
	if ((r = back_off(db, &renewal, &wait)) != OK)
		return r;
	renewal.next_try_at = unanswered ? 0 : clock_now() + wait;
	snprintf(renewal.last_error, sizeof renewal.last_error, "%s", reason);
	if ((r = close_it(db, &renewal)) != OK)
		return r;
	return alarm_if_failing(db, &renewal);
}

int
renewals_withdraw(struct db *db, const char *host_id, const char *reason)
{
	struct renewal renewal;
	int r;

	if ((r = end_open(db, host_id, &renewal)) != OK)
		return r;
	renewal.unanswered = false;
	renewal.next_try_at = 0;
	snprintf(renewal.last_error, sizeof renewal.last_error, "%s", reason);
	return close_it(db, &renewal);
}

int
renewals_postpone(
    struct db *db, const char *host_id, const char *reason, int64_t until)
{
	return sql_run(db, texts[POSTPONE],
	    WITH(datum_text(host_id), datum_cut(reason, RENEWALS_ERROR_TEXT),
		datum_int(until)));
}

int
renewals_finish(struct db *db, const char *host_id)
{
	struct renewal renewal;
	int r;

	if ((r = alarms_close(db, ALARM_CERTIFICATE_ENDING, host_id)) != OK ||
	    (r = alarms_close(db, ALARM_RENEWAL_FAILING, host_id)) != OK)
		return r;
	r = renewals_load(db, host_id, &renewal);
	if (r != OK)
		return r == ERR_NOT_FOUND ? OK : r;
	if ((r = clean_up(db, &renewal)) != OK ||
	    (r = alarms_close(db, ALARM_RENEWAL_HELD, host_id)) != OK)
		return r;
	renewal.failures = 0;
	renewal.unanswered = false;
	renewal.last_error[0] = '\0';
	renewal.next_try_at = 0;
	return close_it(db, &renewal);
}

int
renewals_mark_alarmed(struct db *db, const char *host_id)
{
	return sql_run(db, texts[MARK_ALARMED],
	    WITH(datum_text(host_id), datum_int(clock_now())));
}
