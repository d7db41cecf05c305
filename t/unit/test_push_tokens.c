/* store/pushes: tokens that Apple calls dead. */
#include "unit/pushfix.h"

#include "base/clock.h"
#include "store/push_certificate.h"

/* mdm-97, mdm-98 */
static void
test_dead_token(void **state)
{
	struct pushfix f = pushfix_queued(state);

	assert_true(pushfix_take(&f));
	pushfix_store_dead(&f, 0);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, clock_now());
	assert_int_equal(f.push.last_status, 410);
	assert_string_equal(f.push.last_reason, "Unregistered");
	pushfix_queue(&f, "B");
	assert_int_equal(pushfix_due(&f), -1);
	/* the host stays as it is, and the next token revives it */
	assert_int_equal(hosts_load(f.db, f.host.id, &f.host), OK);
	assert_int_equal(f.host.state, HOST_ENROLLED);
	assert_true(f.host.push_token_len > 0);
	clock_set_offset(10);
	pushfix_token_update(&f, "token");
	assert_int_equal(pushfix_due(&f), 0);
	assert_true(pushfix_take(&f));
	assert_int_equal(f.push.dead_at, 0);
	clock_set_offset(0);
}

/* Apple may be wrong: a dead token is tried weekly, and on an import. */
static void
test_dead_token_again(void **state)
{
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } };
	struct pushfix f = pushfix_queued(state);
	int64_t died;

	assert_true(pushfix_take(&f));
	pushfix_store_dead(&f, 0);
	died = clock_now();
	clock_set_offset(7 * DAY);
	WRITE(f.db, hosts_seen(f.db, f.host.id));
	assert_int_equal(pushfix_want_silent(&f), 0);
	clock_set_offset(7 * DAY + 1);
	assert_int_equal(pushfix_want_silent(&f), 1);
	assert_true(pushfix_take(&f));
	pushfix_store_dead(&f, 0);
	assert_int_equal(pushfix_due(&f), -1);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, died);
	assert_int_equal(pushfix_want_silent(&f), 0);
	/* on an import, also when no command waits any more */
	storefix_change(f.db, "UPDATE commands SET state = 'acknowledged'");
	WRITE(f.db, push_certificate_store(f.db, &in));
	pushfix_send(&f, PUSH_FAILED);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, died);
	clock_set_offset(7 * DAY + 100);
	pushfix_send(&f, PUSH_ACCEPTED);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, 0);
	clock_set_offset(0);
}

/* mdm-97: what Apple says of a time before our token is about another. */
static void
test_dead_before_token(void **state)
{
	struct pushfix f = pushfix_host(state);

	clock_set_offset(100);
	pushfix_token_update(&f, "new");
	pushfix_queue(&f, "A");
	assert_true(pushfix_take(&f));
	pushfix_store_dead(&f, (clock_now() - 1) * 1000 + 999);
	assert_in_range(pushfix_due(&f), 24, 36);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, 0);
	clock_set_offset(200);
	assert_true(pushfix_take(&f));
	pushfix_store_dead(&f, (clock_now() - 100) * 1000);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, clock_now());
	clock_set_offset(0);
}

/* The answer is about the token that was pushed to. */
static void
test_token_changes_meanwhile(void **state)
{
	struct pushfix f = pushfix_queued(state);

	assert_true(pushfix_take(&f));
	pushfix_token_update(&f, "another");
	pushfix_store_dead(&f, 0);
	pushfix_load(&f);
	assert_int_equal(f.push.dead_at, 0);
	assert_true(f.push.due_at != 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_dead_token),
	STOREFIX_TEST(test_dead_token_again),
	STOREFIX_TEST(test_dead_before_token),
	STOREFIX_TEST(test_token_changes_meanwhile),
};

STOREFIX_MAIN(tests)
