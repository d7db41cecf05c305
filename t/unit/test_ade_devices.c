#include "storefix.h"

#include "store/ade_devices.h"

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
	struct ade_device d = { .serial = "S1",
		.model = "MacBook",
		.source = "import",
		.added_at = 5 };
	struct ade_device out;

	assert_false(assigned(db, "S1"));
	WRITE(db, ade_devices_put(db, &d));
	assert_true(assigned(db, "S1"));
	assert_false(assigned(db, "s1"));
	assert_false(assigned(db, ""));
	WRITE(db, ade_devices_remove(db, "S1"));
	assert_false(assigned(db, "S1"));
	REFUSE(db, ERR_NOT_FOUND, ade_devices_remove(db, "S1"));
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
	struct ade_device d = { .serial = "S1", .added_at = 5 };
	struct ade_device out;

	WRITE(db, ade_devices_put(db, &d));
	d = (struct ade_device){ .serial = "S1", .model = "Mac mini" };
	WRITE(db, ade_devices_put(db, &d));
	assert_int_equal(ade_devices_load(db, "S1", &out), OK);
	assert_int_equal(out.added_at, 5);
	assert_string_equal(out.model, "Mac mini");
}

static void
test_no_serial(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device d = { .model = "x" };

	REFUSE(db, ERR_FIELD, ade_devices_put(db, &d));
	assert_int_equal(ade_devices_load(db, "S1", &d), ERR_NOT_FOUND);
}

static void
test_list_pages(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_device_list list;
	struct ade_device d = { .serial = "A0" };

	for (char c = '0'; c < '5'; c++) {
		d.serial[1] = c;
		WRITE(db, ade_devices_put(db, &d));
	}
	assert_int_equal(ade_devices_list(db, "a", 3, 10, &list), OK);
	assert_int_equal(list.total, 5);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].serial, "A3");
	ade_devices_list_release(&list);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_assign_and_remove),
	STOREFIX_TEST(test_update_keeps_the_day_of_adding),
	STOREFIX_TEST(test_no_serial),
	STOREFIX_TEST(test_list_pages),
};

STOREFIX_MAIN(tests)
