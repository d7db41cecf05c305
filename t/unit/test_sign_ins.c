#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/sign_ins.h"

static const struct sign_in_try TRY = { "state", "nonce", "verifier" };

static void
make(struct db *db, uint8_t signer, struct sign_in *s,
    char cookie[SIGN_INS_VALUE_TEXT])
{
	*s = (struct sign_in){ .serial = "C02X",
		.machineinfo = blob_str("information") };
	memset(s->signer_sha256, signer, sizeof s->signer_sha256);
	WRITE(db, sign_ins_create(db, s, cookie));
}

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[SIGN_INS_VALUE_TEXT];
	struct sign_in s, out;

	make(db, 1, &s, cookie);
	assert_int_equal(sign_ins_load(db, cookie, &out), OK);
	assert_string_equal(out.id, s.id);
	assert_string_equal(out.serial, "C02X");
	assert_true(blob_eq_str(out.machineinfo, "information"));
	assert_int_equal(out.tries, 0);
	assert_int_equal(out.expires_at, clock_now() + SIGN_INS_LIFE);
	sign_ins_release(&out);
	assert_int_equal(sign_ins_load(db, s.id, &out), ERR_NOT_FOUND);
	assert_int_equal(sign_ins_load(db, "", &out), ERR_NOT_FOUND);
	assert_null(out.memory);
}

/* A try gives a new cookie; its state works once, and only with that. */
static void
test_try(void **state)
{
	struct db *db = storefix_db(state);
	char first[SIGN_INS_VALUE_TEXT], cookie[SIGN_INS_VALUE_TEXT];
	struct sign_in s, out;

	make(db, 1, &s, first);
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, first, "", &out));
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, first, "state", &out));
	WRITE(db, sign_ins_try(db, s.id, &TRY, cookie));
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, first, "state", &out));
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, cookie, "States", &out));
	WRITE(db, sign_ins_take(db, cookie, "state", &out));
	assert_string_equal(out.nonce, "nonce");
	assert_string_equal(out.verifier, "verifier");
	assert_int_equal(out.tries, 1);
	sign_ins_release(&out);
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, cookie, "state", &out));
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM sign_ins WHERE nonce = ''"
			     " AND verifier = '' AND state_sha256 IS NULL"),
	    1);
	/* it can be tried again */
	WRITE(db, sign_ins_try(db, s.id, &TRY, cookie));
	WRITE(db, sign_ins_take(db, cookie, "state", &out));
	sign_ins_release(&out);
	WRITE(db, sign_ins_end(db, s.id));
	REFUSE(db, ERR_CONFLICT, sign_ins_try(db, s.id, &TRY, cookie));
}

/* The second tab's try takes the place of the first one's. */
static void
test_tabs(void **state)
{
	static const struct sign_in_try other = { "other", "n", "v" };
	struct db *db = storefix_db(state);
	char first[SIGN_INS_VALUE_TEXT], second[SIGN_INS_VALUE_TEXT];
	struct sign_in s, out;

	make(db, 1, &s, first);
	WRITE(db, sign_ins_try(db, s.id, &TRY, first));
	WRITE(db, sign_ins_try(db, s.id, &other, second));
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, first, "state", &out));
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, second, "state", &out));
	WRITE(db, sign_ins_take(db, second, "other", &out));
	sign_ins_release(&out);
}

static void
test_limits(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[SIGN_INS_VALUE_TEXT];
	struct sign_in s, out;
	int deleted;

	make(db, 1, &s, cookie);
	for (int i = 0; i < SIGN_INS_TRIES; i++)
		WRITE(db, sign_ins_try(db, s.id, &TRY, cookie));
	REFUSE(db, ERR_CONFLICT, sign_ins_try(db, s.id, &TRY, cookie));
	/* to open the page again helps after a minute alone */
	make(db, 1, &s, cookie);
	assert_int_equal(s.tries, SIGN_INS_TRIES);
	REFUSE(db, ERR_CONFLICT, sign_ins_try(db, s.id, &TRY, cookie));
	clock_set_offset(SIGN_INS_TRIES_SECONDS);
	make(db, 1, &s, cookie);
	assert_int_equal(s.tries, 0);
	clock_set_offset(0);
	make(db, 2, &s, cookie);
	WRITE(db, sign_ins_try(db, s.id, &TRY, cookie));
	clock_set_offset(SIGN_INS_LIFE);
	assert_int_equal(sign_ins_load(db, cookie, &out), ERR_NOT_FOUND);
	REFUSE(db, ERR_NOT_FOUND, sign_ins_take(db, cookie, "state", &out));
	REFUSE(db, ERR_CONFLICT, sign_ins_try(db, s.id, &TRY, cookie));
	WRITE(db, sign_ins_purge(db, clock_now(), 1, &deleted));
	assert_int_equal(deleted, 1);
	WRITE(db, sign_ins_purge(db, clock_now(), 10, &deleted));
	assert_int_equal(deleted, 2);
	clock_set_offset(0);
}

/* One device key pushes out its own rows; all together the oldest. */
static void
test_room(void **state)
{
	struct db *db = storefix_db(state);
	char cookie[SIGN_INS_VALUE_TEXT], other[SIGN_INS_VALUE_TEXT];
	struct sign_in s, out;

	make(db, 9, &s, other);
	for (int i = 0; i < SIGN_INS_PER_SIGNER + 3; i++)
		make(db, 1, &s, cookie);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM sign_ins"),
	    SIGN_INS_PER_SIGNER + 1);
	assert_int_equal(sign_ins_load(db, cookie, &out), OK);
	sign_ins_release(&out);
	assert_int_equal(sign_ins_load(db, other, &out), OK);
	sign_ins_release(&out);
	clock_set_offset(1);
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < SIGN_INS_MAX; i++) {
		s = (struct sign_in){ .machineinfo = blob_str("x") };
		memcpy(s.signer_sha256, &i, sizeof i);
		s.signer_sha256[31] = 7;
		assert_int_equal(sign_ins_create(db, &s, cookie), OK);
	}
	assert_int_equal(db_commit(db), OK);
	clock_set_offset(0);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM sign_ins"), SIGN_INS_MAX);
	assert_int_equal(sign_ins_load(db, other, &out), ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_create_and_load),
		STOREFIX_TEST(test_try),
		STOREFIX_TEST(test_tabs),
		STOREFIX_TEST(test_limits),
		STOREFIX_TEST(test_room),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sign_ins", tests, NULL, NULL);
}
