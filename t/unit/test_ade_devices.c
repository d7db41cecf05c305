#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "store/ade_devices.h"
#include "store/datum.h"

static bool
assigned(struct db *db, const char *serial)
{
	bool answer;

	assert_int_equal(ade_devices_assigned(db, serial, &answer), OK);
	return answer;
}

static void
test_assign_and_remove(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = { .account = ADE_DEVICES_FILE,
		.serial = "S1",
		.model = "MacBook",
		.added_at = 5 };
	struct ade_device out;

	assert_false(assigned(db, "S1"));
	WRITE(db, ade_devices_put(db, &d));
	assert_true(assigned(db, "S1"));
	assert_false(assigned(db, "s1"));
	assert_false(assigned(db, ""));
	WRITE(db, ade_devices_remove(db, ADE_DEVICES_FILE, "S1"));
	assert_false(assigned(db, "S1"));
	REFUSE(
	    db, ERR_NOT_FOUND, ade_devices_remove(db, ADE_DEVICES_FILE, "S1"));
	assert_int_equal(ade_devices_load(db, "S1", &out), OK);
	assert_int_not_equal(out.removed_at, 0);
	d.added_at = 9;
	WRITE(db, ade_devices_put(db, &d));
	assert_true(assigned(db, "S1"));
	assert_int_equal(ade_devices_load(db, "S1", &out), OK);
	assert_int_equal(out.added_at, 9);
	assert_int_equal(out.removed_at, 0);
}

static void
test_update_keeps_the_day_of_adding(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = {
		.account = ADE_DEVICES_FILE, .serial = "S1", .added_at = 5
	};
	struct ade_device out;

	WRITE(db, ade_devices_put(db, &d));
	d = (struct ade_device){
		.account = ADE_DEVICES_FILE, .serial = "S1", .model = "Mac mini"
	};
	WRITE(db, ade_devices_put(db, &d));
	assert_int_equal(ade_devices_load(db, "S1", &out), OK);
	assert_int_equal(out.added_at, 5);
	assert_string_equal(out.model, "Mac mini");
}

static void
test_no_serial(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = { .account = ADE_DEVICES_FILE, .model = "x" };

	REFUSE(db, ERR_FIELD, ade_devices_put(db, &d));
	assert_int_equal(ade_devices_load(db, "S1", &d), ERR_NOT_FOUND);
}

static void
test_list_pages(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = { .account = ADE_DEVICES_FILE, .serial = "A0" };
	static const struct ade_device_filter filters[] = {
		{ .search = "a", .limit = 2 },
		{ .account = ADE_DEVICES_FILE, .limit = 2 },
		{ .account = ADE_DEVICES_FILE, .search = "a", .limit = 2 },
		{ .limit = 2 },
	};

	for (char c = '0'; c < '5'; c++) {
		d.serial[1] = c;
		WRITE(db, ade_devices_put(db, &d));
	}
	for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
		struct ade_device_filter filter = filters[i];
		char next[CURSOR_TEXT] = "", seen[16] = "";
		struct ade_device_list list;

		do {
			filter.cursor = next;
			assert_int_equal(
			    ade_devices_list(db, &filter, &list), OK);
			for (size_t j = 0; j < list.n; j++)
				strcat(seen, list.rows[j].serial);
			COPY(next, list.next);
			ade_devices_list_release(&list);
		} while (next[0] != '\0');
		assert_string_equal(seen, "A0A1A2A3A4");
		filter.cursor = "x";
		assert_int_equal(
		    ade_devices_list(db, &filter, &list), ERR_FIELD);
	}
}

#define ACCOUNT "business"

static struct ade_device
load(struct db *db, const char *serial)
{
	struct ade_device d;

	assert_int_equal(ade_devices_load(db, serial, &d), OK);
	return d;
}

static void
change(struct db *db, const char *serial, int64_t at, const char *profile)
{
	struct ade_device d = { .account = ACCOUNT, .op_date = at };

	COPY(d.serial, serial);
	COPY(d.profile_uuid, profile);
	WRITE(db, ade_devices_changed(db, &d));
}

/* mdm-89 */
static void
test_the_newest_change_counts(void **state)
{
	struct db *db = storefix_db(state);

	change(db, "S1", 20, "P2");
	change(db, "S1", 10, "P1");
	assert_string_equal(load(db, "S1").profile_uuid, "P2");
	WRITE(db, ade_devices_gone(db, ACCOUNT, "S1", 15));
	assert_int_equal(load(db, "S1").gone_at, 0);
	WRITE(db, ade_devices_gone(db, ACCOUNT, "S1", 30));
	assert_int_not_equal(load(db, "S1").gone_at, 0);
	assert_string_equal(load(db, "S1").profile_uuid, "");
	assert_true(assigned(db, "S1"));
	change(db, "S1", 25, "P3");
	assert_int_not_equal(load(db, "S1").gone_at, 0);
	/* of two with one date, the later counts */
	change(db, "S1", 30, "P4");
	assert_int_equal(load(db, "S1").gone_at, 0);
	assert_string_equal(load(db, "S1").profile_uuid, "P4");
	/* no readable date */
	change(db, "S1", 0, "P5");
	assert_string_equal(load(db, "S1").profile_uuid, "P5");
	assert_int_equal(load(db, "S1").op_date, 30);
	WRITE(db, ade_devices_gone(db, ACCOUNT, "S1", 0));
	assert_int_not_equal(load(db, "S1").gone_at, 0);
	/* nothing is made of a deletion */
	WRITE(db, ade_devices_gone(db, ACCOUNT, "S9", 30));
	assert_false(assigned(db, "S9"));
}

/* It is listed by a newer full fetch, which says since when. */
static void
test_a_full_fetch_outlives_an_older_deletion(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = {
		.account = ACCOUNT, .serial = "S1", .fetch = 1, .op_date = 40
	};

	change(db, "S1", 20, "");
	WRITE(db, ade_devices_gone(db, ACCOUNT, "S1", 30));
	WRITE(db, ade_devices_fetched(db, &d));
	WRITE(db, ade_devices_gone(db, ACCOUNT, "S1", 30));
	assert_int_equal(load(db, "S1").gone_at, 0);
	d.op_date = 0;
	WRITE(db, ade_devices_fetched(db, &d));
	assert_int_equal(load(db, "S1").op_date, 40);
}

static void
test_what_a_full_fetch_did_not_list_is_gone(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = { .account = ACCOUNT, .fetch = 1 };
	int64_t ours, gone;
	int removed;

	for (const char *s = "ABC"; *s != '\0'; s++) {
		d.serial[0] = *s;
		d.fetch = *s == 'B' ? 1 : 2;
		WRITE(db, ade_devices_fetched(db, &d));
	}
	COPY(d.account, "other");
	WRITE(db, ade_devices_fetched(db, &d));
	WRITE(db, ade_devices_unseen_gone(db, ACCOUNT, 2));
	assert_int_equal(ade_devices_count(db, ACCOUNT, &ours, &gone), OK);
	assert_int_equal(ours, 3);
	assert_int_equal(gone, 1);
	WRITE(db, ade_devices_remove_gone(db, ACCOUNT, &removed));
	assert_int_equal(removed, 1);
	assert_false(assigned(db, "B"));
	/* ours as long as another account lists it */
	WRITE(db, ade_devices_unseen_gone(db, ACCOUNT, 3));
	WRITE(db, ade_devices_remove_gone(db, ACCOUNT, &removed));
	assert_int_equal(removed, 2);
	assert_true(assigned(db, "C"));
	assert_string_equal(load(db, "C").account, "other");
	assert_false(assigned(db, "A"));
	/* it returns */
	change(db, "A", 1, "");
	assert_true(assigned(db, "A"));
}

static size_t
to_assign(struct db *db, const char *after)
{
	struct ade_device_list list;
	size_t n;

	assert_int_equal(
	    ade_devices_to_assign(db, ACCOUNT, "WANTED", after, &list), OK);
	n = list.n;
	ade_devices_list_release(&list);
	return n;
}

static void
answer(struct db *db, const char *serial, const char *result, int64_t next_at)
{
	struct ade_device d = load(db, serial);

	COPY(d.assign_result, result);
	d.assign_next_at = next_at;
	if (strcmp(result, "success") == 0) {
		COPY(d.profile_uuid, "WANTED");
		d.assigned_at = 50;
	}
	WRITE(db, ade_devices_answered(db, &d));
}

/* mdm-94 */
static void
test_what_is_to_be_assigned(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device_counts counts;
	struct ade_device_list list;

	change(db, "A", 10, "");
	change(db, "B", 10, "OTHER");
	change(db, "C", 10, "WANTED");
	change(db, "D", 10, "");
	WRITE(db, ade_devices_gone(db, ACCOUNT, "D", 20));
	change(db, "E", 10, "");
	assert_int_equal(to_assign(db, ""), 3);
	assert_int_equal(to_assign(db, "A"), 2);
	assert_int_equal(
	    ade_devices_count_profiles(db, ACCOUNT, "WANTED", &counts), OK);
	assert_int_equal(counts.devices, 4);
	assert_int_equal(counts.wanted, 1);
	assert_int_equal(counts.other, 1);
	assert_int_equal(counts.none, 2);
	/* what was sent is asked for, and not sent again */
	WRITE(db, ade_devices_asked(db, ACCOUNT, "A"));
	assert_int_equal(to_assign(db, ""), 2);
	assert_int_equal(ade_devices_unanswered(db, ACCOUNT, &list), OK);
	assert_int_equal(list.n, 1);
	ade_devices_list_release(&list);
	answer(db, "A", "success", 0);
	answer(db, "B", "not_accessible", 0);
	answer(db, "E", "failed", clock_now() + 86400);
	assert_int_equal(to_assign(db, ""), 0);
	assert_int_equal(
	    ade_devices_count_profiles(db, ACCOUNT, "WANTED", &counts), OK);
	assert_int_equal(counts.wanted, 2);
	assert_int_equal(counts.not_accessible, 1);
	assert_int_equal(counts.waiting, 1);
	assert_int_equal(counts.next_at, clock_now() + 86400);
	/* no clock that is right put it off until then */
	answer(db, "E", "failed", clock_now() + 3 * 86400);
	assert_int_equal(to_assign(db, ""), 1);
	answer(db, "E", "failed", 1);
	assert_int_equal(to_assign(db, ""), 1);
	/* a record from before our assignment takes nothing back */
	change(db, "A", 40, "");
	assert_string_equal(load(db, "A").profile_uuid, "WANTED");
	change(db, "A", 60, "");
	assert_int_equal(to_assign(db, ""), 2);
	/* the next change gives a refused one another try */
	change(db, "B", 60, "");
	assert_int_equal(to_assign(db, ""), 3);
	/* no profile is wanted by nobody */
	assert_int_equal(
	    ade_devices_count_profiles(db, ACCOUNT, "", &counts), OK);
	assert_int_equal(counts.wanted, 0);
}

static void
check_kept(struct db *db, int64_t devices, int64_t wanted, int64_t none)
{
	struct ade_device_counts kept, counted;

	assert_int_equal(
	    ade_devices_count_kept(db, ACCOUNT, "WANTED", &kept), OK);
	assert_int_equal(
	    ade_devices_count_profiles(db, ACCOUNT, "WANTED", &counted), OK);
	assert_int_equal(kept.devices, devices);
	assert_int_equal(kept.wanted, wanted);
	assert_int_equal(kept.none, none);
	assert_int_equal(kept.other, devices - wanted - none);
	assert_int_equal(counted.devices, devices);
	assert_int_equal(counted.wanted, wanted);
	assert_int_equal(counted.none, none);
}

/* The counts that are kept are those that counting gives. */
static void
test_counts_are_kept(void **state)
{
	struct db *db = storefix_db(state);
	int removed;

	check_kept(db, 0, 0, 0);
	change(db, "A", 10, "");
	change(db, "B", 10, "OTHER");
	change(db, "C", 10, "WANTED");
	check_kept(db, 3, 1, 1);
	change(db, "B", 20, "WANTED");
	check_kept(db, 3, 2, 1);
	WRITE(db, ade_devices_gone(db, ACCOUNT, "C", 30));
	check_kept(db, 2, 1, 1);
	WRITE(db, ade_devices_remove_gone(db, ACCOUNT, &removed));
	check_kept(db, 2, 1, 1);
	change(db, "C", 40, "");
	check_kept(db, 3, 1, 2);
	WRITE(db, ade_devices_asked(db, ACCOUNT, "A"));
	answer(db, "A", "success", 0);
	check_kept(db, 3, 2, 1);
	WRITE(db, ade_devices_remove(db, ACCOUNT, "A"));
	check_kept(db, 2, 1, 1);
	storefix_change(db, "DELETE FROM ade_devices WHERE serial = 'B'");
	check_kept(db, 1, 0, 1);
	storefix_change(db, "UPDATE ade_devices SET account = 'elsewhere'");
	check_kept(db, 0, 0, 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_counts_are_kept),
	STOREFIX_TEST(test_assign_and_remove),
	STOREFIX_TEST(test_update_keeps_the_day_of_adding),
	STOREFIX_TEST(test_no_serial),
	STOREFIX_TEST(test_list_pages),
	STOREFIX_TEST(test_the_newest_change_counts),
	STOREFIX_TEST(test_a_full_fetch_outlives_an_older_deletion),
	STOREFIX_TEST(test_what_a_full_fetch_did_not_list_is_gone),
	STOREFIX_TEST(test_what_is_to_be_assigned),
};

STOREFIX_MAIN(tests)
