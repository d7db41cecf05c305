#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_gitops.h"
#include "admin/admin_gitops_file.h"
#include "admin/admin_gitops_json.h"
#include "admin/admin_setting.h"
#include "base/log.h"
#include "store/ade_accounts.h"
#include "unit/unit.h"

#define REQUIRE "controls.apple_require_hardware_attestation"

static const struct conf premium = { .premium = true };
static const struct conf free_tier = { .premium = false };

static void
refused(const char *file, int code, const char *reason)
{
	struct admin_gitops wanted;
	int r = admin_gitops_file_read(blob_str(file), &wanted);

	if (r != code || strcmp(log_reason(), reason) != 0)
		unit_fail("%d, \"%s\" instead of \"%s\" for: %s", r,
		    log_reason(), reason, file);
}

static void
read_file(const char *file, struct admin_gitops *wanted)
{
	if (admin_gitops_file_read(blob_str(file), wanted) != OK)
		unit_fail("%s, for: %s", log_reason(), file);
}

static const char *
value(const struct admin_gitops *settings, const char *path)
{
	for (size_t i = 0; i < settings->n; i++)
		if (strcmp(settings->all[i].path, path) == 0)
			return settings->all[i].text;
	unit_fail("no %s", path);
	return NULL;
}

static void
test_every_setting_has_a_path(void **state)
{
	struct admin_gitops all;
	size_t n = 0;

	admin_gitops_defaults(&all);
	for (size_t i = 0; settings_entry(i) != NULL; i++) {
		n += settings_entry(i)->gitops;
		assert_ptr_equal(strstr(settings_entry(i)->json, "mdm."),
		    settings_entry(i)->json);
	}
	assert_int_equal(all.n, n);
	assert_string_equal(value(&all, REQUIRE), "false");
	assert_string_equal(
	    value(&all, "controls.minimum_os_versions.watchos"), "");
}

static void
test_read(void **state)
{
	struct admin_gitops wanted;

	read_file("controls:\n"
		  "  apple_require_hardware_attestation: true\n"
		  "  apple_hardware_attestation_devices: all\n"
		  "  minimum_os_versions: {macos: \"14.5\", ios: 17.0.1}\n",
	    &wanted);
	assert_string_equal(value(&wanted, REQUIRE), "true");
	assert_string_equal(
	    value(&wanted, "controls.apple_hardware_attestation_devices"),
	    "all");
	assert_string_equal(
	    value(&wanted, "controls.minimum_os_versions.macos"), "14.5");
	assert_string_equal(
	    value(&wanted, "controls.minimum_os_versions.ios"), "17.0.1");
	assert_string_equal(
	    value(&wanted, "controls.minimum_os_versions.tvos"), "");
	assert_string_equal(
	    value(&wanted, "controls.apple_business_enrollments_only"),
	    "false");
	read_file("controls: {}\n", &wanted);
	assert_string_equal(value(&wanted, REQUIRE), "false");
}

static void
test_unknown_keys(void **state)
{
	refused("controls:\n  apple_require_hardware_atestation: true\n",
	    ERR_FIELD,
	    "line 2, column 3: unknown key apple_require_hardware_atestation; "
	    "did you mean " REQUIRE "?");
	refused("control: {}\n", ERR_FIELD,
	    "line 1, column 1: unknown key control; did you mean controls?");
	refused("controls:\n  minimum_os_versions:\n    macs: \"14\"\n",
	    ERR_FIELD,
	    "line 3, column 5: unknown key macs; did you mean "
	    "controls.minimum_os_versions.macos?");
	refused("controls:\n  minimum_os_versions:\n    vos: \"14\"\n",
	    ERR_FIELD,
	    "line 3, column 5: unknown key vos; did you mean "
	    "controls.minimum_os_versions.ios?");
	refused("controls: {}\norg_settings:\n  a: b\n", ERR_FIELD,
	    "line 2, column 1: unknown key org_settings");
	refused("controls:\n  windows_enabled_and_configured: true\n",
	    ERR_FIELD,
	    "line 2, column 3: unknown key windows_enabled_and_configured");
	refused("controls.minimum_os_versions.macos: \"14\"\n", ERR_FIELD,
	    "line 1, column 1: unknown key controls.minimum_os_versions.macos");
	refused("controls:\n  minimum_os_versions.macos: \"14\"\n", ERR_FIELD,
	    "line 2, column 3: unknown key minimum_os_versions.macos");
	refused("controls:\n  \"apple_require_hardware_attestation\\e[2J\": "
		"true\n",
	    ERR_FIELD,
	    "line 2, column 3: unknown key "
	    "apple_require_hardware_attestation\\x1b[2J");
}

static void
test_misplaced_keys(void **state)
{
	refused("apple_require_hardware_attestation: true\n", ERR_FIELD,
	    "line 1, column 1: apple_require_hardware_attestation does not "
	    "belong here; it is " REQUIRE);
	refused("controls:\n  macos: \"14\"\n", ERR_FIELD,
	    "line 2, column 3: macos does not belong here; it is "
	    "controls.minimum_os_versions.macos");
	refused("minimum_os_versions: {}\n", ERR_FIELD,
	    "line 1, column 1: minimum_os_versions does not belong here; it "
	    "is controls.minimum_os_versions");
	refused("controls:\n  controls:\n    a: b\n", ERR_FIELD,
	    "line 2, column 3: controls does not belong here; it is controls");
	refused("controls:\n  minimum_os_version_macos: \"14\"\n", ERR_FIELD,
	    "line 2, column 3: minimum_os_version_macos does not belong here; "
	    "it is controls.minimum_os_versions.macos");
}

static void
test_team_file(void **state)
{
	refused("name: Workstations\ncontrols:\n  "
		"apple_require_hardware_attestation: true\n",
	    ERR_FIELD,
	    "line 1, column 1: name belongs to the file of a team, and this "
	    "server has no teams; its settings are under controls in one file");
	refused("controls: {}\nteam_settings:\n  secrets: []\n", ERR_FIELD,
	    "line 2, column 1: team_settings belongs to the file of a team, "
	    "and this server has no teams; its settings are under controls in "
	    "one file");
}

static void
test_empty_files(void **state)
{
	refused("", ERR_MALFORMED, "line 1, column 1: the document is empty");
	refused("{}\n", ERR_FIELD,
	    "line 1, column 1: the key controls is missing; write controls: {} "
	    "to give all settings their defaults");
	refused("controls:\n", ERR_FIELD,
	    "line 1, column 10: controls must hold further keys, or {} for "
	    "none");
	refused("controls:\n  minimum_os_versions:\n", ERR_FIELD,
	    "line 2, column 23: minimum_os_versions must hold further keys, or "
	    "{} for none");
}

static void
test_values(void **state)
{
	refused("controls:\n  apple_require_hardware_attestation: yes\n",
	    ERR_FIELD,
	    "line 2, column 39: apple_require_hardware_attestation must be "
	    "true or false, in lower case and without quotes; it is yes");
	refused("controls:\n  apple_business_enrollments_only: {}\n", ERR_FIELD,
	    "line 2, column 36: apple_business_enrollments_only must be true "
	    "or false");
	refused("controls:\n  minimum_os_versions: \"14\"\n", ERR_FIELD,
	    "line 2, column 24: minimum_os_versions must hold further keys, or "
	    "{} for none");
	refused("controls:\n  minimum_os_versions:\n    ios: 17.5\n", ERR_FIELD,
	    "line 3, column 10: ios must be a text; write it in quotes: "
	    "\"17.5\"");
	refused("controls:\n  minimum_os_versions:\n    ios: 17.x\n", ERR_FIELD,
	    "line 3, column 10: ios must be numbers with dots, such as "
	    "\"14.5\", or \"\"; it is \"17.x\"");
	refused("controls:\n  apple_hardware_attestation_devices: iphones\n",
	    ERR_FIELD,
	    "line 2, column 39: apple_hardware_attestation_devices must be "
	    "macs or all; it is \"iphones\"");
	refused("controls:\n  apple_hardware_attestation_devices: true\n",
	    ERR_FIELD,
	    "line 2, column 39: apple_hardware_attestation_devices must be a "
	    "text; write it in quotes: \"true\"");
	refused("controls: {minimum_os_versions: {macos: \"14\", macos: "
		"\"15\"}}\n",
	    ERR_MALFORMED,
	    "line 1, column 47: macos stands twice, first in line 1");
}

static void
test_tier(void **state)
{
	struct admin_gitops wanted, present;

	admin_gitops_defaults(&present);
	read_file(
	    "controls:\n  apple_require_hardware_attestation: true\n", &wanted);
	assert_int_equal(admin_gitops_check(&wanted, &present, true), OK);
	assert_int_equal(
	    admin_gitops_check(&wanted, &present, false), ERR_LICENSE);
	assert_string_equal(log_reason(),
	    "line 2, column 39: setting " REQUIRE
	    " needs tier = premium in [license] of the configuration");
	read_file("controls:\n  apple_require_hardware_attestation: false\n"
		  "  minimum_os_versions: {macos: \"14\"}\n",
	    &wanted);
	present.all[0].known = false;
	assert_int_equal(admin_gitops_check(&wanted, &present, false), OK);
	assert_int_equal(
	    admin_gitops_check(&wanted, &present, true), ERR_NOT_FOUND);
	assert_non_null(strstr(log_reason(), "line 2, column 39: the server"));
	read_file("controls: {}\n", &wanted);
	assert_int_equal(admin_gitops_check(&wanted, &present, true), OK);
}

static struct admin_actor
actor(void **state, const struct conf *conf)
{
	return (struct admin_actor){ .conf = conf,
		.db = storefix_db(state),
		.name = "ann",
		.role = ADMIN_ROLE_GITOPS };
}

static int
activities(void **state, const char *action)
{
	char sql[100];

	snprintf(sql, sizeof sql,
	    "SELECT count(*) FROM activities WHERE action = '%s'", action);
	return storefix_sql(storefix_db(state), sql);
}

static int
apply(const struct admin_actor *a, const char *file)
{
	struct admin_gitops wanted, present;

	read_file(file, &wanted);
	assert_int_equal(admin_gitops_load(a->db, a->conf, &present), OK);
	return admin_gitops_apply(a, &wanted, &present);
}

static void
test_apply(void **state)
{
	struct admin_actor a = actor(state, &premium);
	struct admin_gitops present;

	assert_int_equal(apply(&a,
			     "controls:\n"
			     "  apple_business_enrollments_only: true\n"
			     "  minimum_os_versions: {tvos: \"17.1\"}\n"),
	    OK);
	assert_int_equal(activities(state, "setting.set"), 2);
	assert_int_equal(activities(state, "gitops.apply"), 1);
	assert_int_equal(apply(&a,
			     "controls:\n"
			     "  apple_business_enrollments_only: true\n"
			     "  minimum_os_versions: {tvos: \"17.1\"}\n"),
	    OK);
	assert_int_equal(activities(state, "gitops.apply"), 1);
	/* What the file leaves out gets its default again. */
	assert_int_equal(apply(&a, "controls: {}\n"), OK);
	assert_int_equal(activities(state, "setting.set"), 4);
	assert_int_equal(admin_gitops_load(a.db, a.conf, &present), OK);
	assert_string_equal(
	    value(&present, "controls.minimum_os_versions.tvos"), "");
}

static void
test_apply_refused(void **state)
{
	struct admin_actor a = actor(state, &premium);
	struct admin_gitops wanted, present;
	const struct admin_setting other = { SETTINGS_MINIMUM_TVOS, "18" };

	for (int role = 0; role < ADMIN_ROLE_GITOPS; role++) {
		a.role = (enum admin_role)role;
		assert_int_equal(apply(&a, "controls: {}\n"), ERR_ROLE);
	}
	a.role = ADMIN_ROLE_GITOPS;
	read_file(
	    "controls:\n  apple_require_hardware_attestation: true\n", &wanted);
	assert_int_equal(admin_gitops_load(a.db, a.conf, &present), OK);
	assert_int_equal(admin_setting_set(&a, &other, 1, false), OK);
	assert_int_equal(
	    admin_gitops_apply(&a, &wanted, &present), ERR_CONFLICT);
	assert_int_equal(admin_gitops_load(a.db, a.conf, &present), OK);
	assert_string_equal(value(&present, REQUIRE), "false");
	assert_string_equal(
	    value(&present, "controls.minimum_os_versions.tvos"), "18");
	assert_int_equal(activities(state, "gitops.apply"), 0);
}

/* The profile at Apple Business says whether people must sign in. */
static void
test_apply_assigns_anew(void **state)
{
	static const char *const file =
	    "controls: {enable_end_user_authentication: true}\n";
	char nobody[] = "", issuer[] = "https://id.example.com";
	struct conf conf = { .premium = true, .sign_in_issuer = nobody };
	struct admin_actor a = actor(state, &conf);
	struct ade_account account;

	WRITE(a.db, ade_accounts_create(a.db, "acme"));
	WRITE(a.db, ade_accounts_approve(a.db, "acme"));
	storefix_change(a.db, "UPDATE ade_accounts SET assign_at = NULL");
	assert_int_equal(apply(&a, file), ERR_SIGN_IN_UNSET);
	assert_non_null(strstr(log_reason(), "issuer and client_id"));
	conf.sign_in_issuer = issuer;
	assert_int_equal(apply(&a, file), OK);
	assert_int_equal(ade_accounts_load(a.db, "acme", &account), OK);
	assert_int_not_equal(account.assign_at, 0);
}

static void
check_round_trip(const struct admin_actor *a)
{
	struct admin_gitops present, wanted;
	struct buf text;

	buf_init(&text, IN_YAML_MAX);
	assert_int_equal(admin_gitops_load(a->db, a->conf, &present), OK);
	assert_int_equal(
	    admin_gitops_file_write(&present, a->conf->premium, &text), OK);
	read_file(buf_str(&text), &wanted);
	for (size_t i = 0; i < wanted.n; i++) {
		assert_string_equal(wanted.all[i].text, present.all[i].text);
		assert_int_equal(wanted.all[i].at.line > 0,
		    a->conf->premium || !wanted.all[i].entry->premium);
	}
	buf_release(&text);
}

static void
test_round_trip(void **state)
{
	struct admin_actor a = actor(state, &premium);
	struct admin_gitops present;
	struct buf text;

	check_round_trip(&a);
	assert_int_equal(apply(&a,
			     "controls:\n"
			     "  apple_require_hardware_attestation: true\n"
			     "  apple_hardware_attestation_devices: all\n"
			     "  minimum_os_versions: {macos: \"14.0\"}\n"),
	    OK);
	check_round_trip(&a);
	a.conf = &free_tier;
	check_round_trip(&a);

	buf_init(&text, IN_YAML_MAX);
	admin_gitops_defaults(&present);
	strcpy(present.all[0].text, "true\nevil: 1");
	assert_int_equal(
	    admin_gitops_file_write(&present, true, &text), ERR_FIELD);
	buf_release(&text);
}

static void
test_json(void **state)
{
	static const char answer[] =
	    "{\"mdm\":{\"apple_require_hardware_attestation\":true,"
	    "\"minimum_os_versions\":{\"macos\":\"14.1\",\"ios\":\"\"}},"
	    "\"license\":{\"tier\":\"premium\"}}";
	struct admin_gitops wanted, present;
	struct json *config;
	struct buf text;
	bool is_premium;

	assert_int_equal(
	    in_json_parse_object(blob_str(answer), 8, &config), OK);
	assert_int_equal(
	    admin_gitops_json_load(config, &present, &is_premium), OK);
	in_json_free(config);
	assert_true(is_premium);
	assert_string_equal(value(&present, REQUIRE), "true");
	assert_string_equal(
	    value(&present, "controls.minimum_os_versions.macos"), "14.1");

	read_file("controls: {minimum_os_versions: {macos: \"14.2\", ios: "
		  "\"17\"}}\n",
	    &wanted);
	buf_init(&text, 4096);
	assert_int_equal(admin_gitops_json_patch(&wanted, &present, &text), OK);
	assert_string_equal(buf_str(&text),
	    "{\"mdm\":{\"apple_require_hardware_attestation\":false,"
	    "\"minimum_os_versions\":{\"macos\":\"14.2\",\"ios\":\"17\"}}}");
	buf_release(&text);
}

static void
json_refused(const char *answer)
{
	struct admin_gitops present;
	struct json *config;
	bool is_premium;

	assert_int_equal(
	    in_json_parse_object(blob_str(answer), 8, &config), OK);
	if (admin_gitops_json_load(config, &present, &is_premium) !=
	    ERR_MALFORMED)
		unit_fail("not refused: %s", answer);
	in_json_free(config);
}

static void
test_json_refused(void **state)
{
	char much[600];

	json_refused("{}");
	json_refused("{\"license\":{}}");
	json_refused("{\"license\":{\"tier\":1}}");
	json_refused("{\"mdm\":{\"apple_require_hardware_attestation\":"
		     "\"true\"},\"license\":{\"tier\":\"free\"}}");
	json_refused("{\"mdm\":{\"minimum_os_versions\":{\"macos\":14}},"
		     "\"license\":{\"tier\":\"free\"}}");
	snprintf(much, sizeof much,
	    "{\"mdm\":{\"minimum_os_versions\":{\"macos\":\"%0300d\"}},"
	    "\"license\":{\"tier\":\"free\"}}",
	    0);
	json_refused(much);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_setting_has_a_path),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_misplaced_keys),
		cmocka_unit_test(test_team_file),
		cmocka_unit_test(test_empty_files),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_tier),
		STOREFIX_TEST(test_apply),
		STOREFIX_TEST(test_apply_refused),
		STOREFIX_TEST(test_apply_assigns_anew),
		STOREFIX_TEST(test_round_trip),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_refused),
	};

	return unit_run("admin_gitops", tests);
}
