#include "storefix.h"

#include "base/clock.h"
#include "store/nonces.h"

static void
test_used_once(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db, nonces_use(db, blob_str("abc"), 0, 100));
	REFUSE(db, ERR_BAD_NONCE, nonces_use(db, blob_str("abc"), 0, 100));
	WRITE(db, nonces_use(db, blob_str("abd"), 0, 100));
}

static void
test_rollback_gives_it_back(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(db_begin(db), OK);
	assert_int_equal(nonces_use(db, blob_str("abc"), 0, 100), OK);
	db_rollback(db);
	WRITE(db, nonces_use(db, blob_str("abc"), 0, 100));
}

static int
use(struct db *db, int number, void *arg)
{
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = nonces_use(db, blob_str("one"), 0, 100);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_BAD_NONCE ? 1 : 2;
}

/* acme-25 */
static void
test_one_winner_of_eight(void **state)
{
	assert_int_equal(storefix_race(state, 8, use, NULL), 1);
}

/* acme-289 */
static void
test_purge_in_batches(void **state)
{
	struct db *db = storefix_db(state);
	int deleted;

	assert_int_equal(db_begin(db), OK);
	for (uint8_t i = 1; i <= 10; i++)
		assert_int_equal(nonces_use(db, blob_of(&i, 1), 0, i), OK);
	assert_int_equal(db_commit(db), OK);
	WRITE(db, nonces_purge(db, 8 + NONCES_KEEP, 4, &deleted));
	assert_int_equal(deleted, 4);
	WRITE(db, nonces_purge(db, 8 + NONCES_KEEP, 4, &deleted));
	assert_int_equal(deleted, 3);
	WRITE(db, nonces_purge(db, 8 + NONCES_KEEP, 4, &deleted));
	assert_int_equal(deleted, 0);
}

static int64_t
generation(struct db *db)
{
	int64_t n = -1;

	assert_int_equal(nonces_generation(db, &n), OK);
	return n;
}

/*
 * acme-290: Forward, purge, and back: what was deleted is not accepted again.
 */
static void
test_clock_set_back_behind_a_purge(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	assert_int_equal(generation(db), 0);
	WRITE(db, nonces_use(db, blob_str("abc"), 0, now + 3600));
	WRITE(db, nonces_purge(db, now + 86400, 4, &deleted));
	assert_int_equal(deleted, 1);
	/* a refused request is rolled back, and new nonces are good all the same */
	assert_int_equal(generation(db), 1);
	REFUSE(db, ERR_BAD_NONCE,
	    nonces_use(db, blob_str("abc"), 0, now + 3600));
	assert_int_equal(generation(db), 1);
	REFUSE(db, ERR_BAD_NONCE,
	    nonces_use(db, blob_str("def"), 0, now + 3600));
	WRITE(db, nonces_use(db, blob_str("ghi"), 1, now + 3600));
	REFUSE(db, ERR_BAD_NONCE,
	    nonces_use(db, blob_str("ghi"), 1, now + 3600));
	assert_int_equal(generation(db), 1);
}

/* A correction of less than an hour revives nothing, and fails no device. */
static void
test_small_step_back(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	WRITE(db, nonces_use(db, blob_str("abc"), 0, now - 1));
	WRITE(db, nonces_purge(db, now + NONCES_KEEP, 4, &deleted));
	assert_int_equal(deleted, 1);
	WRITE(db, nonces_use(db, blob_str("def"), 0, now + 3600));
	assert_int_equal(generation(db), 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_clock_set_back_behind_a_purge),
	STOREFIX_TEST(test_small_step_back),
	STOREFIX_TEST(test_used_once),
	STOREFIX_TEST(test_rollback_gives_it_back),
	STOREFIX_TEST(test_one_winner_of_eight),
	STOREFIX_TEST(test_purge_in_batches),
};

STOREFIX_MAIN(tests)
