#include "store/browsers.h"

#include "base/clock.h"
#include "store/sql.h"

enum { KNOWN, REMEMBER, TRIM, FORGET_ALL, PURGE };

static const char *const texts[] = {
	[KNOWN] = "SELECT 1 FROM known_browsers WHERE token_sha256 = $1"
		  " AND admin = $2 AND last_at > $3",
	[REMEMBER] = "INSERT INTO known_browsers (token_sha256, admin, last_at)"
		     " VALUES ($1, $2, $3)"
		     " ON CONFLICT (token_sha256)"
		     " DO UPDATE SET last_at = excluded.last_at",
	[TRIM] = "DELETE FROM known_browsers WHERE admin = $1"
		 " AND token_sha256 NOT IN (SELECT token_sha256"
		 " FROM known_browsers WHERE admin = $1"
		 " ORDER BY last_at DESC LIMIT $2)",
	[FORGET_ALL] = "DELETE FROM known_browsers WHERE admin = $1",
	[PURGE] = SQL_SCANS
	"DELETE FROM known_browsers WHERE token_sha256 IN (SELECT token_sha256"
	" FROM known_browsers WHERE last_at <= $1 LIMIT $2)",
};

SQL_FAMILY(browsers, texts, NULL);

int
browsers_is_known(
    struct db *db, const char *token, const char *admin, bool *known)
{
	uint8_t digest[SECRET_SHA256];

	secret_sha256(blob_str(token), digest);
	return sql_exists(db, texts[KNOWN],
	    WITH(datum_digest(digest), datum_text(admin),
		datum_int(clock_now() - BROWSERS_LIFE)),
	    known);
}

int
browsers_remember(struct db *db, const char *token, const char *admin)
{
	uint8_t digest[SECRET_SHA256];
	int r;

	secret_sha256(blob_str(token), digest);
	if ((r = sql_run(db, texts[REMEMBER],
		 WITH(datum_digest(digest), datum_text(admin),
		     datum_int(clock_now())))) != OK)
		return r;
	return sql_run(db, texts[TRIM],
	    WITH(datum_text(admin), datum_int(BROWSERS_PER_ADMIN)));
}

int
browsers_forget_all(struct db *db, const char *admin)
{
	return sql_run(db, texts[FORGET_ALL], WITH(datum_text(admin)));
}

int
browsers_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - BROWSERS_LIFE), datum_int(limit)), deleted);
}
