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

static void
put(struct db *db, const char *account, const char *family, const char *model)
{
	struct ade_device d = { .serial = "S1", .fetch = 1 };

	COPY(d.account, account);
	COPY(d.device_family, family);
	COPY(d.model, model);
	WRITE(db, ade_devices_fetched(db, &d));
}

/* What Apple Business calls a Mac is one, whatever else is said of it. */
static void
test_records_say_what_it_is(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(load(db).known_kind, PRODUCT_KIND_UNKNOWN);
	put(db, "one", "", "");
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_UNKNOWN);
	put(db, "one", "iPad", "iPad with a keyboard for Macs");
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_OTHER);
	put(db, "another", "", "iPad Pro");
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_OTHER);
	put(db, "third", "Mac", "");
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
	put(db, "third", "", "MacBook Pro");
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
	WRITE(db, ade_devices_remove(db, "third", "S1"));
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
}

static void
authenticate(struct db *db, const char *product, bool attested)
{
	static const uint8_t sha256[SECRET_SHA256] = { 1 };
	struct host_identity identity = { .certificate_sha256 = sha256,
		.enrollment_id = "E1", .hardware_attested = attested };
	struct host_vitals vitals = { .device.serial = "S1",
		.device.udid = "U1", .topic = "t" };
	struct host host;

	COPY(vitals.device.product, product);
	WRITE(db, hosts_authenticate(db, &identity, &vitals, &host));
}

static void
renew(struct db *db, bool attested)
{
	static const uint8_t sha256[SECRET_SHA256] = { 2 };
	struct host_identity identity = { .certificate_sha256 = sha256,
		.enrollment_id = "E1", .hardware_attested = attested };

	WRITE(db, hosts_set_certificate(db, load(db).host.id, &identity));
}

static void
say(struct db *db, const char *product)
{
	struct host_vitals vitals = { .topic = "t" };

	COPY(vitals.device.product, product);
	WRITE(db, hosts_update_vitals(db, load(db).host.id, &vitals));
}

/* It says something else later, and nothing comes of it. */
static void
test_what_attested_stays_what_it_was(void **state)
{
	struct db *db = storefix_db(state);

	authenticate(db, "iPhone14,2", false);
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_UNKNOWN);
	say(db, "Mac15,3");
	renew(db, true);
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
	say(db, "iPhone14,2");
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
	renew(db, true);
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
	authenticate(db, "iPhone14,2", true);
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_MAC);
	assert_string_equal(load(db).host.attested_product, "Mac15,3");
}

static void
test_an_iphone_that_attested_is_one(void **state)
{
	struct db *db = storefix_db(state);

	authenticate(db, "", true);
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_UNKNOWN);
	authenticate(db, "iPhone14,2", true);
	assert_int_equal(load(db).known_kind, PRODUCT_KIND_OTHER);
}

static void
test_settings(void **state)
{
	static const struct conf conf = { .premium = true };
	struct db *db = storefix_db(state);
	struct device_state s;

	assert_int_equal(device_state_load(db, &conf, "S1", &s), OK);
	assert_false(s.require_attestation);
	assert_true(s.macs_only);
	WRITE(db, settings_set(db, &conf, SETTINGS_BY_ADMIN,
		SETTINGS_ATTESTATION_DEVICES, SETTINGS_DEVICES_ALL, "root"));
	assert_int_equal(device_state_load(db, &conf, "S1", &s), OK);
	assert_false(s.macs_only);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_any_row_names_the_chip),
	STOREFIX_TEST(test_the_model_names_the_chip),
	STOREFIX_TEST(test_records_say_what_it_is),
	STOREFIX_TEST(test_what_attested_stays_what_it_was),
	STOREFIX_TEST(test_an_iphone_that_attested_is_one),
	STOREFIX_TEST(test_settings),
};

STOREFIX_MAIN(tests)
