/* What is known of a serial number when the server decides. */
#include "storefix.h"

#include "policy/device_state.h"
#include "store/ade_devices.h"
#include "store/datum.h"

static struct device_state
load(struct db *db)
{
	static const struct conf conf;
	struct device_state out;

	assert_int_equal(device_state_load(db, &conf, "S1", &out), OK);
	return out;
}

static void
list(struct db *db, const char *account, const char *model,
    const char *description)
{
	struct ade_device d = { .serial = "S1", .fetch = 1 };

	COPY(d.account, account);
	COPY(d.model, model);
	COPY(d.description, description);
	WRITE(db, ade_devices_fetched(db, &d));
}

static void
test_any_row_names_the_chip(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(load(db).assignment, DEVICE_NEVER_ASSIGNED);
	list(db, "csv", "MacBook Pro", "MacBook Pro 14-inch Apple M2");
	assert_true(load(db).known_silicon);
	/* whichever account comes first */
	list(db, "business", "MacBook Pro 14\"", "MBP 14 512GB");
	assert_true(load(db).known_silicon);
	list(db, "second", "MacBook Pro 14\"", "");
	assert_true(load(db).known_silicon);
	/* a removed one that named it as well */
	WRITE(db, ade_devices_remove(db, "csv", "S1"));
	assert_true(load(db).known_silicon);
	assert_int_equal(load(db).assignment, DEVICE_ASSIGNED);
	WRITE(db, ade_devices_remove(db, "business", "S1"));
	assert_int_equal(load(db).assignment, DEVICE_ASSIGNED);
	WRITE(db, ade_devices_remove(db, "second", "S1"));
	assert_int_equal(load(db).assignment, DEVICE_REMOVED);
	assert_true(load(db).known_silicon);
}

static void
test_the_model_names_the_chip(void **state)
{
	struct db *db = storefix_db(state);

	list(db, "business", "MacBook Pro", "MBP");
	assert_false(load(db).known_silicon);
	list(db, "second", "Mac15,3", "");
	assert_true(load(db).known_silicon);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_any_row_names_the_chip),
	STOREFIX_TEST(test_the_model_names_the_chip),
};

STOREFIX_MAIN(tests)
