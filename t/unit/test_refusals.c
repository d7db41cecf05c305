/* Refusals in the activity log: bounded, whoever is refused and how often. */
#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/activity_chain.h"
#include "store/refusals.h"
#include "store/store.h"

#define DAY 86400

static void
refuse(struct db *db, const char *serial, bool is_signed, int code,
    const char *address)
{
	assert_int_equal(events_note(db,
			     &(struct event){ .serial = is_signed ? serial : "",
				 .claimed = is_signed ? NULL : serial,
				 .is_signed = is_signed,
				 .step = "profile",
				 .outcome = events_outcome(code),
				 .code = code,
				 .reason = "why",
				 .remote_address = address }),
	    OK);
}

static void
know(struct db *db, const char *serial)
{
	char sql[200];

	snprintf(sql, sizeof sql,
	    "INSERT INTO ade_devices (serial, account, added_at)"
	    " VALUES ('%s', 'csv', 1)",
	    serial);
	storefix_change(db, sql);
}

/* What there is of refusals, oldest first. */
static size_t
refusals(struct db *db, struct activity_list *out)
{
	struct activity_verdict v;

	assert_int_equal(activity_chain_verify(db, NULL, &v), OK);
	assert_false(v.broken);
	assert_int_equal(activities_list_after(db, 0, 1000000, out), OK);
	for (size_t i = 0; i < out->n; i++) {
		assert_string_equal(out->rows[i].action, "device.refuse");
		assert_true(out->rows[i].chained);
	}
	return out->n;
}

static size_t
count(struct db *db)
{
	struct activity_list list;
	size_t n = refusals(db, &list);

	activities_list_release(&list);
	return n;
}

static void
purge(struct db *db, int days)
{
	int64_t deleted;

	clock_set_offset(days * DAY);
	assert_int_equal(store_purge(db, &storefix_retention, clock_now(), &deleted), OK);
	clock_set_offset(0);
}

static void
test_the_first_and_then_their_number(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;

	know(db, "C02A");
	for (int i = 0; i < 5; i++)
		refuse(db, "C02A", true, ERR_ENROLL_UNASSIGNED, "192.0.2.1");
	refuse(db, "C02A", true, ERR_ENROLL_OS_TOO_OLD, "192.0.2.1");
	assert_int_equal(refusals(db, &list), 2);
	assert_string_equal(list.rows[0].serial, "C02A");
	assert_string_equal(
	    list.rows[0].detail, "profile, ENROLL_UNASSIGNED: why");
	activities_list_release(&list);
	purge(db, 0);
	assert_int_equal(count(db), 2);
	purge(db, 1);
	assert_int_equal(refusals(db, &list), 3);
	assert_string_equal(list.rows[2].serial, "C02A");
	assert_non_null(
	    strstr(list.rows[2].detail, "ENROLL_UNASSIGNED: 4 more on 20"));
	activities_list_release(&list);
	purge(db, 1);
	assert_int_equal(count(db), 3);
	/* the next day begins anew */
	clock_set_offset(DAY);
	refuse(db, "C02A", true, ERR_ENROLL_UNASSIGNED, "192.0.2.1");
	clock_set_offset(0);
	assert_int_equal(count(db), 4);
}

/* They may name serial numbers, also those of hosts, and have many addresses. */
static void
test_strangers_count_together(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;
	char serial[20], address[20];

	know(db, "C02A");
	for (int i = 0; i < 100; i++) {
		snprintf(serial, sizeof serial, "C02STRANGE%d", i);
		snprintf(address, sizeof address, "192.0.%d.1", i);
		refuse(db, i % 2 == 0 ? serial : "C02A", false,
		    ERR_ENROLL_UNASSIGNED, address);
		/* signed, and of a device that is none of ours */
		refuse(db, serial, true, ERR_ENROLL_UNASSIGNED, address);
	}
	assert_int_equal(refusals(db, &list), 1);
	assert_string_equal(list.rows[0].serial, "");
	activities_list_release(&list);
	purge(db, 1);
	assert_int_equal(refusals(db, &list), 2);
	assert_non_null(strstr(list.rows[1].detail, ": 199 more on "));
	activities_list_release(&list);
}

/* Not even those that proved who they are. */
static void
test_a_crowd_of_devices_is_bounded(void **state)
{
	struct db *db = storefix_db(state);
	char serial[20];

	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < REFUSALS_DEVICES + 50; i++) {
		snprintf(serial, sizeof serial, "C02CROWD%d", i);
		for (int k = 0; k < 2; k++)
			assert_int_equal(
			    events_add(db,
				&(struct event){ .enrollment_id = serial,
				    .serial = serial,
				    .step = "order",
				    .outcome = EVENT_REFUSED,
				    .code = ERR_IDENTIFIER_REJECTED,
				    .remote_address = "192.0.2.1" }),
			    OK);
	}
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(count(db), REFUSALS_DEVICES + 1);
	/* those that are known go on to count */
	refuse(db, "C02A", true, ERR_IDENTIFIER_REJECTED, "192.0.2.1");
	assert_int_equal(count(db), REFUSALS_DEVICES + 1);
	purge(db, 1);
	assert_int_equal(count(db), 2 * (REFUSALS_DEVICES + 1));
}

static void
test_faults_of_ours_are_no_refusals(void **state)
{
	struct db *db = storefix_db(state);

	know(db, "C02A");
	refuse(db, "C02A", true, ERR_INTERNAL, "192.0.2.1");
	refuse(db, "C02A", true, OK, "192.0.2.1");
	assert_int_equal(count(db), 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_the_first_and_then_their_number),
	STOREFIX_TEST(test_strangers_count_together),
	STOREFIX_TEST(test_a_crowd_of_devices_is_bounded),
	STOREFIX_TEST(test_faults_of_ours_are_no_refusals),
};

STOREFIX_MAIN(tests)
