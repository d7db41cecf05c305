#include "store/browsers.h"

#include "base/clock.h"
#include "store/stmt.h"

enum { KNOWN, REMEMBER, TRIM, FORGET_ALL, PURGE };

static const char *const texts[] = {
	[KNOWN] = "SELECT 1 FROM known_browsers WHERE token_sha256 = ?1"
		  " AND admin = ?2 AND last_at > ?3",
	[REMEMBER] = "INSERT INTO known_browsers (token_sha256, admin, last_at)"
		     " VALUES (?1, ?2, ?3)"
		     " ON CONFLICT (token_sha256)"
		     " DO UPDATE SET last_at = excluded.last_at",
	[TRIM] = "DELETE FROM known_browsers WHERE admin = ?1"
		 " AND token_sha256 NOT IN (SELECT token_sha256"
		 " FROM known_browsers WHERE admin = ?1"
		 " ORDER BY last_at DESC LIMIT ?2)",
	[FORGET_ALL] = "DELETE FROM known_browsers WHERE admin = ?1",
	[PURGE] = STMT_SCANS
	"DELETE FROM known_browsers WHERE token_sha256 IN (SELECT token_sha256"
	" FROM known_browsers WHERE last_at <= ?1 LIMIT ?2)",
};

STMT_FAMILY(browsers, texts);

int
browsers_is_known(
    struct db *db, const char *token, const char *admin, bool *known)
{
	uint8_t digest[SECRET_SHA256];
	struct stmt s;

	secret_sha256(blob_str(token), digest);
	stmt_start(&s, db, STMT_browsers, KNOWN);
	stmt_put_digest(&s, digest);
	stmt_put_text(&s, admin);
	stmt_put_int(&s, clock_now() - BROWSERS_LIFE);
	return stmt_exists(&s, known);
}

int
browsers_remember(struct db *db, const char *token, const char *admin)
{
	uint8_t digest[SECRET_SHA256];
	struct stmt s;
	int code;

	secret_sha256(blob_str(token), digest);
	stmt_start(&s, db, STMT_browsers, REMEMBER);
	stmt_put_digest(&s, digest);
	stmt_put_text(&s, admin);
	stmt_put_int(&s, clock_now());
	if ((code = stmt_run(&s)) != OK)
		return code;
	stmt_start(&s, db, STMT_browsers, TRIM);
	stmt_put_text(&s, admin);
	stmt_put_int(&s, BROWSERS_PER_ADMIN);
	return stmt_run(&s);
}

int
browsers_forget_all(struct db *db, const char *admin)
{
	struct stmt s;

	stmt_start(&s, db, STMT_browsers, FORGET_ALL);
	stmt_put_text(&s, admin);
	return stmt_run(&s);
}

int
browsers_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_browsers, PURGE);
	stmt_put_int(&s, now - BROWSERS_LIFE);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
