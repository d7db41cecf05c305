#include "store/nonces.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sql.h"

enum { GENERATION, NEXT_GENERATION, USE, PURGE, NOTE_PURGE };

static const char *const texts[] = {
	[GENERATION] = "SELECT generation + CASE WHEN purged_before > $1"
		       " THEN 1 ELSE 0 END FROM nonce_generations WHERE id = 1",
	[NEXT_GENERATION] = "UPDATE nonce_generations"
			    " SET generation = generation + 1,"
			    " purged_before = $1"
			    " WHERE id = 1 AND purged_before > $1",
	[USE] = "INSERT INTO used_nonces (nonce, expires_at) VALUES ($1, $2)"
		" ON CONFLICT (nonce) DO NOTHING",
	[PURGE] = "DELETE FROM used_nonces WHERE nonce IN (SELECT nonce"
		  " FROM used_nonces WHERE expires_at < $1 LIMIT $2)",
	[NOTE_PURGE] = "UPDATE nonce_generations SET purged_before = $1"
		       " WHERE id = 1 AND purged_before < $1",
};

SQL_FAMILY(nonces, texts, NULL);

int
nonces_generation(struct db *db, int64_t *out)
{
	return sql_integer(
	    db, texts[GENERATION], WITH(datum_int(clock_now())), out);
}

/*
 * A used nonce that was deleted would be accepted again only if the clock is
 * behind its expiry. Then begin a new generation.
 */
static int
check_clock(struct db *db)
{
	int changed, r;

	r = sql_count_changed(
	    db, texts[NEXT_GENERATION], WITH(datum_int(clock_now())), &changed);
	if (r == OK && changed > 0)
		log_line(LOG_WARN,
		    "the clock was set back: nonces from before are refused");
	return r;
}

int
nonces_use(
    struct db *db, struct blob nonce, int64_t generation, int64_t expires_at)
{
	int64_t present;
	int r;

	assert(nonce.n >= 1 && nonce.n <= 64);
	if ((r = check_clock(db)) != OK ||
	    (r = nonces_generation(db, &present)) != OK)
		return r;
	if (generation != present)
		return ERR_BAD_NONCE;
	return sql_change(db, texts[USE],
	    WITH(datum_blob(nonce), datum_int(expires_at)), ERR_BAD_NONCE);
}

int
nonces_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	int64_t before = now - NONCES_KEEP;
	int r;

	if ((r = sql_count_changed(db, texts[PURGE],
		 WITH(datum_int(before), datum_int(limit)), deleted)) != OK ||
	    *deleted == 0)
		return r;
	return sql_run(db, texts[NOTE_PURGE], WITH(datum_int(before)));
}
