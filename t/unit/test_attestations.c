#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/attestations.h"

static void
fill(
    struct db *db, const char *serial, uint8_t key, struct attestation_row *out)
{
	struct enrollment e;
	struct account a;
	struct order o;

	storefix_enrollment(db, serial, &e);
	storefix_account(db, &e, 1, &a);
	storefix_order(db, &a, &o);
	accounts_release(&a);
	*out = (struct attestation_row){ .udid = "U",
		.leaf_not_before = 1,
		.spki = blob_str("spki"),
		.leaf = blob_str("leaf"),
		.leaf_not_after = 2,
		.os_version = "15.1",
		.sip = "enabled",
		.kernel_extensions = "none",
		.spki_sha256 = { key } };
	memcpy(out->order_id, o.id, sizeof o.id);
	memcpy(out->enrollment_id, e.id, sizeof e.id);
	memcpy(out->serial, e.device.serial, sizeof e.device.serial);
}

static void
test_insert_and_load(void **state)
{
	struct db *db = storefix_db(state);
	struct attestation_row a, out;
	bool known;

	fill(db, "S1", 1, &a);
	assert_int_equal(
	    attestations_spki_known(db, a.spki_sha256, &known), OK);
	assert_false(known);
	WRITE(db, attestations_insert(db, &a));
	assert_int_equal(
	    attestations_spki_known(db, a.spki_sha256, &known), OK);
	assert_true(known);
	assert_int_equal(attestations_load_by_order(db, a.order_id, &out), OK);
	assert_true(blob_eq_str(out.spki, "spki"));
	assert_true(blob_eq_str(out.leaf, "leaf"));
	assert_string_equal(out.os_version, "15.1");
	assert_int_not_equal(out.verified_at, 0);
	attestations_release(&out);
	assert_int_equal(
	    attestations_load_by_order(db, "x", &out), ERR_NOT_FOUND);
	assert_null(out.memory);
}

static void
test_a_key_is_attested_once(void **state)
{
	struct db *db = storefix_db(state);
	struct attestation_row a, b, again;

	fill(db, "S1", 1, &a);
	fill(db, "S2", 1, &b);
	WRITE(db, attestations_insert(db, &a));
	REFUSE(db, ERR_ATT_KEY_REUSE, attestations_insert(db, &b));
	again = a;
	again.spki_sha256[0] = 9;
	REFUSE(db, ERR_CONFLICT, attestations_insert(db, &again));
}

static int
attest(struct db *db, int number, void *arg)
{
	struct attestation_row *rows = arg;
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = attestations_insert(db, &rows[number]);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_ATT_KEY_REUSE ? 1 : 2;
}

static void
test_one_of_eight_gets_the_key(void **state)
{
	struct attestation_row rows[8];

	for (int i = 0; i < 8; i++)
		fill(storefix_db(state), "S1", 1, &rows[i]);
	assert_int_equal(storefix_race(state, 8, attest, rows), 1);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_insert_and_load),
	STOREFIX_TEST(test_a_key_is_attested_once),
	STOREFIX_TEST(test_one_of_eight_gets_the_key),
};

STOREFIX_MAIN(tests)
