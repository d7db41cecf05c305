#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/scep_challenges.h"

static const uint8_t key[SECRET_SHA256] = { 1, 2, 3 };

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	char text[SCEP_CHALLENGES_TEXT], other[SCEP_CHALLENGES_TEXT];
	struct scep_challenge c;
	struct enrollment e;

	storefix_enrollment(db, "S1", &e);
	WRITE(db, scep_challenges_create(db, e.id, text));
	assert_int_equal(strlen(text), 32);
	assert_int_equal(strspn(text,
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789"),
	    32);
	REFUSE(db, ERR_CONFLICT, scep_challenges_create(db, e.id, other));
	assert_int_equal(scep_challenges_load(db, blob_str(text), &c), OK);
	assert_string_equal(c.enrollment_id, e.id);
	assert_int_equal(c.used_at, 0);
	assert_int_equal(
	    scep_challenges_load(db, blob_of(text, 31), &c), ERR_NOT_FOUND);
	assert_int_equal(
	    scep_challenges_load(db, blob_of(NULL, 0), &c), ERR_NOT_FOUND);
}

/* mdm-75, mdm-76: used once, and by whom is known. */
static void
test_use_once(void **state)
{
	struct db *db = storefix_db(state);
	char text[SCEP_CHALLENGES_TEXT];
	struct scep_challenge c;
	struct enrollment e;

	storefix_enrollment(db, "S1", &e);
	WRITE(db, scep_challenges_create(db, e.id, text));
	WRITE(db, scep_challenges_use(db, e.id, "T1", key));
	REFUSE(db, ERR_CONFLICT, scep_challenges_use(db, e.id, "T1", key));
	REFUSE(db, ERR_CONFLICT, scep_challenges_use(db, "x", "T1", key));
	assert_int_equal(scep_challenges_load(db, blob_str(text), &c), OK);
	assert_int_equal(c.used_at, clock_now());
	assert_string_equal(c.transaction_id, "T1");
	assert_memory_equal(c.spki_sha256, key, sizeof key);
	memset(&c, 0, sizeof c);
	assert_int_equal(scep_challenges_load_by_enrollment(db, e.id, &c), OK);
	assert_string_equal(c.transaction_id, "T1");
	assert_int_equal(
	    scep_challenges_load_by_enrollment(db, "x", &c), ERR_NOT_FOUND);
}

/* An enrollment that is forgotten takes its challenge along. */
static void
test_forgotten_with_enrollment(void **state)
{
	struct db *db = storefix_db(state);
	char text[SCEP_CHALLENGES_TEXT];
	struct scep_challenge c;
	struct enrollment e;
	int deleted, seen;

	storefix_enrollment(db, "S1", &e);
	WRITE(db, scep_challenges_create(db, e.id, text));
	WRITE(db,
	    enrollments_purge(
		db, e.expires_at + 90 * 86400, 10, &deleted, &seen));
	assert_int_equal(deleted, 1);
	assert_int_equal(
	    scep_challenges_load(db, blob_str(text), &c), ERR_NOT_FOUND);
}

/* So do those that make room for newer ones; an open one keeps its own. */
static void
test_makes_room(void **state)
{
	struct db *db = storefix_db(state);
	char text[SCEP_CHALLENGES_TEXT];
	struct scep_challenge c;
	struct enrollment e;

	for (int i = 0; i < 4; i++) {
		clock_set_offset(i);
		storefix_enrollment(db, "S1", &e);
		WRITE(db, scep_challenges_create(db, e.id, text));
		WRITE(db, enrollments_make_room(db, "S1", e.id, 1));
	}
	/* one open, one revoked */
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM enrollments"), 2);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM scep_challenges"), 2);
	assert_int_equal(scep_challenges_load(db, blob_str(text), &c), OK);
	assert_string_equal(c.enrollment_id, e.id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_create_and_load),
		STOREFIX_TEST(test_use_once),
		STOREFIX_TEST(test_forgotten_with_enrollment),
		STOREFIX_TEST(test_makes_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
