#include "store/nonces.h"

#include <assert.h>

#include "store/stmt.h"

enum { USE, PURGE };

static const char *const texts[] = {
	[USE] = "INSERT INTO used_nonces (nonce, expires_at) VALUES (?1, ?2)"
		" ON CONFLICT (nonce) DO NOTHING",
	[PURGE] = "DELETE FROM used_nonces WHERE nonce IN (SELECT nonce"
		  " FROM used_nonces WHERE expires_at < ?1 LIMIT ?2)",
};

STMT_FAMILY(nonces, texts);

int
nonces_use(struct db *db, struct blob nonce, int64_t expires_at)
{
	struct stmt s;

	assert(nonce.n >= 1 && nonce.n <= 64);
	stmt_start(&s, db, STMT_nonces, USE);
	stmt_put_blob(&s, nonce);
	stmt_put_int(&s, expires_at);
	return stmt_change(&s, ERR_BAD_NONCE);
}

int
nonces_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_nonces, PURGE);
	stmt_put_int(&s, now);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
