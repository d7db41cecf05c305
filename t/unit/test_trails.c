#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/trails.h"

static void
test_add_and_list(void **state)
{
	struct db *db = storefix_db(state);
	struct trail_list list;
	struct trail_row *r;

	WRITE(db,
	    trails_add(db,
		&(struct trail){ .enrollment_id = "e1",
		    .serial = "S1",
		    .step = "profile" }));
	assert_int_equal(trails_note(db,
			     &(struct trail){ .enrollment_id = "e1",
				 .serial = "S1",
				 .step = "challenge",
				 .outcome = TRAIL_REFUSED,
				 .code = ERR_ATT_CHAIN,
				 .reason = "why",
				 .remote_address = "::1" }),
	    OK);
	assert_int_equal(trails_list_by_enrollment(db, "e1", &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].step, "profile");
	assert_string_equal(list.rows[0].code, "");
	r = &list.rows[1];
	assert_int_equal(r->outcome, TRAIL_REFUSED);
	assert_string_equal(r->code, "ATT_CHAIN");
	assert_string_equal(r->reason, "why");
	assert_string_equal(r->remote_address, "::1");
	trails_list_release(&list);
	assert_int_equal(trails_list_by_serial(db, "S1", 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].step, "challenge");
	trails_list_release(&list);
}

static void
test_note_leaves_a_transaction_alone(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(db_begin(db), OK);
	assert_int_equal(
	    trails_note(db, &(struct trail){ .step = "x" }), ERR_INTERNAL);
	assert_true(db_in_transaction(db));
	db_rollback(db);
}

static void
add_many(struct db *db, int n, const char *enrollment, const char *serial)
{
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    trails_add(db,
			&(struct trail){ .enrollment_id = enrollment,
			    .serial = serial,
			    .step = "x",
			    .outcome = TRAIL_REFUSED,
			    .code = ERR_MALFORMED }),
		    OK);
	assert_int_equal(db_commit(db), OK);
}

static void
test_caps(void **state)
{
	struct db *db = storefix_db(state);
	struct trail_list list;
	int64_t last;

	add_many(db, 51, "e1", "S1");
	assert_int_equal(trails_list_by_enrollment(db, "e1", &list), OK);
	assert_int_equal(list.n, 50);
	/* the oldest one went */
	assert_int_equal(list.rows[0].id, 2);
	last = list.rows[49].id;
	assert_int_equal(last, 51);
	trails_list_release(&list);
	/* rows without enrollment have a cap of their own */
	add_many(db, 60, NULL, "S1");
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM trail"), 100);
	add_many(db, 600, NULL, NULL);
	assert_in_range(
	    storefix_sql(db, "SELECT count(*) FROM trail"), 600, 616);
	add_many(db, 5, "e2", "S1");
	assert_in_range(
	    storefix_sql(db, "SELECT count(*) FROM trail"), 605, 621);
}

/* Noise of one kind does not push out what tells the story. */
static void
test_noise_keeps_the_rest(void **state)
{
	struct db *db = storefix_db(state);
	static const struct trail rows[] = {
		{ .enrollment_id = "e1", .serial = "S1", .step = "profile" },
		{ .enrollment_id = "e1",
		    .serial = "S1",
		    .step = "challenge",
		    .outcome = TRAIL_REFUSED,
		    .code = ERR_ATT_CHAIN },
		{ .enrollment_id = "e1",
		    .serial = "S1",
		    .step = "x",
		    .outcome = TRAIL_REFUSED,
		    .code = ERR_ATT_KEY },
		{ .serial = "S1",
		    .step = "profile",
		    .outcome = TRAIL_REFUSED,
		    .code = ERR_ENROLL_UNASSIGNED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		WRITE(db, trails_add(db, &rows[i]));
	add_many(db, 300, "e1", "S1");
	add_many(db, 300, NULL, "S1");
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM trail WHERE id <= 4"), 4);
}

static void
test_refusals(void **state)
{
	struct db *db = storefix_db(state);
	struct trail_list list;
	int64_t before;

	add_many(db, 3, "e1", "S1");
	WRITE(db,
	    trails_add(db,
		&(struct trail){ .serial = "S2",
		    .step = "enroll",
		    .code = ERR_NOMEM,
		    .outcome = TRAIL_FAILED }));
	WRITE(db,
	    trails_add(
		db, &(struct trail){ .serial = "S2", .step = "profile" }));
	assert_int_equal(trails_list_refusals(db, NULL, 0, 2, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].code, "NOMEM");
	before = list.rows[1].id;
	trails_list_release(&list);
	assert_int_equal(trails_list_refusals(db, "", before, 9, &list), OK);
	assert_int_equal(list.n, 2);
	trails_list_release(&list);
	assert_int_equal(trails_list_refusals(db, "malf", 0, 9, &list), OK);
	assert_int_equal(list.n, 3);
	trails_list_release(&list);
	assert_int_equal(trails_list_refusals(db, "s2", 0, 9, &list), OK);
	assert_int_equal(list.n, 1);
	trails_list_release(&list);
}

static void
test_long_texts_are_cut(void **state)
{
	struct db *db = storefix_db(state);
	struct trail_list list;
	char text[2001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	WRITE(db,
	    trails_add(db,
		&(struct trail){ .enrollment_id = "e1",
		    .serial = text,
		    .step = text,
		    .reason = text,
		    .remote_address = text }));
	assert_int_equal(trails_list_by_enrollment(db, "e1", &list), OK);
	assert_int_equal(strlen(list.rows[0].reason), 500);
	trails_list_release(&list);
}

static void
test_purge(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	add_many(db, 3, "e1", "S1");
	WRITE(db, trails_purge(db, now + 86400 * 179, 2, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, trails_purge(db, now + 86400 * 181, 2, &deleted));
	assert_int_equal(deleted, 2);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_add_and_list),
	STOREFIX_TEST(test_note_leaves_a_transaction_alone),
	STOREFIX_TEST(test_caps),
	STOREFIX_TEST(test_noise_keeps_the_rest),
	STOREFIX_TEST(test_refusals),
	STOREFIX_TEST(test_long_texts_are_cut),
	STOREFIX_TEST(test_purge),
};

STOREFIX_MAIN(tests)
