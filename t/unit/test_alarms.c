#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/alarms.h"

#define DAY INT64_C(86400)

static void
test_one_open_alarm_per_kind_and_subject(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm_list list;
	int64_t open;

	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "C02A", "one"));
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "C02A", "two"));
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h2", "C02B", "b"));
	WRITE(db, alarms_raise(db, ALARM_UDID_MISMATCH, "h1", NULL, "c"));
	assert_int_equal(alarms_count_open(db, &open), OK);
	assert_int_equal(open, 3);
	assert_int_equal(alarms_list(db, false, 0, 10, &list), OK);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.rows[0].kind, "udid-mismatch");
	assert_string_equal(list.rows[0].serial, "");
	assert_string_equal(list.rows[2].kind, "signer-changed");
	assert_string_equal(list.rows[2].subject, "h1");
	assert_string_equal(list.rows[2].serial, "C02A");
	assert_string_equal(list.rows[2].text, "two");
	assert_int_equal(list.rows[2].closed_at, 0);
	alarms_list_release(&list);
}

static void
test_closed_alarms_can_be_raised_again(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm_list list;
	int64_t open;

	WRITE(db, alarms_close(db, ALARM_SIGNER_CHANGED, "h1"));
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "C02A", "one"));
	WRITE(db, alarms_close(db, ALARM_UDID_MISMATCH, "h1"));
	WRITE(db, alarms_close(db, ALARM_SIGNER_CHANGED, "h2"));
	assert_int_equal(alarms_count_open(db, &open), OK);
	assert_int_equal(open, 1);
	WRITE(db, alarms_close(db, ALARM_SIGNER_CHANGED, "h1"));
	assert_int_equal(alarms_count_open(db, &open), OK);
	assert_int_equal(open, 0);
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "C02A", "two"));
	assert_int_equal(alarms_list(db, true, 0, 10, &list), OK);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.rows[0].closed_at, 0);
	assert_string_equal(list.rows[1].text, "one");
	assert_true(list.rows[1].closed_at >= list.rows[1].raised_at);
	alarms_list_release(&list);
}

static void
test_lists_are_paged_and_by_device(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm_list list;
	int64_t before;

	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "1", "C02A", "a"));
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "2", "C02B", "b"));
	WRITE(db, alarms_raise(db, ALARM_UDID_MISMATCH, "1", "C02A", "c"));
	assert_int_equal(alarms_list(db, false, 0, 2, &list), OK);
	assert_int_equal(list.n, 2);
	before = list.rows[1].id;
	alarms_list_release(&list);
	assert_int_equal(alarms_list(db, false, before, 2, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].text, "a");
	alarms_list_release(&list);
	WRITE(db, alarms_close(db, ALARM_SIGNER_CHANGED, "1"));
	assert_int_equal(alarms_list_by_serial(db, "C02A", 9, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].text, "c");
	alarms_list_release(&list);
}

static void
test_purge_keeps_open_alarms_and_a_year(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	int deleted;

	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "1", "", "a"));
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "2", "", "b"));
	WRITE(db, alarms_close(db, ALARM_SIGNER_CHANGED, "1"));
	WRITE(db, alarms_purge(db, now + 364 * DAY, 10, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, alarms_purge(db, now + 366 * DAY, 10, &deleted));
	assert_int_equal(deleted, 1);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM alarms"), 1);
}

/* Recorded messages can be sent again as often as somebody likes. */
static void
test_a_note_waits_for_no_disk(void **state)
{
	struct db *db = storefix_db(state);
	int before;

	/* the first write of all flushes the head of the log */
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "1", "C02A", "a"));
	before = storefix_flushes();
	assert_int_equal(
	    alarms_note(db, ALARM_SIGNER_CHANGED, "2", "C02B", "b"), OK);
	assert_int_equal(storefix_flushes(), before);
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "1", "C02A", "a"));
	assert_true(storefix_flushes() > before);
}

static void
test_kind_names_are_unique(void **state)
{
	(void)state;
	for (int i = 0; i < ALARM_KIND_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(
			    alarms_kind_name(i), alarms_kind_name(j));
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_one_open_alarm_per_kind_and_subject),
	STOREFIX_TEST(test_closed_alarms_can_be_raised_again),
	STOREFIX_TEST(test_lists_are_paged_and_by_device),
	STOREFIX_TEST(test_purge_keeps_open_alarms_and_a_year),
	STOREFIX_TEST(test_a_note_waits_for_no_disk),
	cmocka_unit_test(test_kind_names_are_unique),
};

STOREFIX_MAIN(tests)
