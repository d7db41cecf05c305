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

/* What alarms_next() gives, which has to be there. */
static struct alarm
next(struct db *db)
{
	struct alarm alarm;

	assert_int_equal(alarms_next(db, clock_now(), &alarm), OK);
	return alarm;
}

static void
nothing_to_tell(struct db *db)
{
	struct alarm alarm;

	assert_int_equal(alarms_next(db, clock_now(), &alarm), ERR_NOT_FOUND);
}

static int
raise_ending(struct db *db, int64_t ends_at)
{
	return alarms_raise_ending(db, ALARM_CA_ENDING, "acme", NULL, ends_at,
	    "The CA", "Make a new one.");
}

static void
test_the_end_of_something_is_told_at_each_threshold(void **state)
{
	/* in seconds before the end */
	static const struct {
		int64_t left;
		int days;
		enum alarm_severity severity;
		const char *text;
	} steps[] = {
		{ 30 * DAY, 30, ALARM_WARNING,
		    "The CA expires within 30 days, on " },
		{ 14 * DAY + 1, 30, ALARM_WARNING, NULL },
		{ 14 * DAY, 14, ALARM_WARNING,
		    "The CA expires within 14 days, on " },
		{ 7 * DAY + 1, 14, ALARM_WARNING, NULL },
		{ 7 * DAY, 7, ALARM_CRITICAL,
		    "The CA expires within 7 days, on " },
		{ DAY + 1, 7, ALARM_CRITICAL, NULL },
		{ DAY, 1, ALARM_CRITICAL, "The CA expires within 1 day, on " },
		{ 1, 1, ALARM_CRITICAL, NULL },
		{ 0, 0, ALARM_CRITICAL, "The CA has expired, on " },
		{ -DAY, 0, ALARM_CRITICAL, NULL },
	};
	struct db *db = storefix_db(state);
	int64_t end = clock_now() + 31 * DAY;
	struct alarm alarm;

	clock_set_offset(DAY - 1);
	WRITE(db, raise_ending(db, end));
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM alarms"), 0);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		clock_set_offset(31 * DAY - steps[i].left);
		WRITE(db, raise_ending(db, end));
		if (steps[i].text == NULL) {
			nothing_to_tell(db);
			continue;
		}
		alarm = next(db);
		assert_int_equal(alarm.days_left, steps[i].days);
		assert_int_equal(alarm.severity, steps[i].severity);
		assert_int_equal(alarm.ends_at, end);
		assert_memory_equal(
		    alarm.text, steps[i].text, strlen(steps[i].text));
		assert_non_null(strstr(alarm.text, " UTC. Make a new one."));
		assert_int_equal(alarms_told(db, &alarm, 0), OK);
		nothing_to_tell(db);
	}
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM alarms"), 1);
	/* renewed */
	WRITE(db, raise_ending(db, clock_now() + 365 * DAY));
	alarm = next(db);
	assert_int_equal(alarm.closed_at, clock_now());
	assert_int_equal(alarms_told(db, &alarm, clock_now() + DAY), OK);
	clock_set_offset(1000 * DAY);
	nothing_to_tell(db);
	clock_set_offset(0);
}

static void
test_an_alarm_is_told_once_and_again_after_a_while(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm alarm;
	int64_t at;

	assert_int_equal(alarms_tell_at(db, &at), OK);
	assert_int_equal(at, 0);
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "C02A", "one"));
	assert_int_equal(alarms_tell_at(db, &at), OK);
	assert_int_equal(at, clock_now());
	alarm = next(db);
	assert_string_equal(alarm.text, "one");
	assert_int_equal(alarm.told_at, 0);
	assert_int_equal(alarms_told(db, &alarm, clock_now() + 7 * DAY), OK);
	/* that it is seen again is no news */
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "C02A", "two"));
	clock_set_offset(7 * DAY - 1);
	nothing_to_tell(db);
	clock_set_offset(7 * DAY);
	alarm = next(db);
	assert_string_equal(alarm.text, "two");
	assert_int_equal(alarm.told_at, clock_now() - 7 * DAY);
	clock_set_offset(0);
}

static void
test_what_changes_while_it_is_told_stays_to_be_told(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm alarm;

	assert_int_equal(
	    alarms_note_state(db, ALARM_DISK_FULL, ALARM_WARNING, "d", "x"),
	    OK);
	alarm = next(db);
	assert_int_equal(
	    alarms_note_state(db, ALARM_DISK_FULL, ALARM_CRITICAL, "d", "y"),
	    OK);
	assert_int_equal(alarms_told(db, &alarm, clock_now() + DAY), OK);
	alarm = next(db);
	assert_int_equal(alarm.severity, ALARM_CRITICAL);
	assert_string_equal(alarm.text, "y");
	WRITE(db, alarms_close(db, ALARM_DISK_FULL, "d"));
	assert_int_equal(alarms_told(db, &alarm, clock_now() + DAY), OK);
	alarm = next(db);
	assert_int_equal(alarm.closed_at, clock_now());
	assert_int_equal(alarms_told(db, &alarm, clock_now() + DAY), OK);
	nothing_to_tell(db);
	/* the threshold moves meanwhile */
	WRITE(db, raise_ending(db, clock_now() + 14 * DAY + 1));
	alarm = next(db);
	clock_set_offset(1);
	WRITE(db, raise_ending(db, clock_now() + 14 * DAY));
	assert_int_equal(alarms_told(db, &alarm, clock_now() + DAY), OK);
	alarm = next(db);
	assert_int_equal(alarm.days_left, 14);
	clock_set_offset(0);
}

static void
test_one_that_is_put_off_lets_others_pass(void **state)
{
	struct db *db = storefix_db(state);
	struct alarm alarm;

	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "", "one"));
	alarm = next(db);
	assert_int_equal(alarms_put_off(db, &alarm, clock_now() + 60), OK);
	nothing_to_tell(db);
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h2", "", "two"));
	assert_string_equal(next(db).text, "two");
	clock_set_offset(60);
	alarm = next(db);
	assert_int_equal(alarms_told(db, &alarm, 0), OK);
	assert_string_equal(next(db).text, "one");
	clock_set_offset(0);
}

static void
test_without_a_command_closed_ones_are_forgotten(void **state)
{
	struct db *db = storefix_db(state);
	int changed;

	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h1", "", "one"));
	WRITE(db, alarms_raise(db, ALARM_SIGNER_CHANGED, "h2", "", "two"));
	WRITE(db, alarms_close(db, ALARM_SIGNER_CHANGED, "h1"));
	assert_int_equal(alarms_forget_closed(db, 10, &changed), OK);
	assert_int_equal(changed, 1);
	assert_string_equal(next(db).text, "two");
	assert_int_equal(alarms_forget_closed(db, 10, &changed), OK);
	assert_int_equal(changed, 0);
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
	STOREFIX_TEST(test_the_end_of_something_is_told_at_each_threshold),
	STOREFIX_TEST(test_an_alarm_is_told_once_and_again_after_a_while),
	STOREFIX_TEST(test_what_changes_while_it_is_told_stays_to_be_told),
	STOREFIX_TEST(test_one_that_is_put_off_lets_others_pass),
	STOREFIX_TEST(test_without_a_command_closed_ones_are_forgotten),
	cmocka_unit_test(test_kind_names_are_unique),
};

STOREFIX_MAIN(tests)
