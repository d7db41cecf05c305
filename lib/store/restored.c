#include "store/restored.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/renewals.h"
#include "store/stmt.h"

/*
 * Generations are chosen at random above the one of the backup, so that neither
 * the lost state nor another restore of the same backup had the same.
 */
#define GENERATIONS 4096

enum { SESSIONS, NONCES, ENROLLMENTS, LINKS, ERASE, RENEWALS };

static const char *const texts[] = {
	[SESSIONS] = STMT_SCANS "DELETE FROM sessions",
	[NONCES] = "UPDATE nonce_generations SET generation = generation + ?1"
		   " WHERE id = 1",
	[ENROLLMENTS] = STMT_SCANS "UPDATE enrollments SET state = 'revoked'"
				   " WHERE state = 'open'",
	[LINKS] = STMT_SCANS "UPDATE enrollment_links SET revoked_at = ?1"
			     " WHERE used_at IS NULL AND revoked_at IS NULL",
	[ERASE] = STMT_SCANS "UPDATE commands SET state = 'cancelled'"
			     " WHERE request_type = 'EraseDevice'"
			     " AND state IN ('queued', 'sent', 'notnow')",
	[RENEWALS] = STMT_SCANS "SELECT r.host_id FROM renewals r"
				" JOIN enrollments e ON e.id = r.enrollment_id"
				" WHERE e.state = 'open'",
};

STMT_FAMILY(restored, texts);

struct renewing {
	char host_id[DB_ID_TEXT];
};

static void
read_renewing(struct stmt *s, void *out)
{
	struct renewing *r = out;

	stmt_get_text(s, r->host_id, sizeof(r->host_id));
}

static int
withdraw_renewals(struct db *db)
{
	struct renewing *rows;
	struct stmt s;
	size_t i, n;
	int code;

	stmt_start(&s, db, STMT_restored, RENEWALS);
	rows = stmt_rows(&s, read_renewing, sizeof(*rows), &n);
	code = stmt_end(&s);
	for (i = 0; code == OK && i < n; i++)
		code = renewals_withdraw(
		    db, rows[i].host_id, "a backup was restored");
	free(rows);
	return code;
}

static int
run(struct db *db, int which)
{
	struct stmt s;

	stmt_start(&s, db, STMT_restored, which);
	return stmt_run(&s);
}

static int
run_with(struct db *db, int which, int64_t value)
{
	struct stmt s;

	stmt_start(&s, db, STMT_restored, which);
	stmt_put_int(&s, value);
	return stmt_run(&s);
}

int
restored_void(struct db *db)
{
	uint16_t ahead;
	int code;

	secret_random(&ahead, sizeof(ahead));
	/* before the enrollments: it looks for those that are open */
	if ((code = withdraw_renewals(db)) != OK ||
	    (code = run(db, SESSIONS)) != OK ||
	    (code = run_with(db, NONCES, 2 + ahead % GENERATIONS)) != OK ||
	    (code = run(db, ENROLLMENTS)) != OK ||
	    (code = run_with(db, LINKS, clock_now())) != OK)
		return code;
	return run(db, ERASE);
}
