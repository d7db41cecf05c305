/* store/pushes: when a host gets its next push. */
#include "unit/pushfix.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/commands.h"
#include "store/push_certificate.h"

static void
answer(struct pushfix *f, const char *uuid, enum command_state state)
{
	struct command_result result = {
		.host_id = f->host.id, .uuid = uuid, .state = state
	};
	struct command c;

	assert_int_equal(commands_load(f->db, f->host.id, uuid, &c), OK);
	WRITE(f->db, commands_mark_sent(f->db, &c));
	commands_release(&c);
	WRITE(f->db, commands_store_result(f->db, &result));
}

/* After each accepted push the next is later, while the command waits. */
static void
test_by_age(void **state)
{
	static const int ages[] = { 5 * MINUTE, HOUR, 6 * HOUR, DAY, DAY };
	struct pushfix f = pushfix_host(state);
	int64_t at = 0;

	assert_int_equal(pushfix_due(&f), -1);
	assert_false(pushfix_take(&f));
	pushfix_queue(&f, "A");
	assert_int_equal(pushfix_due(&f), 0);
	for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
		assert_true(pushfix_take(&f));
		assert_string_equal(f.push.serial, "S1");
		assert_false(pushfix_take(&f));
		pushfix_store(&f, PUSH_ACCEPTED);
		assert_int_equal(pushfix_due(&f), ages[i]);
		clock_set_offset(at += ages[i] - 1);
		assert_false(pushfix_take(&f));
		clock_set_offset(++at);
	}
	/* a new command starts over */
	pushfix_queue(&f, "B");
	pushfix_send(&f, PUSH_ACCEPTED);
	assert_int_equal(pushfix_due(&f), 5 * MINUTE);
	clock_set_offset(0);
}

static void
test_within_seconds_one(void **state)
{
	struct pushfix f = pushfix_queued(state);

	pushfix_queue(&f, "B");
	pushfix_send(&f, PUSH_ACCEPTED);
	clock_set_offset(2);
	pushfix_queue(&f, "C");
	pushfix_queue(&f, "D");
	assert_int_equal(pushfix_due(&f), PUSHES_APART - 2);
	assert_false(pushfix_take(&f));
	clock_set_offset(PUSHES_APART);
	pushfix_send(&f, PUSH_ACCEPTED);
	assert_int_equal(pushfix_due(&f), 5 * MINUTE);
	clock_set_offset(0);
}

/* A command that comes while the push is on its way needs another one. */
static void
test_queued_meanwhile(void **state)
{
	struct pushfix f = pushfix_queued(state);

	assert_true(pushfix_take(&f));
	pushfix_queue(&f, "B");
	pushfix_store(&f, PUSH_ACCEPTED);
	assert_int_equal(pushfix_due(&f), PUSHES_APART);
	/* not while Apple wants a pause, however */
	clock_set_offset(PUSHES_APART);
	assert_true(pushfix_take(&f));
	pushfix_queue(&f, "C");
	pushfix_store(&f, PUSH_FAILED);
	assert_in_range(pushfix_due(&f), 24, 36);
	pushfix_queue(&f, "D");
	assert_in_range(pushfix_due(&f), 24, 36);
	clock_set_offset(0);
}

/* Who took it died: it is sent again. */
static void
test_taken_and_lost(void **state)
{
	struct pushfix f = pushfix_queued(state);

	assert_true(pushfix_take(&f));
	clock_set_offset(PUSHES_CLAIM - 1);
	assert_false(pushfix_take(&f));
	clock_set_offset(PUSHES_CLAIM);
	assert_true(pushfix_take(&f));
	clock_set_offset(0);
}

static void
test_host_is_here(void **state)
{
	struct pushfix f = pushfix_queued(state);

	WRITE(f.db, pushes_host_busy(f.db, f.host.id));
	assert_int_equal(pushfix_due(&f), 5 * MINUTE);
	WRITE(f.db, pushes_host_idle(f.db, f.host.id));
	assert_int_equal(pushfix_due(&f), -1);
	/* an answer that comes later changes nothing of that */
	pushfix_queue(&f, "B");
	assert_true(pushfix_take(&f));
	WRITE(f.db, pushes_host_idle(f.db, f.host.id));
	pushfix_store(&f, PUSH_FAILED);
	assert_int_equal(pushfix_due(&f), -1);
	/* nothing is due, and the host is busy: still nothing */
	WRITE(f.db, pushes_host_busy(f.db, f.host.id));
	assert_int_equal(pushfix_due(&f), -1);
}

/* What was answered, be it NotNow, is not waited for. */
static void
test_nothing_after_not_now(void **state)
{
	struct pushfix f = pushfix_queued(state);

	pushfix_queue(&f, "B");
	answer(&f, "A", COMMAND_ACKNOWLEDGED);
	assert_true(pushfix_take(&f));
	answer(&f, "B", COMMAND_NOT_NOW);
	pushfix_store(&f, PUSH_ACCEPTED);
	assert_int_equal(pushfix_due(&f), -1);
	pushfix_queue(&f, "C");
	assert_int_equal(pushfix_due(&f), PUSHES_APART);
}

static void
test_failures(void **state)
{
	static const int pauses[] = { 30, 120, 480, 1800, 1800 };
	struct pushfix f = pushfix_queued(state);
	int64_t at = 0, due;

	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		pushfix_send(&f, PUSH_FAILED);
		due = pushfix_due(&f);
		assert_in_range(due, pauses[i] * 8 / 10, pauses[i] * 12 / 10);
		clock_set_offset(at += due);
	}
	pushfix_load(&f);
	assert_int_equal(f.push.last_status, 500);
	assert_string_equal(f.push.last_reason, "Reason");
	assert_int_equal(f.push.failures, 5);
	pushfix_send(&f, PUSH_ACCEPTED);
	assert_int_equal(pushfix_due(&f), 5 * MINUTE);
	pushfix_load(&f);
	assert_int_equal(f.push.failures, 0);
	assert_int_equal(f.push.hold_until, 0);
	assert_string_equal(f.push.apns_id, "ID");
	clock_set_offset(0);
}

/* Whoever writes to the database writes these counts. */
static void
test_hostile_counts(void **state)
{
	static const char *const counts[] = { "-1", "-2147483648",
		"2147483647" };
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } }, out;
	struct pushfix f = pushfix_queued(state);
	char sql[200];
	int64_t pause;

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		pause = counts[i][0] == '-' ? HOUR : DAY;
		snprintf(sql, sizeof sql,
		    "UPDATE pushes SET due_at = 1, attempts = %s,"
		    " failures = %s",
		    counts[i], counts[i]);
		storefix_change(f.db, sql);
		pushfix_send(&f, PUSH_ACCEPTED);
		assert_int_equal(
		    pushfix_due(&f), counts[i][0] == '-' ? 5 * MINUTE : DAY);
		storefix_change(f.db, sql);
		pushfix_send(&f, PUSH_FAILED);
		assert_in_range(pushfix_due(&f), 24, 36 * MINUTE);
		WRITE(f.db, push_certificate_store(f.db, &in));
		snprintf(sql, sizeof sql,
		    "UPDATE push_certificate SET retries = %s", counts[i]);
		storefix_change(f.db, sql);
		WRITE(f.db, push_certificate_stop(f.db, in.sha256, "x"));
		assert_int_equal(push_certificate_load(f.db, &out), OK);
		assert_int_equal(out.retry_at - clock_now(), pause);
	}
	storefix_change(f.db, "UPDATE pushes SET failures = 4294967297");
	assert_int_equal(pushes_load(f.db, f.host.id, &f.push), ERR_DB);
	storefix_change(f.db, "UPDATE pushes SET failures = -2147483649");
	assert_int_equal(pushes_load(f.db, f.host.id, &f.push), ERR_DB);
}

/* Many that fail at once do not come back at once. */
static void
test_pauses_differ(void **state)
{
	int64_t first = pushes_pause(3);
	bool differ = false;

	(void)state;
	for (int i = 0; i < 50; i++)
		differ = differ || pushes_pause(3) != first;
	assert_true(differ);
}

static void
test_postponed_and_refused(void **state)
{
	struct pushfix f = pushfix_queued(state);
	struct push_result result = { .outcome = PUSH_POSTPONED };

	assert_true(pushfix_take(&f));
	result.again_at = clock_now() + 77;
	WRITE(f.db, pushes_store(f.db, &f.push, &result));
	assert_int_equal(pushfix_due(&f), 77);
	clock_set_offset(77);
	assert_true(pushfix_take(&f));
	assert_int_equal(f.push.failures, 0);
	pushfix_store(&f, PUSH_REFUSED);
	assert_int_equal(pushfix_due(&f), -1);
	/* somebody wants one */
	clock_set_offset(100);
	pushfix_queue(&f, "B");
	assert_int_equal(pushfix_due(&f), 0);
	clock_set_offset(0);
}

static void
test_only_enrolled_hosts(void **state)
{
	struct pushfix f = pushfix_host(state);
	int64_t due;

	assert_int_equal(pushes_next_due(f.db, &due), ERR_NOT_FOUND);
	pushfix_queue(&f, "A");
	assert_int_equal(pushes_next_due(f.db, &due), OK);
	assert_int_equal(due, clock_now());
	WRITE(f.db, hosts_check_out(f.db, f.host.id));
	assert_int_equal(pushes_next_due(f.db, &due), ERR_NOT_FOUND);
	assert_false(pushfix_take(&f));
	assert_int_equal(pushes_load(f.db, "nobody", &f.push), ERR_NOT_FOUND);
	WRITE(f.db, pushes_want(f.db, f.host.id));
	WRITE(f.db, pushes_want(f.db, "nobody"));
	assert_int_equal(pushes_next_due(f.db, &due), ERR_NOT_FOUND);
}

/* At most so many, the oldest first. */
static void
test_batches(void **state)
{
	struct db *db = storefix_db(state);
	struct push_list list;
	struct host h[3];

	for (int i = 2; i >= 0; i--) {
		char serial[8];

		snprintf(serial, sizeof serial, "S%d", i);
		clock_set_offset(-i);
		storefix_host(db, serial, i + 1, &h[i]);
		pushfix_queue_for(db, &h[i], serial);
	}
	clock_set_offset(0);
	WRITE(db, pushes_take(db, 2, &list));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].serial, "S2");
	assert_string_equal(list.rows[1].serial, "S1");
	pushes_list_release(&list);
	WRITE(db, pushes_take(db, 2, &list));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "S0");
	pushes_list_release(&list);
}

/* It holds up no other host, and not the one trial of a stopped certificate. */
static void
test_damaged_host(void **state)
{
	struct pushfix f = pushfix_queued(state);
	struct host good;
	int64_t n;

	clock_set_offset(1);
	storefix_host(f.db, "S2", 2, &good);
	pushfix_queue_for(f.db, &good, "B");
	storefix_change(f.db,
	    "UPDATE hosts SET push_magic = printf('%.600c', 'x')"
	    " WHERE serial = 'S1'");
	assert_int_equal(pushes_count_damaged(f.db, &n), OK);
	assert_int_equal(n, 0);
	assert_true(pushfix_take(&f));
	assert_string_equal(f.push.serial, "S2");
	assert_int_equal(pushes_count_damaged(f.db, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(pushes_next_due(f.db, &n), OK);
	assert_true(n > clock_now());
	clock_set_offset(HOUR + 1);
	storefix_change(
	    f.db, "UPDATE hosts SET push_magic = 'x' WHERE serial = 'S1'");
	storefix_change(f.db,
	    "UPDATE pushes SET due_at = NULL WHERE host_id ="
	    " (SELECT id FROM hosts WHERE serial = 'S2')");
	pushfix_send(&f, PUSH_ACCEPTED);
	assert_string_equal(f.push.serial, "S1");
	assert_int_equal(pushes_count_damaged(f.db, &n), OK);
	assert_int_equal(n, 0);
	clock_set_offset(0);
}

static void
test_silent_hosts(void **state)
{
	struct pushfix f = pushfix_host(state);

	clock_set_offset(7 * DAY);
	assert_int_equal(pushfix_want_silent(&f), 0);
	clock_set_offset(7 * DAY + 1);
	assert_int_equal(pushfix_want_silent(&f), 1);
	pushfix_send(&f, PUSH_ACCEPTED);
	assert_int_equal(pushfix_due(&f), -1);
	/* once a week */
	clock_set_offset(14 * DAY);
	assert_int_equal(pushfix_want_silent(&f), 0);
	clock_set_offset(14 * DAY + 2);
	assert_int_equal(pushfix_want_silent(&f), 1);
	clock_set_offset(0);
}

/* What it left ahead is no reason to wait for that time. */
static void
test_clock_was_ahead(void **state)
{
	struct pushfix f = pushfix_queued(state);

	clock_set_offset(3650 * DAY);
	pushfix_send(&f, PUSH_ACCEPTED);
	clock_set_offset(0);
	assert_true(pushfix_due(&f) > 3649 * DAY);
	assert_int_equal(pushfix_want_silent(&f), 1);
	assert_int_equal(pushfix_due(&f), 0);
	pushfix_send(&f, PUSH_ACCEPTED);
	clock_set_offset(3650 * DAY);
	pushfix_send(&f, PUSH_FAILED);
	clock_set_offset(0);
	pushfix_queue(&f, "B");
	assert_int_equal(pushfix_due(&f), 0);
	/* a host that nothing waits for, and that comes no more */
	WRITE(f.db, pushes_host_idle(f.db, f.host.id));
	assert_int_equal(pushfix_want_silent(&f), 0);
	clock_set_offset(7 * DAY + 1);
	assert_int_equal(pushfix_want_silent(&f), 1);
	clock_set_offset(0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_by_age),
	STOREFIX_TEST(test_within_seconds_one),
	STOREFIX_TEST(test_queued_meanwhile),
	STOREFIX_TEST(test_taken_and_lost),
	STOREFIX_TEST(test_host_is_here),
	STOREFIX_TEST(test_nothing_after_not_now),
	STOREFIX_TEST(test_failures),
	STOREFIX_TEST(test_hostile_counts),
	cmocka_unit_test(test_pauses_differ),
	STOREFIX_TEST(test_postponed_and_refused),
	STOREFIX_TEST(test_only_enrolled_hosts),
	STOREFIX_TEST(test_batches),
	STOREFIX_TEST(test_damaged_host),
	STOREFIX_TEST(test_silent_hosts),
	STOREFIX_TEST(test_clock_was_ahead),
};

STOREFIX_MAIN(tests)
