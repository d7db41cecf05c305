#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/attestations.h"

/* An enrollment with an account, and the order of it that is at hand. */
struct scene {
	struct db *db;
	struct enrollment e;
	struct account a;
	struct order o;
};

static void
begin(void **state, struct scene *s)
{
	s->db = storefix_db(state);
	storefix_enrollment(s->db, "S1", &s->e);
	storefix_account(s->db, &s->e, 1, &s->a);
	storefix_order(s->db, &s->a, &s->o);
}

static void
end(struct scene *s)
{
	accounts_release(&s->a);
}

static void
assert_states(struct scene *s, enum order_status order,
    enum authorization_status authorization, enum challenge_status challenge)
{
	struct order o;

	assert_int_equal(orders_load(s->db, s->e.id, s->a.id, s->o.id, &o), OK);
	assert_int_equal(o.status, order);
	assert_int_equal(o.authorization_status, authorization);
	assert_int_equal(o.challenge_status, challenge);
}

static void
test_create_and_load(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	assert_int_equal(strlen(s.o.token), SECRET_TOKEN_TEXT - 1);
	assert_int_equal(s.o.expires_at - s.o.created_at, 3600);
	assert_int_equal(orders_load(s.db, s.e.id, s.a.id, s.o.id, &o), OK);
	assert_memory_equal(&o, &s.o, sizeof o);
	assert_int_equal(orders_load_by_authorization(
			     s.db, s.e.id, s.a.id, s.o.authorization_id, &o),
	    OK);
	assert_string_equal(o.id, s.o.id);
	assert_int_equal(orders_load_by_challenge(
			     s.db, s.e.id, s.a.id, s.o.challenge_id, &o),
	    OK);
	assert_string_equal(o.id, s.o.id);
	end(&s);
}

static void
test_load_is_scoped(void **state)
{
	struct enrollment elsewhere;
	struct account other;
	struct scene s;
	struct order o;

	begin(state, &s);
	storefix_account(s.db, &s.e, 2, &other);
	storefix_enrollment(s.db, "S1", &elsewhere);
	assert_int_equal(
	    orders_load(s.db, s.e.id, other.id, s.o.id, &o), ERR_NOT_FOUND);
	assert_int_equal(
	    orders_load(s.db, elsewhere.id, s.a.id, s.o.id, &o), ERR_NOT_FOUND);
	assert_int_equal(orders_load_by_authorization(
			     s.db, s.e.id, other.id, s.o.authorization_id, &o),
	    ERR_NOT_FOUND);
	assert_int_equal(orders_load_by_challenge(
			     s.db, elsewhere.id, s.a.id, s.o.challenge_id, &o),
	    ERR_NOT_FOUND);
	/* the ids of the three resources are not each other's */
	assert_int_equal(
	    orders_load(s.db, s.e.id, s.a.id, s.o.challenge_id, &o),
	    ERR_NOT_FOUND);
	/* nor does a compare-and-set reach over */
	o = s.o;
	memcpy(o.account_id, other.id, sizeof other.id);
	REFUSE(s.db, ERR_CONFLICT, orders_challenge_valid(s.db, &o));
	accounts_release(&other);
	end(&s);
}

static void
test_cap_of_open_orders(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	for (int i = 1; i < ORDERS_OPEN_PER_ACCOUNT; i++)
		storefix_order(s.db, &s.a, &o);
	REFUSE(s.db, ERR_RATE_LIMITED, orders_create(s.db, &o, 60));
	/* one that is over makes room */
	WRITE(s.db, orders_challenge_invalid(s.db, &s.o, ERR_ATT_CHAIN));
	storefix_order(s.db, &s.a, &o);
	REFUSE(s.db, ERR_RATE_LIMITED, orders_create(s.db, &o, 60));
	clock_set_offset(3601);
	storefix_order(s.db, &s.a, &o);
	end(&s);
}

/*
 * fleet-49: One profile cannot fill the database, however often its orders
 * fail.
 */
static void
test_cap_of_all_orders(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	WRITE(s.db, orders_challenge_invalid(s.db, &s.o, ERR_ATT_CHAIN));
	for (int i = 1; i < ORDERS_PER_ENROLLMENT; i++) {
		storefix_order(s.db, &s.a, &o);
		WRITE(s.db, orders_challenge_invalid(s.db, &o, ERR_ATT_CHAIN));
	}
	REFUSE(s.db, ERR_RATE_LIMITED, orders_create(s.db, &o, 60));
	end(&s);
}

static void
test_dead_account_orders_nothing(void **state)
{
	struct enrollment elsewhere;
	struct scene s;
	struct order o;

	begin(state, &s);
	o = s.o;
	storefix_enrollment(s.db, "S1", &elsewhere);
	memcpy(o.enrollment_id, elsewhere.id, sizeof elsewhere.id);
	REFUSE(s.db, ERR_ACCOUNT_DEAD, orders_create(s.db, &o, 60));
	WRITE(s.db, accounts_deactivate(s.db, s.e.id, s.a.id));
	REFUSE(s.db, ERR_ACCOUNT_DEAD, orders_create(s.db, &s.o, 60));
	end(&s);
}

static void
test_the_straight_way(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	REFUSE(s.db, ERR_CONFLICT, orders_finalize(s.db, &s.o, "cert"));
	WRITE(s.db, orders_challenge_valid(s.db, &s.o));
	assert_states(&s, ORDER_READY, AUTHORIZATION_VALID, CHALLENGE_VALID);
	REFUSE(s.db, ERR_CONFLICT, orders_challenge_valid(s.db, &s.o));
	REFUSE(s.db, ERR_CONFLICT,
	    orders_challenge_invalid(s.db, &s.o, ERR_ATT_CHAIN));
	WRITE(s.db, orders_finalize(s.db, &s.o, "cert"));
	assert_states(&s, ORDER_VALID, AUTHORIZATION_VALID, CHALLENGE_VALID);
	REFUSE(s.db, ERR_CONFLICT, orders_finalize(s.db, &s.o, "cert2"));
	REFUSE(s.db, ERR_CONFLICT, orders_invalidate(s.db, &s.o, ERR_CSR_KEY));
	assert_int_equal(orders_load(s.db, s.e.id, s.a.id, s.o.id, &o), OK);
	assert_string_equal(o.certificate_id, "cert");
	assert_int_not_equal(o.validated_at, 0);
	end(&s);
}

static void
test_failed_challenge_ends_all_three(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	WRITE(s.db, orders_challenge_invalid(s.db, &s.o, ERR_ATT_FRESHNESS));
	assert_states(
	    &s, ORDER_INVALID, AUTHORIZATION_INVALID, CHALLENGE_INVALID);
	REFUSE(s.db, ERR_CONFLICT, orders_challenge_valid(s.db, &s.o));
	assert_int_equal(orders_load(s.db, s.e.id, s.a.id, s.o.id, &o), OK);
	assert_int_equal(o.error, ERR_ATT_FRESHNESS);
	end(&s);
}

static void
test_expired_is_not_changed(void **state)
{
	struct scene s;
	struct order ready;

	begin(state, &s);
	storefix_order(s.db, &s.a, &ready);
	WRITE(s.db, orders_challenge_valid(s.db, &ready));
	clock_set_offset(3601);
	REFUSE(s.db, ERR_CONFLICT, orders_challenge_valid(s.db, &s.o));
	REFUSE(s.db, ERR_CONFLICT, orders_finalize(s.db, &ready, "cert"));
	end(&s);
}

static void
test_dead_account_gets_nothing(void **state)
{
	struct scene s;
	struct order ready;

	begin(state, &s);
	storefix_order(s.db, &s.a, &ready);
	WRITE(s.db, orders_challenge_valid(s.db, &ready));
	WRITE(s.db, storefix_sql(s.db, "UPDATE accounts SET status='revoked'"));
	REFUSE(s.db, ERR_CONFLICT, orders_challenge_valid(s.db, &s.o));
	REFUSE(s.db, ERR_CONFLICT, orders_finalize(s.db, &ready, "cert"));
	end(&s);
}

static void
test_deactivated_authorization(void **state)
{
	struct scene s;
	struct order done;

	begin(state, &s);
	WRITE(s.db, orders_challenge_valid(s.db, &s.o));
	WRITE(s.db, orders_authorization_deactivate(s.db, &s.o));
	assert_states(
	    &s, ORDER_INVALID, AUTHORIZATION_DEACTIVATED, CHALLENGE_VALID);
	REFUSE(s.db, ERR_CONFLICT, orders_authorization_deactivate(s.db, &s.o));
	REFUSE(s.db, ERR_CONFLICT, orders_finalize(s.db, &s.o, "cert"));
	/* what was issued stays issued */
	storefix_order(s.db, &s.a, &done);
	WRITE(s.db, orders_challenge_valid(s.db, &done));
	WRITE(s.db, orders_finalize(s.db, &done, "cert"));
	WRITE(s.db, orders_authorization_deactivate(s.db, &done));
	s.o = done;
	assert_states(
	    &s, ORDER_VALID, AUTHORIZATION_DEACTIVATED, CHALLENGE_VALID);
	end(&s);
}

static void
test_bad_requests_are_counted(void **state)
{
	struct scene s;
	struct order o;
	bool dead;

	begin(state, &s);
	REFUSE(s.db, ERR_CONFLICT, orders_bad_csr(s.db, &s.o, &dead));
	WRITE(s.db, orders_challenge_valid(s.db, &s.o));
	for (int i = 1; i <= ORDERS_BAD_CSRS; i++) {
		WRITE(s.db, orders_bad_csr(s.db, &s.o, &dead));
		assert_int_equal(dead, i == ORDERS_BAD_CSRS);
	}
	assert_int_equal(orders_load(s.db, s.e.id, s.a.id, s.o.id, &o), OK);
	assert_int_equal(o.status, ORDER_INVALID);
	assert_int_equal(o.error, ERR_BAD_CSR);
	REFUSE(s.db, ERR_CONFLICT, orders_bad_csr(s.db, &s.o, &dead));
	assert_false(dead);
	end(&s);
}

static void
test_invalidate_at_once(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	REFUSE(s.db, ERR_CONFLICT, orders_invalidate(s.db, &s.o, ERR_CSR_KEY));
	WRITE(s.db, orders_challenge_valid(s.db, &s.o));
	WRITE(s.db, orders_invalidate(s.db, &s.o, ERR_CSR_KEY));
	REFUSE(s.db, ERR_CONFLICT, orders_finalize(s.db, &s.o, "cert"));
	assert_int_equal(orders_load(s.db, s.e.id, s.a.id, s.o.id, &o), OK);
	assert_int_equal(o.error, ERR_CSR_KEY);
	end(&s);
}

static void
test_replaces_once(void **state)
{
	struct order first, second;
	struct scene s;

	begin(state, &s);
	first = s.o;
	first.has_replaces = true;
	memset(first.replaces, 7, sizeof first.replaces);
	second = first;
	WRITE(s.db, orders_create(s.db, &first, 3600));
	REFUSE(s.db, ERR_ALREADY_REPLACED, orders_create(s.db, &second, 3600));
	/* a failed successor gives the place back */
	WRITE(s.db, orders_challenge_invalid(s.db, &first, ERR_ATT_CHAIN));
	WRITE(s.db, orders_create(s.db, &second, 3600));
	WRITE(s.db, orders_challenge_valid(s.db, &second));
	WRITE(s.db, orders_finalize(s.db, &second, "cert"));
	clock_set_offset(7200);
	REFUSE(s.db, ERR_ALREADY_REPLACED, orders_create(s.db, &first, 3600));
	end(&s);
}

static void
test_list_leaves_out_the_dead(void **state)
{
	struct order_list list;
	struct order o[3];
	struct scene s;

	begin(state, &s);
	WRITE(s.db, orders_challenge_invalid(s.db, &s.o, ERR_ATT_CHAIN));
	for (int i = 0; i < 3; i++)
		storefix_order(s.db, &s.a, &o[i]);
	assert_int_equal(orders_list(s.db, s.e.id, s.a.id, 0, 2, &list), OK);
	assert_int_equal(list.n, 2);
	assert_true(list.more);
	orders_list_release(&list);
	assert_int_equal(orders_list(s.db, s.e.id, s.a.id, 2, 2, &list), OK);
	assert_int_equal(list.n, 1);
	assert_false(list.more);
	orders_list_release(&list);
	assert_int_equal(orders_list_by_enrollment(s.db, s.e.id, &list), OK);
	assert_int_equal(list.n, 4);
	orders_list_release(&list);
	WRITE(s.db, orders_challenge_valid(s.db, &o[0]));
	WRITE(s.db, orders_finalize(s.db, &o[0], "cert"));
	clock_set_offset(3601);
	assert_int_equal(orders_list(s.db, s.e.id, s.a.id, 0, 9, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].id, o[0].id);
	orders_list_release(&list);
	end(&s);
}

/* Half of the racers want it valid, half invalid: one gets its will. */
static int
answer_challenge(struct db *db, int number, void *arg)
{
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = number % 2 == 0
	    ? orders_challenge_valid(db, arg)
	    : orders_challenge_invalid(db, arg, ERR_ATT_CHAIN);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_CONFLICT ? 1 : 2;
}

static int
finalize(struct db *db, int number, void *arg)
{
	char id[2] = { (char)('a' + number), '\0' };
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = orders_finalize(db, arg, id);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_CONFLICT ? 1 : 2;
}

static void
test_races_have_one_winner(void **state)
{
	struct scene s;
	struct order o;

	begin(state, &s);
	storefix_order(s.db, &s.a, &o);
	WRITE(s.db, orders_challenge_valid(s.db, &o));
	assert_int_equal(storefix_race(state, 8, answer_challenge, &s.o), 1);
	assert_int_equal(storefix_race(state, 8, finalize, &o), 1);
	end(&s);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_and_load),
	STOREFIX_TEST(test_load_is_scoped),
	STOREFIX_TEST(test_cap_of_open_orders),
	STOREFIX_TEST(test_cap_of_all_orders),
	STOREFIX_TEST(test_dead_account_orders_nothing),
	STOREFIX_TEST(test_the_straight_way),
	STOREFIX_TEST(test_failed_challenge_ends_all_three),
	STOREFIX_TEST(test_expired_is_not_changed),
	STOREFIX_TEST(test_dead_account_gets_nothing),
	STOREFIX_TEST(test_deactivated_authorization),
	STOREFIX_TEST(test_bad_requests_are_counted),
	STOREFIX_TEST(test_invalidate_at_once),
	STOREFIX_TEST(test_replaces_once),
	STOREFIX_TEST(test_list_leaves_out_the_dead),
	STOREFIX_TEST(test_races_have_one_winner),
};

STOREFIX_MAIN(tests)
