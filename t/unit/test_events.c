#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/events.h"

static void
test_add_and_list(void **state)
{
	struct db *db = storefix_db(state);
	struct event_list list;
	struct event_row *r;

	WRITE(db,
	    events_add(db,
		&(struct event){ .enrollment_id = "e1",
		    .serial = "S1",
		    .step = "profile" }));
	assert_int_equal(events_note(db,
			     &(struct event){ .enrollment_id = "e1",
				 .serial = "S1",
				 .step = "challenge",
				 .outcome = EVENT_REFUSED,
				 .code = ERR_ATT_CHAIN,
				 .reason = "why",
				 .remote_address = "::1" }),
	    OK);
	assert_int_equal(events_list_by_enrollment(db, "e1", &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].step, "profile");
	assert_string_equal(list.rows[0].code, "");
	r = &list.rows[1];
	assert_int_equal(r->outcome, EVENT_REFUSED);
	assert_string_equal(r->code, "ATT_CHAIN");
	assert_string_equal(r->reason, "why");
	assert_string_equal(r->remote_address, "::1");
	events_list_release(&list);
	assert_int_equal(events_list_by_serial(db, "S1", 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].step, "challenge");
	events_list_release(&list);
}

static void
test_note_leaves_a_transaction_alone(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(db_begin(db), OK);
	assert_int_equal(
	    events_note(db, &(struct event){ .step = "x" }), ERR_INTERNAL);
	assert_true(db_in_transaction(db));
	db_rollback(db);
}

static void
add_many(struct db *db, int n, const char *enrollment, const char *serial)
{
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < n; i++)
		assert_int_equal(
		    events_add(db,
			&(struct event){ .enrollment_id = enrollment,
			    .serial = serial,
			    .step = "x",
			    .outcome = EVENT_REFUSED,
			    .code = ERR_MALFORMED }),
		    OK);
	assert_int_equal(db_commit(db), OK);
}

static void
test_caps(void **state)
{
	struct db *db = storefix_db(state);
	struct event_list list;
	int64_t last;

	add_many(db, 51, "e1", "S1");
	assert_int_equal(events_list_by_enrollment(db, "e1", &list), OK);
	assert_int_equal(list.n, 50);
	/* the oldest one went */
	assert_int_equal(list.rows[0].id, 2);
	last = list.rows[49].id;
	assert_int_equal(last, 51);
	events_list_release(&list);
	/* rows without enrollment have a cap of their own */
	add_many(db, 60, NULL, "S1");
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM events"), 100);
	add_many(db, 60, NULL, NULL);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM events"), 150);
	add_many(db, 5, "e2", "S1");
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM events"), 155);
}

/* The worst a sender without proof can have stored. */
static void
refuse_from(struct db *db, const char *serial, const char *address)
{
	static char reason[600];

	memset(reason, 'x', sizeof reason - 1);
	assert_int_equal(events_add(db,
			     &(struct event){ .serial = serial,
				 .step = "a step of thirty-two characters.",
				 .outcome = EVENT_REFUSED,
				 .code = ERR_ENROLL_UNASSIGNED,
				 .reason = reason,
				 .remote_address = address }),
	    OK);
}

/* Made-up serial numbers, each once, from network `number`. */
static void
make_up(struct db *db, int number, int n)
{
	char serial[DB_SERIAL_TEXT], address[DB_ADDRESS_TEXT];

	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < n; i++) {
		snprintf(serial, sizeof serial, "%064d", number * 100000 + i);
		snprintf(address, sizeof address,
		    "2001:db8:%x:ffff:ffff:ffff:ffff:%x", number, i);
		refuse_from(db, serial, address);
	}
	assert_int_equal(db_commit(db), OK);
}

/* As many rows as fit, of `keys` keys, made faster than by events_add(). */
static void
fill(struct db *db, const char *pool, const char *prefix, int keys)
{
	char sql[700];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL"
	    " SELECT i + 1 FROM n WHERE i < %d)"
	    " INSERT INTO events (at, serial, step, outcome, code, reason,"
	    " remote_address, pool, pool_key, network)"
	    " SELECT 1, printf('%%064d', i), printf('%%032d', i), 'refused',"
	    " printf('%%032d', i), printf('%%0500d', i), printf('%%039d', i),"
	    " '%s', '%s' || (i %% %d), '%s' || (i %% %d) FROM n",
	    EVENTS_POOL - 1, pool, prefix, keys, prefix, keys);
	WRITE(db, storefix_sql(db, sql));
}

static int
pool_size(struct db *db, const char *pool)
{
	char sql[128];

	snprintf(sql, sizeof sql,
	    "SELECT count(*) FROM events WHERE pool = '%s'", pool);
	return storefix_sql(db, sql);
}

/* A device of ours, and rows of it from the office and from elsewhere. */
static void
know(struct db *db, const char *serial)
{
	char sql[200];

	snprintf(sql, sizeof sql,
	    "INSERT INTO ade_devices (account, serial, added_at)"
	    " VALUES ('csv', '%s', 1)",
	    serial);
	WRITE(db, storefix_sql(db, sql));
}

static int64_t
size_of_database(struct db *db)
{
	return (int64_t)storefix_sql(db, "PRAGMA page_count") *
	    storefix_sql(db, "PRAGMA page_size");
}

static void
test_one_network_is_bounded(void **state)
{
	struct db *db = storefix_db(state);
	int64_t before = size_of_database(db);

	make_up(db, 2, 3);
	make_up(db, 1, 3000);
	assert_int_equal(pool_size(db, "unknown"), EVENTS_PER_NETWORK + 3);
	assert_in_range(size_of_database(db) - before, 0, 1300000);
	/* the newest, and nothing of another network's */
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM events WHERE serial LIKE"
			     " '%102999' OR serial LIKE '%20000_'"),
	    4);
}

static void
test_all_networks_are_bounded(void **state)
{
	struct db *db = storefix_db(state);
	int64_t before = size_of_database(db);

	make_up(db, 1, 5);
	fill(db, "unknown", "2001:db8:ffff:", 20);
	for (int i = 2; i <= 4; i++)
		make_up(db, i, 1000);
	assert_in_range(pool_size(db, "unknown"), 19000, EVENTS_POOL + 1000);
	assert_in_range(size_of_database(db) - before, 0, 25000000);
	/* the network with few rows keeps them */
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM events"
			     " WHERE serial LIKE '%10000_'"),
	    5);
}

/* A network for each row: then the oldest have to go. */
static void
test_many_small_networks_are_bounded(void **state)
{
	struct db *db = storefix_db(state);

	char address[DB_ADDRESS_TEXT];

	fill(db, "unknown", "2001:db8:", EVENTS_POOL);
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < 2000; i++) {
		snprintf(
		    address, sizeof address, "10.%d.%d.1", i / 250, i % 250);
		refuse_from(db, "made up", address);
	}
	assert_int_equal(db_commit(db), OK);
	assert_in_range(pool_size(db, "unknown"), 19000, EVENTS_POOL + 1000);
}

static void
test_known_serial_numbers_are_kept_apart(void **state)
{
	struct db *db = storefix_db(state);
	char address[DB_ADDRESS_TEXT];

	know(db, "S1");
	assert_int_equal(db_begin(db), OK);
	refuse_from(db, "S1", "192.0.2.7");
	assert_int_equal(db_commit(db), OK);
	/* unknown senders with other names */
	make_up(db, 1, 1500);
	/* unknown senders with this name, from one network and from many */
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < 600; i++)
		refuse_from(db, "S1", "198.51.100.1");
	assert_int_equal(pool_size(db, "known"), 11);
	for (int i = 0; i < 90 * 10; i++) {
		snprintf(address, sizeof address, "10.0.%d.1", i % 90);
		refuse_from(db, "S1", address);
	}
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(pool_size(db, "known"), EVENTS_PER_SERIAL);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM events WHERE serial = 'S1'"
			     " AND remote_address = '192.0.2.7'"),
	    1);
}

/* From however many networks the serial number is merely named. */
static void
test_claims_do_not_push_out_what_is_signed(void **state)
{
	struct db *db = storefix_db(state);
	struct event t = { .serial = "S1",
		.is_signed = true,
		.step = "profile",
		.outcome = EVENT_REFUSED,
		.code = ERR_ENROLL_OTHER_DEVICE,
		.remote_address = "192.0.2.7" };
	char address[DB_ADDRESS_TEXT];
	int i;

	know(db, "S1");
	WRITE(db, events_add(db, &t));
	assert_int_equal(db_begin(db), OK);
	for (i = 0; i < 300; i++) {
		snprintf(
		    address, sizeof address, "10.%d.%d.1", i / 200, i % 200);
		refuse_from(db, "S1", address);
	}
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(pool_size(db, "signed"), 1);
	assert_int_equal(pool_size(db, "known"), EVENTS_PER_SERIAL);
	/* signed rows are bounded, too */
	t.remote_address = "10.0.1.1";
	assert_int_equal(db_begin(db), OK);
	for (i = 0; i < 30; i++)
		assert_int_equal(events_add(db, &t), OK);
	assert_int_equal(pool_size(db, "signed"), 11);
	for (i = 0; i < 300; i++) {
		snprintf(
		    address, sizeof address, "10.%d.%d.1", i / 200, i % 200);
		t.remote_address = address;
		assert_int_equal(events_add(db, &t), OK);
	}
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(pool_size(db, "signed"), EVENTS_PER_SERIAL);
	assert_int_equal(pool_size(db, "known"), EVENTS_PER_SERIAL);
}

/* However many of our serial numbers a sender knows. */
static void
test_known_serial_numbers_are_bounded(void **state)
{
	struct db *db = storefix_db(state);
	char serial[16], address[DB_ADDRESS_TEXT];

	WRITE(db,
	    storefix_sql(db,
		"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL"
		" SELECT i + 1 FROM n WHERE i < 499)"
		" INSERT INTO ade_devices (account, serial, added_at)"
		" SELECT 'csv', 'S' || i, 1 FROM n"));
	assert_int_equal(db_begin(db), OK);
	refuse_from(db, "S499", "192.0.2.7");
	assert_int_equal(db_commit(db), OK);
	fill(db, "known", "S", 499);
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < 2000; i++) {
		snprintf(serial, sizeof serial, "S%d", i % 499);
		snprintf(address, sizeof address, "10.0.%d.1", i % 10);
		refuse_from(db, serial, address);
	}
	assert_int_equal(db_commit(db), OK);
	assert_in_range(pool_size(db, "known"), 19000, EVENTS_POOL + 1000);
	assert_int_equal(
	    storefix_sql(
		db, "SELECT count(*) FROM events WHERE serial = 'S499'"),
	    1);
}

/* A sender without proof names a device: not its row, but its protection. */
static void
test_a_claim_is_kept_with_the_serial_number(void **state)
{
	struct db *db = storefix_db(state);
	struct event_list list;

	know(db, "S1");
	WRITE(db,
	    events_add(db,
		&(struct event){ .claimed = "S1",
		    .step = "checkin",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_MDM_IDENTITY,
		    .reason = "it says it is S1",
		    .remote_address = "192.0.2.7" }));
	make_up(db, 1, 1500);
	assert_int_equal(events_list_refusals(db, "it is s1", 0, 9, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "");
	events_list_release(&list);
	assert_int_equal(pool_size(db, "known"), 1);
}

static void
test_a_note_does_not_wait_for_the_disk(void **state)
{
	struct db *db = storefix_db(state);
	struct event t = { .serial = "made up",
		.step = "profile",
		.outcome = EVENT_REFUSED,
		.code = ERR_ENROLL_UNASSIGNED,
		.remote_address = "192.0.2.7" };
	int before;

	/* the first write of all flushes the head of the log */
	assert_int_equal(events_note(db, &t), OK);
	before = storefix_flushes();
	for (int i = 0; i < 20; i++)
		assert_int_equal(events_note(db, &t), OK);
	assert_int_equal(storefix_flushes(), before);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM events"), 21);
}

/* Noise of one kind does not push out what tells the story. */
static void
test_noise_keeps_the_rest(void **state)
{
	struct db *db = storefix_db(state);
	static const struct event rows[] = {
		{ .enrollment_id = "e1", .serial = "S1", .step = "profile" },
		{ .enrollment_id = "e1",
		    .serial = "S1",
		    .step = "challenge",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_ATT_CHAIN },
		{ .enrollment_id = "e1",
		    .serial = "S1",
		    .step = "x",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_ATT_KEY },
		{ .serial = "S1",
		    .step = "profile",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_ENROLL_UNASSIGNED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		WRITE(db, events_add(db, &rows[i]));
	add_many(db, 300, "e1", "S1");
	add_many(db, 300, NULL, "S1");
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM events WHERE id <= 4"), 4);
}

static void
test_refusals(void **state)
{
	struct db *db = storefix_db(state);
	struct event_list list;
	int64_t before;

	add_many(db, 3, "e1", "S1");
	WRITE(db,
	    events_add(db,
		&(struct event){ .serial = "S2",
		    .step = "enroll",
		    .code = ERR_NOMEM,
		    .outcome = EVENT_FAILED }));
	WRITE(db,
	    events_add(
		db, &(struct event){ .serial = "S2", .step = "profile" }));
	assert_int_equal(events_list_refusals(db, NULL, 0, 2, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].code, "NOMEM");
	before = list.rows[1].id;
	assert_int_equal(list.next, before);
	events_list_release(&list);
	assert_int_equal(events_list_refusals(db, "", before, 9, &list), OK);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.next, 0);
	events_list_release(&list);
	assert_int_equal(events_list_refusals(db, "malf", 0, 9, &list), OK);
	assert_int_equal(list.n, 3);
	events_list_release(&list);
	assert_int_equal(events_list_refusals(db, "s2", 0, 9, &list), OK);
	assert_int_equal(list.n, 1);
	events_list_release(&list);
}

/* Many refusals that do not match, and few failures further down that do. */
static void
test_refusals_are_searched_in_parts(void **state)
{
	struct db *db = storefix_db(state);
	struct event_list list;
	int64_t before = 0;
	int pages = 0, found = 0, rows = 0;
	char sql[512];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
	    " WHERE n < %d) INSERT INTO events (at, serial, step, outcome)"
	    " SELECT 1, CASE WHEN n < 10 THEN 'WANTED' ELSE '' END, 'x',"
	    " CASE n %% 3 WHEN 0 THEN 'ok' WHEN 1 THEN 'failed' ELSE 'refused'"
	    " END FROM c",
	    6 * EVENTS_LOOKED_AT);
	storefix_change(db, sql);
	do {
		assert_int_equal(
		    events_list_refusals(db, "wanted", before, 4, &list), OK);
		assert_true(pages > 0 || list.n == 0);
		found += (int)list.n;
		before = list.next;
		events_list_release(&list);
		assert_true(++pages < 10);
	} while (before != 0);
	assert_int_equal(found, 6);
	do {
		assert_int_equal(
		    events_list_refusals(db, "", before, 999, &list), OK);
		assert_true(list.n == 999 || list.next == 0);
		for (size_t i = 1; i < list.n; i++)
			assert_true(list.rows[i].id < list.rows[i - 1].id);
		rows += (int)list.n;
		before = list.next;
		events_list_release(&list);
	} while (before != 0);
	assert_int_equal(rows, 4 * EVENTS_LOOKED_AT);
}

static void
test_long_texts_are_cut(void **state)
{
	struct db *db = storefix_db(state);
	struct event_list list;
	char text[2001];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	WRITE(db,
	    events_add(db,
		&(struct event){ .enrollment_id = "e1",
		    .serial = text,
		    .step = text,
		    .reason = text,
		    .remote_address = text }));
	assert_int_equal(events_list_by_enrollment(db, "e1", &list), OK);
	assert_int_equal(strlen(list.rows[0].reason), 500);
	events_list_release(&list);
}

static void
test_purge(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	add_many(db, 3, "e1", "S1");
	WRITE(db, events_purge(db, now + 86400 * 179, 180, 2, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, events_purge(db, now + 86400 * 181, 180, 2, &deleted));
	assert_int_equal(deleted, 2);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_add_and_list),
	STOREFIX_TEST(test_note_leaves_a_transaction_alone),
	STOREFIX_TEST(test_caps),
	STOREFIX_TEST(test_one_network_is_bounded),
	STOREFIX_TEST(test_all_networks_are_bounded),
	STOREFIX_TEST(test_many_small_networks_are_bounded),
	STOREFIX_TEST(test_known_serial_numbers_are_kept_apart),
	STOREFIX_TEST(test_claims_do_not_push_out_what_is_signed),
	STOREFIX_TEST(test_known_serial_numbers_are_bounded),
	STOREFIX_TEST(test_a_claim_is_kept_with_the_serial_number),
	STOREFIX_TEST(test_a_note_does_not_wait_for_the_disk),
	STOREFIX_TEST(test_noise_keeps_the_rest),
	STOREFIX_TEST(test_refusals),
	STOREFIX_TEST(test_refusals_are_searched_in_parts),
	STOREFIX_TEST(test_long_texts_are_cut),
	STOREFIX_TEST(test_purge),
};

STOREFIX_MAIN(tests)
