#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static void
test_create_once_per_key(void **state)
{
	struct db *db = storefix_db(state);
	struct account in = { .jwk = "{\"kty\":\"OKP\"}",
		.thumbprint = "t1",
		.contact = "[\"mailto:a@b\"]",
		.terms_agreed = true };
	struct account out, again;
	struct enrollment e;
	bool created;

	storefix_enrollment(db, "S1", &e);
	memcpy(in.enrollment_id, e.id, sizeof e.id);
	WRITE(db, accounts_create(db, &in, &out, &created));
	assert_true(created);
	assert_int_equal(out.status, ACCOUNT_VALID);
	assert_string_equal(out.jwk, in.jwk);
	assert_string_equal(out.contact, in.contact);
	assert_true(out.terms_agreed);
	in.contact = "[]";
	WRITE(db, accounts_create(db, &in, &again, &created));
	assert_false(created);
	assert_string_equal(again.id, out.id);
	assert_string_equal(again.contact, "[\"mailto:a@b\"]");
	accounts_release(&again);
	accounts_release(&out);
	assert_null(out.memory);
}

/* fleet-38, fleet-39 */
static void
test_cap_per_enrollment(void **state)
{
	struct db *db = storefix_db(state);
	struct account a, in = { .jwk = "{}", .thumbprint = "another" };
	struct enrollment e, other;
	char last[DB_ID_TEXT];
	bool created;
	int n;

	storefix_enrollment(db, "S1", &e);
	storefix_enrollment(db, "S1", &other);
	for (int i = 0; i < ACCOUNTS_PER_ENROLLMENT; i++) {
		storefix_account(db, &e, i, &a);
		memcpy(last, a.id, sizeof last);
		accounts_release(&a);
	}
	/* one that is dead still counts */
	WRITE(db, accounts_deactivate(db, e.id, last));
	memcpy(in.enrollment_id, e.id, sizeof e.id);
	REFUSE(db, ERR_RATE_LIMITED, accounts_create(db, &in, &a, &created));
	assert_false(created);
	assert_int_equal(accounts_count(db, e.id, &n), OK);
	assert_int_equal(n, ACCOUNTS_PER_ENROLLMENT);
	/* a key that is there already is still found */
	storefix_account(db, &e, 3, &a);
	accounts_release(&a);
	storefix_account(db, &other, 3, &a);
	accounts_release(&a);
}

static int
create(struct db *db, int number, void *arg)
{
	struct account out, in = { .jwk = "{}" };
	bool created;
	int code;

	memcpy(in.enrollment_id, arg, sizeof in.enrollment_id);
	snprintf(in.thumbprint, sizeof in.thumbprint, "key %d", number);
	if (db_begin(db) != OK)
		return 2;
	code = accounts_create(db, &in, &out, &created);
	accounts_release(&out);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_RATE_LIMITED ? 1 : 2;
}

/* fleet-42 */
static void
test_cap_holds_in_a_race(void **state)
{
	struct enrollment e;

	storefix_enrollment(storefix_db(state), "S1", &e);
	assert_int_equal(
	    storefix_race(state, 14, create, e.id), ACCOUNTS_PER_ENROLLMENT);
}

static void
test_load_is_scoped(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e, other;
	struct account a, out;
	bool known;

	storefix_enrollment(db, "S1", &e);
	storefix_enrollment(db, "S1", &other);
	storefix_account(db, &e, 1, &a);
	assert_int_equal(
	    accounts_load(db, other.id, a.id, &out), ERR_NOT_FOUND);
	assert_int_equal(
	    accounts_load_by_thumbprint(db, other.id, a.thumbprint, &out),
	    ERR_NOT_FOUND);
	assert_int_equal(accounts_load(db, e.id, a.id, &out), OK);
	accounts_release(&out);
	REFUSE(
	    db, ERR_CONFLICT, accounts_set_contact(db, other.id, a.id, "[]"));
	REFUSE(db, ERR_CONFLICT, accounts_deactivate(db, other.id, a.id));
	assert_int_equal(
	    accounts_thumbprint_known(db, a.thumbprint, &known), OK);
	assert_true(known);
	assert_int_equal(accounts_thumbprint_known(db, "x", &known), OK);
	assert_false(known);
	accounts_release(&a);
}

static void
test_deactivated_is_dead(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e;
	struct account a, out;
	struct order pending, ready, done, o;
	char other[DB_ID_TEXT];

	storefix_enrollment(db, "S1", &e);
	storefix_account(db, &e, 1, &a);
	storefix_order(db, &a, &pending);
	storefix_order(db, &a, &ready);
	WRITE(db, orders_challenge_valid(db, &ready));
	storefix_order(db, &a, &done);
	WRITE(db, orders_challenge_valid(db, &done));
	WRITE(db, orders_finalize(db, &done, "cert"));
	WRITE(db, accounts_set_contact(db, e.id, a.id, "[1]"));
	WRITE(db, accounts_deactivate(db, e.id, a.id));
	assert_int_equal(accounts_load(db, e.id, a.id, &out), OK);
	assert_int_equal(out.status, ACCOUNT_DEACTIVATED);
	assert_string_equal(out.contact, "[1]");
	accounts_release(&out);
	assert_int_equal(orders_load(db, e.id, a.id, pending.id, &o), OK);
	assert_int_equal(o.status, ORDER_INVALID);
	assert_int_equal(o.authorization_status, AUTHORIZATION_DEACTIVATED);
	assert_int_equal(orders_load(db, e.id, a.id, ready.id, &o), OK);
	assert_int_equal(o.status, ORDER_INVALID);
	assert_int_equal(orders_load(db, e.id, a.id, done.id, &o), OK);
	assert_int_equal(o.status, ORDER_VALID);
	REFUSE(db, ERR_CONFLICT, accounts_deactivate(db, e.id, a.id));
	REFUSE(db, ERR_CONFLICT, accounts_set_contact(db, e.id, a.id, "[]"));
	REFUSE(db, ERR_CONFLICT,
	    accounts_change_key(
		db, e.id, a.id, a.thumbprint, "new", "{}", other));
	accounts_release(&a);
}

static void
test_change_key(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e;
	struct account a, b, out;
	char other[DB_ID_TEXT];

	storefix_enrollment(db, "S1", &e);
	storefix_account(db, &e, 1, &a);
	storefix_account(db, &e, 2, &b);
	REFUSE(db, ERR_KEY_IN_USE,
	    accounts_change_key(
		db, e.id, a.id, a.thumbprint, b.thumbprint, "{}", other));
	assert_string_equal(other, b.id);
	REFUSE(db, ERR_CONFLICT,
	    accounts_change_key(db, e.id, a.id, "stale", "new", "{}", other));
	assert_string_equal(other, "");
	WRITE(db,
	    accounts_change_key(
		db, e.id, a.id, a.thumbprint, "new", "{\"x\":1}", other));
	assert_int_equal(
	    accounts_load_by_thumbprint(db, e.id, "new", &out), OK);
	assert_string_equal(out.id, a.id);
	assert_string_equal(out.jwk, "{\"x\":1}");
	accounts_release(&out);
	assert_int_equal(
	    accounts_load_by_thumbprint(db, e.id, a.thumbprint, &out),
	    ERR_NOT_FOUND);
	accounts_release(&a);
	accounts_release(&b);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_once_per_key),
	STOREFIX_TEST(test_cap_per_enrollment),
	STOREFIX_TEST(test_cap_holds_in_a_race),
	STOREFIX_TEST(test_load_is_scoped),
	STOREFIX_TEST(test_deactivated_is_dead),
	STOREFIX_TEST(test_change_key),
};

STOREFIX_MAIN(tests)
