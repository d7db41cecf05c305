#include "store/host_index.h"

#include "store/sql.h"

/*
 * One space begins a word and two begin a field, so that a search for one or two
 * letters, with a space or two in front, has the three that the index needs.
 */
#define SEARCHED                                                                 \
	"fold('  ' || h.serial || '  ' || COALESCE(h.udid, '')"                \
	" || '  ' || h.device_name || '  ' || h.model_name"                    \
	" || '  ' || h.product_name || '  ' || h.model)"

#define CLIENT_CERTIFICATE                                                     \
	"CASE WHEN h.client_certificate_at IS NULL THEN 0 ELSE 1 END"

enum {
	NUMBER,
	UPDATE,
	INSERT,
	REMOVE,
	COUNT_WRONG_TEXTS,
	COUNT_WRONG_COUNTS,
	NUMBER_ALL,
	FORGET,
	UPDATE_ALL,
	INSERT_ALL,
	FORGET_COUNTS,
	COUNT_ALL,
};

static const char *const texts[] = {
	[NUMBER] = "INSERT INTO host_numbers (host_id) VALUES ($1)"
		   " ON CONFLICT (host_id) DO NOTHING",
	[UPDATE] =
	    "UPDATE host_index SET text = (SELECT " SEARCHED
	    " FROM hosts h WHERE h.id = $1) WHERE rowid = (SELECT"
	    " n.number FROM host_numbers n WHERE n.host_id = $1)"
	    " AND text <> (SELECT " SEARCHED " FROM hosts h WHERE h.id = $1)",
	[INSERT] =
	    "INSERT INTO host_index (rowid, text) SELECT n.number, " SEARCHED
	    " FROM host_numbers n JOIN hosts h ON h.id = n.host_id"
	    " WHERE n.host_id = $1 AND NOT EXISTS (SELECT 1"
	    " FROM host_index i WHERE i.rowid = n.number)",
	[REMOVE] = "DELETE FROM host_index WHERE rowid ="
		   " (SELECT n.number FROM host_numbers n"
		   " WHERE n.host_id = $1)",
	[COUNT_WRONG_TEXTS] =
	    SQL_SCANS "SELECT count(*) FROM hosts h"
		      " LEFT JOIN host_numbers n ON n.host_id = h.id"
		      " LEFT JOIN host_index i ON i.rowid = n.number"
		      " WHERE i.text IS NULL OR i.text <> " SEARCHED,
	[COUNT_WRONG_COUNTS] = SQL_SCANS
	"SELECT count(*) FROM (SELECT b.state FROM (SELECT h.state AS state,"
	" h.hardware_attested AS attested, " CLIENT_CERTIFICATE " AS client,"
	" 1 AS hosts FROM hosts h UNION ALL SELECT state, hardware_attested,"
	" client_certificate, -hosts FROM host_counts) b"
	" GROUP BY b.state, b.attested, b.client"
	" HAVING sum(b.hosts) <> 0) w",
	[NUMBER_ALL] = SQL_SCANS
	"INSERT INTO host_numbers (host_id) SELECT h.id FROM hosts h"
	" WHERE NOT EXISTS (SELECT 1 FROM host_numbers n"
	" WHERE n.host_id = h.id)",
	[FORGET] = SQL_SCANS "DELETE FROM host_index WHERE rowid NOT IN"
			     " (SELECT n.number FROM host_numbers n)",
	[UPDATE_ALL] = SQL_SCANS
	"UPDATE host_index SET text = (SELECT " SEARCHED " FROM hosts h"
	" JOIN host_numbers n ON n.host_id = h.id"
	" WHERE n.number = host_index.rowid) WHERE text <> (SELECT " SEARCHED
	" FROM hosts h JOIN host_numbers n ON n.host_id = h.id"
	" WHERE n.number = host_index.rowid)",
	[INSERT_ALL] = SQL_SCANS
	"INSERT INTO host_index (rowid, text) SELECT n.number, " SEARCHED
	" FROM host_numbers n JOIN hosts h ON h.id = n.host_id"
	" WHERE NOT EXISTS (SELECT 1 FROM host_index i"
	" WHERE i.rowid = n.number)",
	[FORGET_COUNTS] = SQL_SCANS "DELETE FROM host_counts",
	[COUNT_ALL] = SQL_SCANS
	"INSERT INTO host_counts (state, hardware_attested,"
	" client_certificate, hosts) SELECT h.state, h.hardware_attested,"
	" " CLIENT_CERTIFICATE ", count(*) FROM hosts h GROUP BY 1, 2, 3",
};

SQL_FAMILY(host_index, texts, NULL);

int
host_index_put(struct db *db, const char *host_id)
{
	int r;

	if ((r = sql_run(db, texts[NUMBER], WITH(datum_text(host_id)))) != OK ||
	    (r = sql_run(db, texts[UPDATE], WITH(datum_text(host_id)))) != OK)
		return r;
	return sql_run(db, texts[INSERT], WITH(datum_text(host_id)));
}

int
host_index_remove(struct db *db, const char *host_id)
{
	return sql_run(db, texts[REMOVE], WITH(datum_text(host_id)));
}

int
host_index_check(struct db *db, int64_t *wrong)
{
	int64_t counts = 0;
	int r;

	if ((r = sql_integer(db, texts[COUNT_WRONG_TEXTS], NULL, wrong)) == OK)
		r = sql_integer(db, texts[COUNT_WRONG_COUNTS], NULL, &counts);
	*wrong += counts;
	return r;
}

static int
mend(struct db *db, int64_t *mended)
{
	static const int steps[] = { FORGET, UPDATE_ALL, INSERT_ALL,
		FORGET_COUNTS, COUNT_ALL };
	bool fits;
	size_t i;
	int r;

	if ((r = host_index_check(db, mended)) != OK ||
	    (r = db_index_fits(db, &fits)) != OK)
		return r;
	if (!fits) {
		++*mended;
		r = db_index_rebuild(db);
	}
	if (r == OK && *mended > 0)
		r = sql_run(db, texts[NUMBER_ALL], NULL);
	for (i = 0; r == OK && *mended > 0 && i < sizeof steps / sizeof steps[0];
	     i++)
		r = sql_run(db, texts[steps[i]], NULL);
	return r;
}

int
host_index_mend(struct db *db, int64_t *mended)
{
	int r;

	*mended = 0;
	if ((r = db_begin(db)) == OK)
		r = db_end(db, mend(db, mended));
	return r;
}
