#include "storefix.h"

#include "base/log.h"
#include "store/context.h"
#include "store/events.h"

static struct context
context_of(struct db *db)
{
	return (struct context){ .db = db,
		.remote_address = "192.0.2.1",
		.step = "order",
		.serial = "C02TEST00001" };
}

/* Checks that there are n events, the newest with this outcome and reason. */
static void
assert_events(
    struct db *db, size_t n, enum event_outcome outcome, const char *reason)
{
	struct event_list list;

	assert_int_equal(
	    events_list_by_serial(db, "C02TEST00001", 10, &list), OK);
	assert_int_equal(list.n, n);
	assert_string_equal(list.rows[0].step, "order");
	assert_string_equal(list.rows[0].remote_address, "192.0.2.1");
	assert_int_equal(list.rows[0].outcome, outcome);
	assert_string_equal(list.rows[0].reason, reason);
	events_list_release(&list);
}

static void
test_success_is_logged_in_the_transaction(void **state)
{
	struct db *db = storefix_db(state);
	struct context c = context_of(db);

	assert_int_equal(context_begin(&c), OK);
	assert_int_equal(context_log(&c, OK, "made"), OK);
	assert_int_equal(context_end(&c, OK), OK);
	assert_events(db, 1, EVENT_OK, "made");
}

static void
test_refusal_undoes_the_transaction(void **state)
{
	struct db *db = storefix_db(state);
	struct context c = context_of(db);
	int r = fail(ERR_UNAUTHORIZED, "not yours");

	assert_int_equal(context_begin(&c), OK);
	assert_int_equal(context_log(&c, OK, "made"), OK);
	assert_int_equal(context_refuse(&c, r), ERR_UNAUTHORIZED);
	assert_false(db_in_transaction(db));
	assert_events(db, 1, EVENT_REFUSED, "not yours");
}

static void
test_refusal_is_logged_once(void **state)
{
	struct db *db = storefix_db(state);
	struct context c = context_of(db);
	int r = fail(ERR_BAD_CSR, "no key");

	assert_int_equal(context_begin(&c), OK);
	assert_int_equal(context_log(&c, r, "no key"), OK);
	assert_int_equal(context_end(&c, OK), OK);
	assert_int_equal(context_refuse(&c, r), ERR_BAD_CSR);
	assert_events(db, 1, EVENT_REFUSED, "no key");
	/* but again when the transaction that logged it failed */
	assert_int_equal(context_begin(&c), OK);
	assert_int_equal(context_log(&c, r, "no key"), OK);
	assert_int_equal(context_end(&c, ERR_CONFLICT), ERR_CONFLICT);
	assert_int_equal(context_refuse(&c, r), ERR_BAD_CSR);
	assert_events(db, 2, EVENT_REFUSED, "no key");
}

static void
test_a_busy_database_is_left_alone(void **state)
{
	struct db *db = storefix_db(state);
	struct context c = context_of(db);
	struct event_list list;

	assert_int_equal(context_refuse(&c, ERR_BUSY), ERR_BUSY);
	assert_int_equal(
	    events_list_by_serial(db, "C02TEST00001", 10, &list), OK);
	assert_int_equal(list.n, 0);
	events_list_release(&list);
}

static void
test_an_alarm_that_fails_leaves_the_event(void **state)
{
	struct db *db = storefix_db(state);
	struct context c = context_of(db);
	int r = fail(ERR_ENROLL_DOWNGRADE, "no Secure Enclave");

	storefix_sql(db, "DROP TABLE alarms");
	assert_int_equal(context_refuse(&c, r), ERR_ENROLL_DOWNGRADE);
	assert_events(db, 1, EVENT_REFUSED, "no Secure Enclave");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_success_is_logged_in_the_transaction),
	STOREFIX_TEST(test_refusal_undoes_the_transaction),
	STOREFIX_TEST(test_refusal_is_logged_once),
	STOREFIX_TEST(test_a_busy_database_is_left_alone),
	STOREFIX_TEST(test_an_alarm_that_fails_leaves_the_event),
};

STOREFIX_MAIN(tests)
