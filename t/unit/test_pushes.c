#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/push_certificate.h"
#include "store/pushes.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

static int64_t
load_due(struct db *db, const struct host *h)
{
	struct push push;

	assert_int_equal(pushes_load(db, h->id, &push), OK);
	return push.due_at == 0 ? -1 : push.due_at - clock_now();
}

static void
queue(struct db *db, const struct host *h, const char *uuid)
{
	struct command c = { .request_type = "DeviceInformation",
		.plist = blob_str("<plist/>"),
		.created_by = "cli:root" };

	snprintf(c.uuid, sizeof c.uuid, "%s", uuid);
	memcpy(c.host_id, h->id, sizeof h->id);
	WRITE(db, commands_enqueue(db, &c));
}

static void
answer(struct db *db, const struct host *h, const char *uuid,
    enum command_state state)
{
	struct command_result result = {
		.host_id = h->id, .uuid = uuid, .state = state
	};
	struct command c;

	assert_int_equal(commands_load(db, h->id, uuid, &c), OK);
	WRITE(db, commands_mark_sent(db, &c));
	commands_release(&c);
	WRITE(db, commands_store_result(db, &result));
}

/* Takes what is due, which is one push or none. */
static bool
take(struct db *db, struct push *out)
{
	struct push_list list;

	WRITE(db, pushes_take(db, 10, &list));
	assert_true(list.n <= 1);
	if (list.n == 0)
		return false;
	*out = list.rows[0];
	pushes_list_release(&list);
	return true;
}

static void
store(struct db *db, const struct push *push, enum push_outcome outcome)
{
	struct push_result result = { .outcome = outcome,
		.status = outcome == PUSH_ACCEPTED ? 200 : 500,
		.reason = "Reason",
		.apns_id = "ID" };

	WRITE(db, pushes_store(db, push, &result));
}

static void
store_dead(struct db *db, const struct push *push, int64_t since)
{
	struct push_result result = { .outcome = PUSH_DEAD,
		.status = 410,
		.reason = "Unregistered",
		.dead_since = since };

	WRITE(db, pushes_store(db, push, &result));
}

static void
token_update(struct db *db, const struct host *h, const char *token)
{
	struct host_tokens tokens = { .push_token = blob_str(token),
		.push_magic = "magic" };
	bool first;

	WRITE(db, hosts_token_update(db, h->id, &tokens, &first));
}

static int
alarms_open(struct db *db, const char *kind)
{
	char sql[200];

	snprintf(sql, sizeof sql,
	    "SELECT count(*) FROM alarms WHERE kind = '%s'"
	    " AND closed_at IS NULL",
	    kind);
	return storefix_sql(db, sql);
}

/* After each accepted push the next is later, while the command waits. */
static void
test_by_age(void **state)
{
	static const int ages[] = { 5 * MINUTE, HOUR, 6 * HOUR, DAY, DAY };
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;
	int64_t at = 0;

	storefix_host(db, "S1", 1, &h);
	assert_int_equal(load_due(db, &h), -1);
	assert_false(take(db, &push));
	queue(db, &h, "A");
	assert_int_equal(load_due(db, &h), 0);
	for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
		assert_true(take(db, &push));
		assert_string_equal(push.serial, "S1");
		assert_false(take(db, &push));
		store(db, &push, PUSH_ACCEPTED);
		assert_int_equal(load_due(db, &h), ages[i]);
		clock_set_offset(at += ages[i] - 1);
		assert_false(take(db, &push));
		clock_set_offset(++at);
	}
	/* a new command starts over */
	queue(db, &h, "B");
	assert_true(take(db, &push));
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(load_due(db, &h), 5 * MINUTE);
	clock_set_offset(0);
}

static void
test_within_seconds_one(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	queue(db, &h, "B");
	assert_true(take(db, &push));
	store(db, &push, PUSH_ACCEPTED);
	clock_set_offset(2);
	queue(db, &h, "C");
	queue(db, &h, "D");
	assert_int_equal(load_due(db, &h), PUSHES_APART - 2);
	assert_false(take(db, &push));
	clock_set_offset(PUSHES_APART);
	assert_true(take(db, &push));
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(load_due(db, &h), 5 * MINUTE);
	clock_set_offset(0);
}

/* A command that comes while the push is on its way needs another one. */
static void
test_queued_meanwhile(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	assert_true(take(db, &push));
	queue(db, &h, "B");
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(load_due(db, &h), PUSHES_APART);
	/* not while Apple wants a pause, however */
	clock_set_offset(PUSHES_APART);
	assert_true(take(db, &push));
	queue(db, &h, "C");
	store(db, &push, PUSH_FAILED);
	assert_in_range(load_due(db, &h), 24, 36);
	queue(db, &h, "D");
	assert_in_range(load_due(db, &h), 24, 36);
	clock_set_offset(0);
}

/* Who took it died: it is sent again. */
static void
test_taken_and_lost(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	assert_true(take(db, &push));
	clock_set_offset(PUSHES_CLAIM - 1);
	assert_false(take(db, &push));
	clock_set_offset(PUSHES_CLAIM);
	assert_true(take(db, &push));
	clock_set_offset(0);
}

static void
test_host_is_here(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	WRITE(db, pushes_host_busy(db, h.id));
	assert_int_equal(load_due(db, &h), 5 * MINUTE);
	WRITE(db, pushes_host_idle(db, h.id));
	assert_int_equal(load_due(db, &h), -1);
	/* an answer that comes later changes nothing of that */
	queue(db, &h, "B");
	assert_true(take(db, &push));
	WRITE(db, pushes_host_idle(db, h.id));
	store(db, &push, PUSH_FAILED);
	assert_int_equal(load_due(db, &h), -1);
	/* nothing is due, and the host is busy: still nothing */
	WRITE(db, pushes_host_busy(db, h.id));
	assert_int_equal(load_due(db, &h), -1);
}

/* What was answered, be it NotNow, is not waited for. */
static void
test_nothing_after_not_now(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	queue(db, &h, "B");
	answer(db, &h, "A", COMMAND_ACKNOWLEDGED);
	assert_true(take(db, &push));
	answer(db, &h, "B", COMMAND_NOT_NOW);
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(load_due(db, &h), -1);
	queue(db, &h, "C");
	assert_int_equal(load_due(db, &h), PUSHES_APART);
}

static void
test_failures(void **state)
{
	static const int pauses[] = { 30, 120, 480, 1800, 1800 };
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;
	int64_t at = 0, due;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		assert_true(take(db, &push));
		store(db, &push, PUSH_FAILED);
		due = load_due(db, &h);
		assert_in_range(due, pauses[i] * 8 / 10, pauses[i] * 12 / 10);
		clock_set_offset(at += due);
	}
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.last_status, 500);
	assert_string_equal(push.last_reason, "Reason");
	assert_int_equal(push.failures, 5);
	assert_true(take(db, &push));
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(load_due(db, &h), 5 * MINUTE);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.failures, 0);
	assert_int_equal(push.hold_until, 0);
	assert_string_equal(push.apns_id, "ID");
	clock_set_offset(0);
}

/* A stop that TLS alone caused is short, however often it happens. */
static void
test_doubt_and_resume(void **state)
{
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } }, out;
	struct db *db = storefix_db(state);
	uint8_t other[SECRET_SHA256] = { 7 };
	int64_t at = 0;

	WRITE(db, push_certificate_doubt(db, in.sha256, "x", clock_now() + 9));
	WRITE(db, push_certificate_store(db, &in));
	WRITE(db, push_certificate_doubt(db, other, "x", clock_now() + 9));
	assert_int_equal(alarms_open(db, "push-stopped"), 0);
	for (int i = 0; i < 5; i++) {
		WRITE(db,
		    push_certificate_doubt(
			db, in.sha256, "alert", clock_now() + 9));
		assert_int_equal(push_certificate_load(db, &out), OK);
		assert_int_equal(out.retry_at - clock_now(), 9);
		assert_int_equal(out.stopped_at, clock_now() - at);
		assert_string_equal(out.stop_reason, "alert");
		clock_set_offset(at += 9);
	}
	assert_int_equal(alarms_open(db, "push-stopped"), 1);
	assert_int_equal(
	    storefix_sql(db,
		"SELECT text LIKE '%if it lasts%may be revoked%' FROM alarms"),
	    1);
	/* what Apple then says itself counts from the start */
	WRITE(db, push_certificate_stop(db, in.sha256, "403"));
	assert_int_equal(push_certificate_load(db, &out), OK);
	assert_int_equal(out.retry_at - clock_now(), HOUR);
	WRITE(db, push_certificate_resume(db, in.sha256));
	assert_int_equal(alarms_open(db, "push-stopped"), 0);
	clock_set_offset(0);
}

/* Whoever writes to the database writes these counts. */
static void
test_hostile_counts(void **state)
{
	static const char *const counts[] = { "-1", "-2147483648",
		"2147483647" };
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } }, out;
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;
	char sql[200];
	int64_t pause;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		pause = counts[i][0] == '-' ? HOUR : DAY;
		snprintf(sql, sizeof sql,
		    "UPDATE pushes SET due_at = 1, attempts = %s,"
		    " failures = %s",
		    counts[i], counts[i]);
		storefix_change(db, sql);
		assert_true(take(db, &push));
		store(db, &push, PUSH_ACCEPTED);
		assert_int_equal(
		    load_due(db, &h), counts[i][0] == '-' ? 5 * MINUTE : DAY);
		storefix_change(db, sql);
		assert_true(take(db, &push));
		store(db, &push, PUSH_FAILED);
		assert_in_range(load_due(db, &h), 24, 36 * MINUTE);
		WRITE(db, push_certificate_store(db, &in));
		snprintf(sql, sizeof sql,
		    "UPDATE push_certificate SET retries = %s", counts[i]);
		storefix_change(db, sql);
		WRITE(db, push_certificate_stop(db, in.sha256, "x"));
		assert_int_equal(push_certificate_load(db, &out), OK);
		assert_int_equal(out.retry_at - clock_now(), pause);
	}
	storefix_change(db, "UPDATE pushes SET failures = 4294967297");
	assert_int_equal(pushes_load(db, h.id, &push), ERR_DB);
	storefix_change(db, "UPDATE pushes SET failures = -2147483649");
	assert_int_equal(pushes_load(db, h.id, &push), ERR_DB);
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
	struct db *db = storefix_db(state);
	struct push_result result = { .outcome = PUSH_POSTPONED };
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	assert_true(take(db, &push));
	result.again_at = clock_now() + 77;
	WRITE(db, pushes_store(db, &push, &result));
	assert_int_equal(load_due(db, &h), 77);
	clock_set_offset(77);
	assert_true(take(db, &push));
	assert_int_equal(push.failures, 0);
	store(db, &push, PUSH_REFUSED);
	assert_int_equal(load_due(db, &h), -1);
	/* somebody wants one */
	clock_set_offset(100);
	queue(db, &h, "B");
	assert_int_equal(load_due(db, &h), 0);
	clock_set_offset(0);
}

/* mdm-97, mdm-98 */
static void
test_dead_token(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	assert_true(take(db, &push));
	store_dead(db, &push, 0);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, clock_now());
	assert_int_equal(push.last_status, 410);
	assert_string_equal(push.last_reason, "Unregistered");
	queue(db, &h, "B");
	assert_int_equal(load_due(db, &h), -1);
	/* the host stays as it is, and the next token revives it */
	assert_int_equal(hosts_load(db, h.id, &h), OK);
	assert_int_equal(h.state, HOST_ENROLLED);
	assert_true(h.push_token_len > 0);
	clock_set_offset(10);
	token_update(db, &h, "token");
	assert_int_equal(load_due(db, &h), 0);
	assert_true(take(db, &push));
	assert_int_equal(push.dead_at, 0);
	clock_set_offset(0);
}

/* Apple may be wrong: a dead token is tried weekly, and on an import. */
static void
test_dead_token_again(void **state)
{
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } };
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;
	int64_t died;
	int n;

	storefix_host(db, "S1", 1, &h);
	storefix_change(db, "UPDATE hosts SET topic = 't'");
	queue(db, &h, "A");
	assert_true(take(db, &push));
	store_dead(db, &push, 0);
	died = clock_now();
	clock_set_offset(7 * DAY);
	WRITE(db, hosts_seen(db, h.id));
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 0);
	clock_set_offset(7 * DAY + 1);
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 1);
	assert_true(take(db, &push));
	store_dead(db, &push, 0);
	assert_int_equal(load_due(db, &h), -1);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, died);
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 0);
	/* on an import, also when no command waits any more */
	storefix_change(db, "UPDATE commands SET state = 'acknowledged'");
	WRITE(db, push_certificate_store(db, &in));
	assert_true(take(db, &push));
	store(db, &push, PUSH_FAILED);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, died);
	clock_set_offset(7 * DAY + 100);
	assert_true(take(db, &push));
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, 0);
	clock_set_offset(0);
}

/* mdm-97: what Apple says of a time before our token is about another. */
static void
test_dead_before_token(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	clock_set_offset(100);
	token_update(db, &h, "new");
	queue(db, &h, "A");
	assert_true(take(db, &push));
	store_dead(db, &push, (clock_now() - 1) * 1000 + 999);
	assert_in_range(load_due(db, &h), 24, 36);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, 0);
	clock_set_offset(200);
	assert_true(take(db, &push));
	store_dead(db, &push, (clock_now() - 100) * 1000);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, clock_now());
	clock_set_offset(0);
}

/* The answer is about the token that was pushed to. */
static void
test_token_changes_meanwhile(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	assert_true(take(db, &push));
	token_update(db, &h, "another");
	store_dead(db, &push, 0);
	assert_int_equal(pushes_load(db, h.id, &push), OK);
	assert_int_equal(push.dead_at, 0);
	assert_true(push.due_at != 0);
}

static void
test_only_enrolled_hosts(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;
	int64_t due;

	storefix_host(db, "S1", 1, &h);
	assert_int_equal(pushes_next_due(db, &due), ERR_NOT_FOUND);
	queue(db, &h, "A");
	assert_int_equal(pushes_next_due(db, &due), OK);
	assert_int_equal(due, clock_now());
	WRITE(db, hosts_check_out(db, h.id));
	assert_int_equal(pushes_next_due(db, &due), ERR_NOT_FOUND);
	assert_false(take(db, &push));
	assert_int_equal(pushes_load(db, "nobody", &push), ERR_NOT_FOUND);
	WRITE(db, pushes_want(db, h.id));
	WRITE(db, pushes_want(db, "nobody"));
	assert_int_equal(pushes_next_due(db, &due), ERR_NOT_FOUND);
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
		queue(db, &h[i], serial);
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
	struct db *db = storefix_db(state);
	struct push push;
	struct host bad, good;
	int64_t n;

	storefix_host(db, "S1", 1, &bad);
	queue(db, &bad, "A");
	clock_set_offset(1);
	storefix_host(db, "S2", 2, &good);
	queue(db, &good, "B");
	storefix_change(db,
	    "UPDATE hosts SET push_magic = printf('%.600c', 'x')"
	    " WHERE serial = 'S1'");
	assert_int_equal(pushes_count_damaged(db, &n), OK);
	assert_int_equal(n, 0);
	assert_true(take(db, &push));
	assert_string_equal(push.serial, "S2");
	assert_int_equal(pushes_count_damaged(db, &n), OK);
	assert_int_equal(n, 1);
	assert_int_equal(pushes_next_due(db, &n), OK);
	assert_true(n > clock_now());
	clock_set_offset(HOUR + 1);
	storefix_change(
	    db, "UPDATE hosts SET push_magic = 'x' WHERE serial = 'S1'");
	storefix_change(db,
	    "UPDATE pushes SET due_at = NULL WHERE host_id ="
	    " (SELECT id FROM hosts WHERE serial = 'S2')");
	assert_true(take(db, &push));
	assert_string_equal(push.serial, "S1");
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(pushes_count_damaged(db, &n), OK);
	assert_int_equal(n, 0);
	clock_set_offset(0);
}

static void
test_silent_hosts(void **state)
{
	struct db *db = storefix_db(state);
	struct push push;
	struct host h;
	int n;

	storefix_host(db, "S1", 1, &h);
	clock_set_offset(7 * DAY);
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 0);
	clock_set_offset(7 * DAY + 1);
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 1);
	assert_true(take(db, &push));
	store(db, &push, PUSH_ACCEPTED);
	assert_int_equal(load_due(db, &h), -1);
	/* once a week */
	clock_set_offset(14 * DAY);
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 0);
	clock_set_offset(14 * DAY + 2);
	WRITE(db, pushes_want_silent(db, 10, &n));
	assert_int_equal(n, 1);
	clock_set_offset(0);
}

static void
test_certificate(void **state)
{
	struct push_certificate in = { .topic = "t",
		.sha256 = { 1 },
		.not_before = 5,
		.not_after = 9,
		.imported_by = "cli:root" },
				out;
	struct conf conf = { .topic = (char[]){ "com.apple.mgmt.conf" } };
	struct db *db = storefix_db(state);
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];
	struct host h;
	int64_t n;

	assert_int_equal(push_certificate_load(db, &out), ERR_NOT_FOUND);
	assert_int_equal(push_certificate_topic(db, &conf, topic), OK);
	assert_string_equal(topic, "com.apple.mgmt.conf");
	conf.topic[0] = '\0';
	assert_int_equal(
	    push_certificate_topic(db, &conf, topic), ERR_NO_TOPIC);
	push_certificate_note_missing(db);
	push_certificate_note_missing(db);
	assert_int_equal(alarms_open(db, "push-topic-missing"), 1);

	storefix_host(db, "S1", 1, &h);
	queue(db, &h, "A");
	storefix_change(db, "UPDATE hosts SET topic = 't'");
	assert_int_equal(push_certificate_count_others(db, "t", &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(push_certificate_count_others(db, "other", &n), OK);
	assert_int_equal(n, 1);
	WRITE(db, push_certificate_tell_others(db, "other"));
	assert_int_equal(alarms_open(db, "push-other-topic"), 1);
	assert_int_equal(storefix_sql(db,
			     "SELECT text LIKE '1 hosts %' FROM alarms"
			     " WHERE kind = 'push-other-topic'"),
	    1);
	WRITE(db, push_certificate_store(db, &in));
	assert_int_equal(alarms_open(db, "push-other-topic"), 0);
	assert_int_equal(alarms_open(db, "push-topic-missing"), 0);
	conf.topic = (char[]){ "com.apple.mgmt.conf" };
	assert_int_equal(push_certificate_topic(db, &conf, topic), OK);
	assert_string_equal(topic, "t");
	in.sha256[0] = 2;
	WRITE(db, push_certificate_store(db, &in));
	assert_int_equal(push_certificate_load(db, &out), OK);
	assert_int_equal(out.sha256[0], 2);
	assert_int_equal(out.not_before, 5);
	assert_int_equal(out.not_after, 9);
	assert_int_equal(out.imported_at, clock_now());
	assert_string_equal(out.imported_by, "cli:root");
}

/* It becomes a header field of requests to Apple. */
static void
test_hostile_topic(void **state)
{
	struct push_certificate in = { .topic = "com.apple.mgmt.x-1" }, out;
	struct conf conf = { .topic = (char[]){ "" } };
	struct db *db = storefix_db(state);
	char topic[PUSH_CERTIFICATE_TOPIC_TEXT];

	WRITE(db, push_certificate_store(db, &in));
	assert_int_equal(push_certificate_load(db, &out), OK);
	storefix_change(db,
	    "UPDATE push_certificate SET topic ="
	    " 'com.apple.mgmt.x' || char(13, 10) || 'apns-topic: y'");
	assert_int_equal(push_certificate_load(db, &out), ERR_DB);
	assert_int_equal(push_certificate_topic(db, &conf, topic), ERR_DB);
}

/* mdm-99 */
static void
test_stop_and_resume(void **state)
{
	static const int pauses[] = { HOUR, 4 * HOUR, DAY, DAY };
	struct push_certificate in = { .topic = "t", .sha256 = { 1 } }, out;
	struct db *db = storefix_db(state);
	uint8_t other[SECRET_SHA256] = { 7 };
	int64_t at = 0;
	struct push push;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	storefix_change(db, "UPDATE hosts SET topic = 't'");
	WRITE(db, push_certificate_stop(db, in.sha256, "x"));
	WRITE(db, push_certificate_store(db, &in));
	WRITE(db, push_certificate_stop(db, other, "x"));
	assert_int_equal(push_certificate_load(db, &out), OK);
	assert_int_equal(out.stopped_at, 0);
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		WRITE(db, push_certificate_stop(db, in.sha256, "it expired"));
		assert_int_equal(push_certificate_load(db, &out), OK);
		assert_int_equal(out.retry_at - clock_now(), pauses[i]);
		assert_int_equal(out.stopped_at, clock_now() - at);
		assert_string_equal(out.stop_reason, "it expired");
		/* others that fail with it count no more */
		WRITE(db, push_certificate_stop(db, in.sha256, "again"));
		assert_int_equal(push_certificate_load(db, &out), OK);
		assert_string_equal(out.stop_reason, "it expired");
		clock_set_offset(at += pauses[i]);
	}
	assert_int_equal(alarms_open(db, "push-stopped"), 1);
	WRITE(db, push_certificate_resume(db, other));
	assert_int_equal(alarms_open(db, "push-stopped"), 1);
	WRITE(db, push_certificate_resume(db, in.sha256));
	assert_int_equal(alarms_open(db, "push-stopped"), 0);
	assert_int_equal(push_certificate_load(db, &out), OK);
	assert_int_equal(out.stopped_at, 0);
	assert_int_equal(out.retries, 0);
	/* another certificate: go on at once */
	queue(db, &h, "A");
	assert_true(take(db, &push));
	store(db, &push, PUSH_FAILED);
	WRITE(db, push_certificate_stop(db, in.sha256, "x"));
	in.sha256[0] = 9;
	WRITE(db, push_certificate_store(db, &in));
	assert_int_equal(alarms_open(db, "push-stopped"), 0);
	assert_int_equal(push_certificate_load(db, &out), OK);
	assert_int_equal(out.stopped_at, 0);
	assert_int_equal(load_due(db, &h), 0);
	clock_set_offset(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_by_age),
		STOREFIX_TEST(test_within_seconds_one),
		STOREFIX_TEST(test_queued_meanwhile),
		STOREFIX_TEST(test_taken_and_lost),
		STOREFIX_TEST(test_host_is_here),
		STOREFIX_TEST(test_nothing_after_not_now),
		STOREFIX_TEST(test_failures),
		STOREFIX_TEST(test_hostile_counts),
		STOREFIX_TEST(test_doubt_and_resume),
		cmocka_unit_test(test_pauses_differ),
		STOREFIX_TEST(test_postponed_and_refused),
		STOREFIX_TEST(test_dead_token),
		STOREFIX_TEST(test_dead_token_again),
		STOREFIX_TEST(test_dead_before_token),
		STOREFIX_TEST(test_token_changes_meanwhile),
		STOREFIX_TEST(test_only_enrolled_hosts),
		STOREFIX_TEST(test_batches),
		STOREFIX_TEST(test_damaged_host),
		STOREFIX_TEST(test_silent_hosts),
		STOREFIX_TEST(test_certificate),
		STOREFIX_TEST(test_hostile_topic),
		STOREFIX_TEST(test_stop_and_resume),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
