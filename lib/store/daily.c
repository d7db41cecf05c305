#include "store/daily.h"

#include "store/hosts.h"
#include "store/sql.h"

enum { NOTE, ADD, LIST_HOSTS, LIST_REFUSALS, PURGE_HOSTS, PURGE_REFUSALS };

static const char *const texts[] = {
	[NOTE] = "INSERT INTO daily_hosts (day, enrolled, attested)"
		 " VALUES ($1, $2, $3) ON CONFLICT (day) DO UPDATE SET"
		 " enrolled = excluded.enrolled, attested = excluded.attested",
	[ADD] = "INSERT INTO daily_refusals (day, code, refusals)"
		" VALUES ($1, $2, 1) ON CONFLICT (day, code)"
		" DO UPDATE SET refusals = daily_refusals.refusals + 1",
	[LIST_HOSTS] = "SELECT {columns} FROM daily_hosts WHERE day >= $1"
		       " ORDER BY day",
	/* a row for each day and reason, of a few dozen reasons */
	[LIST_REFUSALS] =
	    SQL_SCANS "SELECT code, CAST(sum(refusals) AS BIGINT) AS refusals"
		      " FROM daily_refusals WHERE day >= $1 GROUP BY code"
		      " ORDER BY 2 DESC, 1 LIMIT $2",
	[PURGE_HOSTS] = "DELETE FROM daily_hosts WHERE day IN (SELECT day"
			" FROM daily_hosts WHERE day < $1 LIMIT $2)",
	[PURGE_REFUSALS] =
	    "DELETE FROM daily_refusals WHERE day = (SELECT min(day)"
	    " FROM daily_refusals WHERE day < $1)",
};

#define ROW struct daily_hosts

static const struct column hosts_columns[] = {
	{ "day", INT(day) },
	{ "enrolled", INT(enrolled) },
	{ "attested", INT(attested) },
};

static const struct table hosts_table = TABLE(hosts_columns);

#undef ROW
#define ROW struct daily_refusals

static const struct column refusals_columns[] = {
	{ "code", TEXT(code) },
	{ "refusals", INT(refusals) },
};

static const struct table refusals_table = TABLE(refusals_columns);

SQL_FAMILY(daily, texts, &hosts_table);

int
daily_note_hosts(struct db *db, int64_t now)
{
	struct host_counts c;
	int r = hosts_count(db, &c);

	return r == OK ? sql_run(db, texts[NOTE],
			     WITH(datum_int(now / DAILY_SECONDS),
				 datum_int(c.enrolled), datum_int(c.attested)))
		       : r;
}

int
daily_add_refusal(struct db *db, int64_t at, const char *code)
{
	return sql_run(db, texts[ADD],
	    WITH(datum_int(at / DAILY_SECONDS), datum_text(code)));
}

int
daily_list_hosts(struct db *db, int64_t since, struct daily_hosts_list *out)
{
	return sql_rows(db, texts[LIST_HOSTS], &hosts_table,
	    WITH(datum_int(since / DAILY_SECONDS)), &out->rows, &out->n);
}

void
daily_list_hosts_release(struct daily_hosts_list *list)
{
	columns_release(&hosts_table, list->rows, list->n);
	*list = (struct daily_hosts_list){ 0 };
}

int
daily_list_refusals(
    struct db *db, int64_t since, struct daily_refusals_list *out)
{
	return sql_rows(db, texts[LIST_REFUSALS], &refusals_table,
	    WITH(datum_int(since / DAILY_SECONDS), datum_int(DAILY_REASONS)),
	    &out->rows, &out->n);
}

void
daily_list_refusals_release(struct daily_refusals_list *list)
{
	columns_release(&refusals_table, list->rows, list->n);
	*list = (struct daily_refusals_list){ 0 };
}

/* Of refusals one day at a time, which has a row for each reason. */
int
daily_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	int64_t day = now / DAILY_SECONDS - DAILY_KEPT;
	int refusals = 0, r;

	*deleted = 0;
	r = sql_count_changed(db, texts[PURGE_HOSTS],
	    WITH(datum_int(day), datum_int(limit)), deleted);
	while (r == OK && *deleted < limit) {
		r = sql_count_changed(db, texts[PURGE_REFUSALS],
		    WITH(datum_int(day)), &refusals);
		if (refusals == 0)
			break;
		*deleted += refusals;
	}
	return r;
}
