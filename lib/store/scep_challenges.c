#include "store/scep_challenges.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/sql.h"

enum { CREATE, LOAD, LOAD_BY_ENROLLMENT, USE };

static const char *const texts[] = {
	[CREATE] = "INSERT INTO scep_challenges (sha256, enrollment_id,"
		   " created_at) VALUES ($1, $2, $3)",
	[LOAD] = "SELECT {columns} FROM scep_challenges WHERE sha256 = $1",
	[LOAD_BY_ENROLLMENT] = "SELECT {columns} FROM scep_challenges"
			       " WHERE enrollment_id = $1",
	[USE] = "UPDATE scep_challenges SET used_at = $2, transaction_id = $3,"
		" spki_sha256 = $4 WHERE enrollment_id = $1"
		" AND used_at IS NULL",
};

#define ROW struct scep_challenge

static const struct column columns[] = {
	{ "enrollment_id", TEXT(enrollment_id) },
	{ "created_at", TIME(created_at) },
	{ "used_at", TIME(used_at) },
	{ "transaction_id", TEXT(transaction_id) },
	{ "spki_sha256", DIGEST(spki_sha256) },
};

static const struct table table = TABLE(columns);

SQL_FAMILY(scep_challenges, texts, &table);

/*
 * Letters and digits only: these stay a PrintableString in a request. 62 does
 * not divide 256, so bytes beyond the last whole multiple are drawn again.
 */
static void
draw(char out[SCEP_CHALLENGES_TEXT])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned count = sizeof letters - 1;
	size_t n = 0;
	uint8_t byte;

	while (n < SCEP_CHALLENGES_TEXT - 1) {
		secret_random(&byte, 1);
		if (byte < 256 / count * count)
			out[n++] = letters[byte % count];
	}
	out[n] = '\0';
}

int
scep_challenges_create(
    struct db *db, const char *enrollment_id, char out[SCEP_CHALLENGES_TEXT])
{
	uint8_t sha256[SECRET_SHA256];
	int r;

	draw(out);
	secret_sha256(blob_str(out), sha256);
	r = sql_run(db, texts[CREATE],
	    WITH(datum_digest(sha256), datum_text(enrollment_id),
		datum_int(clock_now())));
	if (r != OK)
		secret_wipe(out, SCEP_CHALLENGES_TEXT);
	return r == ERR_EXISTS ? ERR_CONFLICT : r;
}

int
scep_challenges_load(
    struct db *db, struct blob challenge, struct scep_challenge *out)
{
	uint8_t sha256[SECRET_SHA256];

	secret_sha256(challenge, sha256);
	return sql_one(
	    db, texts[LOAD], &table, WITH(datum_digest(sha256)), out);
}

int
scep_challenges_load_by_enrollment(
    struct db *db, const char *enrollment_id, struct scep_challenge *out)
{
	return sql_one(db, texts[LOAD_BY_ENROLLMENT], &table,
	    WITH(datum_text(enrollment_id)), out);
}

int
scep_challenges_use(struct db *db, const char *enrollment_id,
    const char *transaction_id, const uint8_t spki_sha256[SECRET_SHA256])
{
	return sql_change(db, texts[USE],
	    WITH(datum_text(enrollment_id), datum_int(clock_now()),
		datum_text(transaction_id), datum_digest(spki_sha256)),
	    ERR_CONFLICT);
}
