#include "store/scep_challenges.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/stmt.h"

enum { CREATE, LOAD, LOAD_BY_ENROLLMENT, USE };

#define COLUMNS                                                                \
	"enrollment_id, created_at, used_at, transaction_id, spki_sha256"

static const char *const texts[] = {
	[CREATE] = "INSERT INTO scep_challenges (sha256, enrollment_id,"
		   " created_at) VALUES (?1, ?2, ?3)",
	[LOAD] = "SELECT " COLUMNS " FROM scep_challenges WHERE sha256 = ?1",
	[LOAD_BY_ENROLLMENT] = "SELECT " COLUMNS " FROM scep_challenges"
			       " WHERE enrollment_id = ?1",
	[USE] = "UPDATE scep_challenges SET used_at = ?2, transaction_id = ?3,"
		" spki_sha256 = ?4 WHERE enrollment_id = ?1"
		" AND used_at IS NULL",
};

STMT_FAMILY(scep_challenges, texts);

/*
 * Letters and digits only: these stay a PrintableString in a request. 62 does
 * not divide 256, so bytes beyond the last whole multiple are drawn again.
 */
static void
draw(char out[SCEP_CHALLENGES_TEXT])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789";
	const unsigned count = sizeof(letters) - 1;
	size_t n = 0;
	uint8_t byte;

	while (n < SCEP_CHALLENGES_TEXT - 1) {
		secret_random(&byte, 1);
		if (byte < 256 / count * count)
			out[n++] = letters[byte % count];
	}
	out[n] = '\0';
}

static void
read_challenge(struct stmt *s, void *out)
{
	struct scep_challenge *c = out;

	stmt_get_text(s, c->enrollment_id, sizeof(c->enrollment_id));
	c->created_at = stmt_get_int(s);
	c->used_at = stmt_get_int(s);
	stmt_get_text(s, c->transaction_id, sizeof(c->transaction_id));
	(void)stmt_get_some(s, c->spki_sha256, sizeof(c->spki_sha256));
}

int
scep_challenges_create(
    struct db *db, const char *enrollment_id, char out[SCEP_CHALLENGES_TEXT])
{
	uint8_t sha256[SECRET_SHA256];
	struct stmt s;
	int code;

	draw(out);
	secret_sha256(blob_str(out), sha256);
	stmt_start(&s, db, STMT_scep_challenges, CREATE);
	stmt_put_digest(&s, sha256);
	stmt_put_text(&s, enrollment_id);
	stmt_put_int(&s, clock_now());
	code = stmt_run(&s);
	if (code != OK)
		secret_wipe(out, SCEP_CHALLENGES_TEXT);
	return code == ERR_EXISTS ? ERR_CONFLICT : code;
}

int
scep_challenges_load(
    struct db *db, struct blob challenge, struct scep_challenge *out)
{
	uint8_t sha256[SECRET_SHA256];
	struct stmt s;

	secret_sha256(challenge, sha256);
	stmt_start(&s, db, STMT_scep_challenges, LOAD);
	stmt_put_digest(&s, sha256);
	return stmt_one(&s, read_challenge, out, sizeof(*out));
}

int
scep_challenges_load_by_enrollment(
    struct db *db, const char *enrollment_id, struct scep_challenge *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_scep_challenges, LOAD_BY_ENROLLMENT);
	stmt_put_text(&s, enrollment_id);
	return stmt_one(&s, read_challenge, out, sizeof(*out));
}

int
scep_challenges_use(struct db *db, const char *enrollment_id,
    const char *transaction_id, const uint8_t spki_sha256[SECRET_SHA256])
{
	struct stmt s;

	stmt_start(&s, db, STMT_scep_challenges, USE);
	stmt_put_text(&s, enrollment_id);
	stmt_put_int(&s, clock_now());
	stmt_put_text(&s, transaction_id);
	stmt_put_digest(&s, spki_sha256);
	return stmt_change(&s, ERR_CONFLICT);
}
