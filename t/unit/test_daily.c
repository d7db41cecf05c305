#include "storefix.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/daily.h"
#include "store/events.h"
#include "store/store.h"

#define DAY DAILY_SECONDS

static void
test_hosts(void **state)
{
	struct db *db = storefix_db(state);
	struct daily_hosts_list list;

	WRITE(db, daily_note_hosts(db, 10 * DAY + 5));
	storefix_sql(db,
	    "INSERT INTO hosts (id, serial, udid, state, hardware_attested,"
	    " created_at) VALUES ('a', 'A', 'UA', 'enrolled', 1, 1),"
	    " ('b', 'B', 'UB', 'enrolled', 0, 1),"
	    " ('c', 'C', 'UC', 'blocked', 0, 1)");
	WRITE(db, daily_note_hosts(db, 12 * DAY));
	assert_int_equal(daily_list_hosts(db, 0, &list), OK);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.rows[0].day, 10);
	assert_int_equal(list.rows[0].enrolled, 0);
	assert_int_equal(list.rows[1].day, 12);
	assert_int_equal(list.rows[1].enrolled, 2);
	assert_int_equal(list.rows[1].attested, 1);
	daily_list_hosts_release(&list);
	storefix_sql(db, "DELETE FROM hosts WHERE id = 'b'");
	WRITE(db, daily_note_hosts(db, 13 * DAY - 1));
	assert_int_equal(daily_list_hosts(db, 11 * DAY, &list), OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.rows[0].enrolled, 1);
	daily_list_hosts_release(&list);
}

static void
test_refusals(void **state)
{
	struct db *db = storefix_db(state);
	struct daily_refusals_list list;
	int64_t now = clock_now();

	for (int day = 0; day < 3; day++)
		for (int n = 0; n <= day; n++)
			WRITE(db,
			    daily_add_refusal(db, (10 + day) * DAY, "MALFORMED"));
	WRITE(db, daily_add_refusal(db, 12 * DAY, "ATT_CHAIN"));
	assert_int_equal(daily_list_refusals(db, 11 * DAY + 1, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].code, "MALFORMED");
	assert_int_equal(list.rows[0].refusals, 5);
	assert_string_equal(list.rows[1].code, "ATT_CHAIN");
	assert_int_equal(list.rows[1].refusals, 1);
	daily_list_refusals_release(&list);
	/* what is refused is counted, and what is not is not */
	assert_int_equal(
	    events_note(db,
		&(struct event){ .serial = "S",
		    .step = "profile",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_ENROLL_UNASSIGNED }),
	    OK);
	assert_int_equal(
	    events_note(db, &(struct event){ .serial = "S", .step = "profile" }),
	    OK);
	assert_int_equal(daily_list_refusals(db, now, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].code, "ENROLL_UNASSIGNED");
	assert_int_equal(list.rows[0].refusals, 1);
	daily_list_refusals_release(&list);
}

static void
test_most_frequent(void **state)
{
	struct db *db = storefix_db(state);
	struct daily_refusals_list list;
	char code[8];

	for (int i = 0; i < DAILY_REASONS + 2; i++) {
		snprintf(code, sizeof code, "C%02d", i);
		for (int n = 0; n <= i; n++)
			WRITE(db, daily_add_refusal(db, DAY, code));
	}
	assert_int_equal(daily_list_refusals(db, 0, &list), OK);
	assert_int_equal(list.n, DAILY_REASONS);
	assert_string_equal(list.rows[0].code, "C11");
	assert_string_equal(list.rows[DAILY_REASONS - 1].code, "C02");
	daily_list_refusals_release(&list);
}

/* The run that cleans up also counts today, and forgets what is too old. */
static void
test_kept(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now(), deleted;
	int64_t last = now - DAILY_KEPT * DAY;
	struct daily_hosts_list list;

	for (int i = 0; i < 3; i++) {
		WRITE(db, daily_note_hosts(db, last - i * DAY));
		WRITE(db, daily_add_refusal(db, last - i * DAY, "ONE"));
		WRITE(db, daily_add_refusal(db, last - i * DAY, "TWO"));
	}
	assert_int_equal(store_purge(db, &storefix_retention, now, &deleted), OK);
	assert_int_equal(deleted, 2 + 4);
	assert_int_equal(daily_list_hosts(db, 0, &list), OK);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.rows[0].day, last / DAY);
	assert_int_equal(list.rows[1].day, now / DAY);
	daily_list_hosts_release(&list);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM daily_refusals"), 2);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_hosts),
	STOREFIX_TEST(test_refusals),
	STOREFIX_TEST(test_most_frequent),
	STOREFIX_TEST(test_kept),
};

STOREFIX_MAIN(tests)
