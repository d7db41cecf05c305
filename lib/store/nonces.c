#include "store/nonces.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/stmt.h"

enum { GENERATION, NEXT_GENERATION, USE, PURGE, NOTE_PURGE };

static const char *const texts[] = {
	[GENERATION] = "SELECT generation + CASE WHEN purged_before > ?1"
		       " THEN 1 ELSE 0 END FROM nonce_generations WHERE id = 1",
	[NEXT_GENERATION] = "UPDATE nonce_generations"
			    " SET generation = generation + 1,"
			    " purged_before = ?1"
			    " WHERE id = 1 AND purged_before > ?1",
	[USE] = "INSERT INTO used_nonces (nonce, expires_at) VALUES (?1, ?2)"
		" ON CONFLICT (nonce) DO NOTHING",
	[PURGE] = "DELETE FROM used_nonces WHERE nonce IN (SELECT nonce"
		  " FROM used_nonces WHERE expires_at < ?1 LIMIT ?2)",
	[NOTE_PURGE] = "UPDATE nonce_generations SET purged_before = ?1"
		       " WHERE id = 1 AND purged_before < ?1",
};

STMT_FAMILY(nonces, texts);

int
nonces_generation(struct db *db, int64_t *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_nonces, GENERATION);
	stmt_put_int(&s, clock_now());
	return stmt_integer(&s, out);
}

/*
 * A used nonce that was deleted would be accepted again only if the clock is
 * behind its expiry. Then begin a new generation.
 */
static int
check_clock(struct db *db)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_nonces, NEXT_GENERATION);
	stmt_put_int(&s, clock_now());
	if ((code = stmt_run(&s)) == OK && s.changes > 0)
		log_line(LOG_WARN,
		    "the clock was set back: nonces from before are refused");
	return code;
}

int
nonces_use(
    struct db *db, struct blob nonce, int64_t generation, int64_t expires_at)
{
	int64_t present;
	struct stmt s;
	int code;

	assert(nonce.n >= 1 && nonce.n <= 64);
	if ((code = check_clock(db)) != OK ||
	    (code = nonces_generation(db, &present)) != OK)
		return code;
	if (generation != present)
		return ERR_BAD_NONCE;
	stmt_start(&s, db, STMT_nonces, USE);
	stmt_put_blob(&s, nonce);
	stmt_put_int(&s, expires_at);
	return stmt_change(&s, ERR_BAD_NONCE);
}

int
nonces_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	int64_t before = now - NONCES_KEEP;
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_nonces, PURGE);
	stmt_put_int(&s, before);
	stmt_put_int(&s, limit);
	if ((code = stmt_purge(&s, deleted)) != OK || *deleted == 0)
		return code;
	stmt_start(&s, db, STMT_nonces, NOTE_PURGE);
	stmt_put_int(&s, before);
	return stmt_run(&s);
}
