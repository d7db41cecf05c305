#include "storefix.h"

#include <string.h>

#include "store/activities.h"
#include "store/settings.h"

static const struct conf free_tier = { .premium = false };
static const struct conf premium = { .premium = true };
static const struct conf gitops = { .premium = true,
	.gitops_mode_enabled = true };

static int
set(struct db *db, const struct conf *conf, const char *name, const char *value)
{
	return settings_set(db, conf, SETTINGS_BY_ADMIN, name, value, "root");
}

static bool
required(struct db *db, const struct conf *conf)
{
	bool value;

	assert_int_equal(
	    settings_get_bool(db, conf, SETTINGS_REQUIRE_ATTESTATION, &value),
	    OK);
	return value;
}

static void
test_defaults(void **state)
{
	char text[SETTINGS_VALUE_TEXT];

	assert_false(required(storefix_db(state), &premium));
	assert_int_equal(settings_get_text(storefix_db(state), &free_tier,
			     SETTINGS_MINIMUM_MACOS, text),
	    OK);
	assert_string_equal(text, "");
}

static void
test_set_and_get(void **state)
{
	struct db *db = storefix_db(state);
	char text[SETTINGS_VALUE_TEXT];

	WRITE(db, set(db, &premium, SETTINGS_REQUIRE_ATTESTATION, "true"));
	assert_true(required(db, &premium));
	WRITE(db, set(db, &premium, SETTINGS_REQUIRE_ATTESTATION, "false"));
	assert_false(required(db, &premium));
	WRITE(db, set(db, &free_tier, SETTINGS_MINIMUM_MACOS, "15.1"));
	assert_int_equal(settings_get_text(
			     db, &free_tier, SETTINGS_MINIMUM_MACOS, text),
	    OK);
	assert_string_equal(text, "15.1");
}

static void
test_free_tier_has_no_premium_setting(void **state)
{
	struct db *db = storefix_db(state);

	REFUSE(db, ERR_LICENSE,
	    set(db, &free_tier, SETTINGS_REQUIRE_ATTESTATION, "true"));
	assert_null(settings_find(&free_tier, SETTINGS_REQUIRE_ATTESTATION));
	assert_non_null(settings_find(&premium, SETTINGS_REQUIRE_ATTESTATION));
	/* what holds there anyway is accepted, and nothing is stored */
	WRITE(db, set(db, &free_tier, SETTINGS_REQUIRE_ATTESTATION, "false"));
	WRITE(db, set(db, &free_tier, SETTINGS_BUSINESS_ONLY, "false"));
	WRITE(db, set(db, &free_tier, SETTINGS_ATTESTATION_DEVICES, "macs"));
	REFUSE(db, ERR_LICENSE,
	    set(db, &free_tier, SETTINGS_ATTESTATION_DEVICES, "all"));
	REFUSE(db, ERR_LICENSE,
	    set(db, &free_tier, SETTINGS_REQUIRE_ATTESTATION, ""));
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM settings"), 0);
	/* a row from better days, or from another tool, has no effect */
	WRITE(db, set(db, &premium, SETTINGS_REQUIRE_ATTESTATION, "true"));
	assert_false(required(db, &free_tier));
	/* which does not come back by what is no change */
	WRITE(db, set(db, &free_tier, SETTINGS_REQUIRE_ATTESTATION, "false"));
	assert_true(required(db, &premium));
}

static void
test_gitops_mode_refuses_administrators(void **state)
{
	struct db *db = storefix_db(state);

	REFUSE(db, ERR_GITOPS,
	    set(db, &gitops, SETTINGS_REQUIRE_ATTESTATION, "true"));
	WRITE(db,
	    settings_set(db, &gitops, SETTINGS_BY_GITOPS,
		SETTINGS_REQUIRE_ATTESTATION, "true", "gitops"));
	assert_true(required(db, &gitops));
	/* the row says who went past the repository */
	WRITE(db,
	    settings_set(db, &gitops, SETTINGS_BY_OVERRIDE,
		SETTINGS_REQUIRE_ATTESTATION, "false", "root"));
	WRITE(db,
	    settings_set(db, &premium, SETTINGS_BY_OVERRIDE,
		SETTINGS_REQUIRE_ATTESTATION, "true", "root"));
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM activities"
			     " WHERE action = 'setting.override'"),
	    1);
}

static void
check(const char *name, const char *value, int expected)
{
	assert_int_equal(
	    settings_check(&premium, SETTINGS_BY_ADMIN, name, value), expected);
}

static void
test_values_are_checked(void **state)
{
	check(SETTINGS_REQUIRE_ATTESTATION, "true", OK);
	check(SETTINGS_REQUIRE_ATTESTATION, "True", ERR_FIELD);
	check(SETTINGS_REQUIRE_ATTESTATION, "", ERR_FIELD);
	check(SETTINGS_MINIMUM_MACOS, "", OK);
	check(SETTINGS_MINIMUM_MACOS, "15", OK);
	check(SETTINGS_MINIMUM_MACOS, "15.1.2", OK);
	check(SETTINGS_MINIMUM_MACOS, "1.2.3.4", OK);
	check(SETTINGS_MINIMUM_MACOS, "1.2.3.4.5", ERR_FIELD);
	check(SETTINGS_MINIMUM_MACOS, "15.", ERR_FIELD);
	check(SETTINGS_MINIMUM_MACOS, ".15", ERR_FIELD);
	check(SETTINGS_MINIMUM_MACOS, "15..1", ERR_FIELD);
	check(SETTINGS_MINIMUM_MACOS, "15a", ERR_FIELD);
	check(SETTINGS_MINIMUM_MACOS, "12345", ERR_FIELD);
	check(SETTINGS_ATTESTATION_DEVICES, "macs", OK);
	check(SETTINGS_ATTESTATION_DEVICES, "all", OK);
	check(SETTINGS_ATTESTATION_DEVICES, "ALL", ERR_FIELD);
	check(SETTINGS_ATTESTATION_DEVICES, "macs,all", ERR_FIELD);
	check(SETTINGS_ATTESTATION_DEVICES, "", ERR_FIELD);
	check("no_such_setting", "1", ERR_NOT_FOUND);
}

static void
test_getting_the_wrong_type_is_a_fault(void **state)
{
	char text[SETTINGS_VALUE_TEXT];
	bool value;

	assert_int_equal(settings_get_bool(storefix_db(state), &premium,
			     SETTINGS_MINIMUM_MACOS, &value),
	    ERR_INTERNAL);
	assert_int_equal(
	    settings_get_text(storefix_db(state), &premium, "x", text),
	    ERR_INTERNAL);
}

static void
test_a_change_is_recorded_once(void **state)
{
	struct db *db = storefix_db(state);
	struct activity_list list;

	WRITE(db, set(db, &premium, SETTINGS_REQUIRE_ATTESTATION, "true"));
	WRITE(db, set(db, &premium, SETTINGS_REQUIRE_ATTESTATION, "true"));
	assert_int_equal(
	    activities_list(db, &(struct activity_filter){ .limit = 10 }, &list),
	    OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].actor, "root");
	assert_string_equal(list.rows[0].action, "setting.set");
	assert_string_equal(
	    list.rows[0].detail, SETTINGS_REQUIRE_ATTESTATION);
	assert_string_equal(list.rows[0].before, "false");
	assert_string_equal(list.rows[0].after, "true");
	activities_list_release(&list);
}

static void
test_every_default_is_a_value(void **state)
{
	const struct settings_entry *entry;

	for (size_t i = 0; (entry = settings_entry(i)) != NULL; i++)
		check(entry->name, entry->initial, OK);
}

/* Names and paths find one setting each. */
static void
test_every_setting_has_a_path(void **state)
{
	const struct settings_entry *a, *b;

	for (size_t i = 0; (a = settings_entry(i)) != NULL; i++) {
		assert_memory_equal(a->json, "mdm.", 4);
		for (size_t j = 0; j < i; j++) {
			b = settings_entry(j);
			assert_string_not_equal(a->json, b->json);
			assert_string_not_equal(a->name, b->name);
		}
	}
	assert_string_equal(settings_entry(0)->json,
	    "mdm.apple_require_hardware_attestation");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_defaults),
	STOREFIX_TEST(test_set_and_get),
	STOREFIX_TEST(test_free_tier_has_no_premium_setting),
	STOREFIX_TEST(test_gitops_mode_refuses_administrators),
	STOREFIX_TEST(test_values_are_checked),
	STOREFIX_TEST(test_getting_the_wrong_type_is_a_fault),
	STOREFIX_TEST(test_a_change_is_recorded_once),
	STOREFIX_TEST(test_every_default_is_a_value),
	STOREFIX_TEST(test_every_setting_has_a_path),
};

STOREFIX_MAIN(tests)
