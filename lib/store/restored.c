#include "store/restored.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/renewals.h"
#include "store/sql.h"

/*
 * Generations are chosen at random above the one of the backup, so that neither
 * the lost state nor another restore of the same backup had the same.
 */
#define GENERATIONS 4096

enum { SESSIONS, TOKENS, NONCES, ENROLLMENTS, LINKS, ERASE, RENEWALS };

static const char *const texts[] = {
	[SESSIONS] = SQL_SCANS "DELETE FROM sessions",
	[TOKENS] = SQL_SCANS "DELETE FROM api_tokens",
	[NONCES] = "UPDATE nonce_generations SET generation = generation + $1"
		   " WHERE id = 1",
	[ENROLLMENTS] = SQL_SCANS "UPDATE enrollments SET state = 'revoked'"
				  " WHERE state = 'open'",
	[LINKS] = SQL_SCANS "UPDATE enrollment_links SET revoked_at = $1"
			    " WHERE used_at IS NULL AND revoked_at IS NULL",
	[ERASE] = SQL_SCANS "UPDATE commands SET state = 'cancelled'"
			    " WHERE request_type = 'EraseDevice'"
			    " AND state IN ('queued', 'sent', 'notnow')",
	[RENEWALS] = SQL_SCANS "SELECT {columns} FROM renewals r"
			       " JOIN enrollments e ON e.id = r.enrollment_id"
			       " WHERE e.state = 'open'",
};

#define ROW struct renewing

struct renewing {
	char host_id[DB_ID_TEXT];
};

static const struct column columns[] = {
	{ "r.host_id", TEXT(host_id) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(restored, texts, &table);

static int
withdraw_renewals(struct db *db)
{
	struct renewing *rows;
	size_t i, n;
	int r;

	r = sql_rows(db, texts[RENEWALS], &table, NULL, &rows, &n);
	for (i = 0; r == OK && i < n; i++)
		r = renewals_withdraw(
		    db, rows[i].host_id, "a backup was restored");
	free(rows);
	return r;
}

static int
run(struct db *db, int which)
{
	return sql_run(db, texts[which], NULL);
}

static int
run_with(struct db *db, int which, int64_t value)
{
	return sql_run(db, texts[which], WITH(datum_int(value)));
}

int
restored_void(struct db *db)
{
	uint16_t ahead;
	int r;

	secret_random(&ahead, sizeof ahead);
	/* before the enrollments: it looks for those that are open */
	if ((r = withdraw_renewals(db)) != OK ||
	    (r = run(db, SESSIONS)) != OK || (r = run(db, TOKENS)) != OK ||
	    (r = run_with(db, NONCES, 2 + ahead % GENERATIONS)) != OK ||
	    (r = run(db, ENROLLMENTS)) != OK ||
	    (r = run_with(db, LINKS, clock_now())) != OK)
		return r;
	return run(db, ERASE);
}
