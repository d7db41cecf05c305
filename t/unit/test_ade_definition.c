#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "policy/ade_definition.h"
#include "source.h"
#include "store/ade_accounts.h"

/* "{}" changed by some assignments. */
static const char *
options(const char *const *assignments, size_t n)
{
	static char text[ADE_OPTIONS_TEXT];
	struct buf out;

	buf_init(&out, (size_t)2 * ADE_OPTIONS_TEXT);
	snprintf(text, sizeof text, "{}");
	for (size_t i = 0; i < n; i++) {
		buf_reset(&out);
		assert_int_equal(
		    ade_definition_set(text, assignments[i], &out), OK);
		snprintf(text, sizeof text, "%s", buf_str(&out));
	}
	buf_release(&out);
	return text;
}

static void
test_defaults(void **state)
{
	char url[] = "https://mdm.example", none[] = "";
	struct conf conf = { .url = url, .server_ca = none };
	uint8_t a[SECRET_SHA256], b[SECRET_SHA256];
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(ade_definition_write(&conf, false, "{}", &out, a), OK);
	assert_string_equal(buf_str(&out),
	    "{\"url\":\"https://mdm.example/enroll\","
	    "\"profile_name\":\"attestmdm\",\"is_supervised\":true,"
	    "\"is_mandatory\":true,\"is_mdm_removable\":false,"
	    "\"await_device_configured\":true}");
	buf_reset(&out);
	assert_int_equal(
	    ade_definition_write(&conf, false, "{\"is_supervised\":false}", &out, b),
	    OK);
	assert_non_null(strstr(buf_str(&out), "\"is_supervised\":false"));
	assert_memory_not_equal(a, b, sizeof a);
	buf_release(&out);
}

/* Both addresses lead to the page, so that there is no way around it. */
static void
test_sign_in(void **state)
{
	char url[] = "https://mdm.example", none[] = "";
	struct conf conf = { .url = url, .server_ca = none };
	uint8_t off[SECRET_SHA256], on[SECRET_SHA256];
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(
	    ade_definition_write(&conf, false, "{}", &out, off), OK);
	buf_reset(&out);
	assert_int_equal(ade_definition_write(&conf, true, "{}", &out, on), OK);
	assert_non_null(strstr(buf_str(&out),
	    "{\"url\":\"https://mdm.example/enroll/sso\","
	    "\"configuration_web_url\":\"https://mdm.example/enroll/sso\","));
	assert_memory_not_equal(off, on, sizeof off);
	buf_release(&out);
}

static void
test_set(void **state)
{
	static const char *const all[] = { "department=IT \"desk\"",
		"skip_setup_items=Siri,Privacy", "is_mandatory=false",
		"is_supervised=true", "is_mandatory=" };

	(void)state;
	assert_string_equal(options(all, 3),
	    "{\"is_mandatory\":false,\"department\":\"IT \\\"desk\\\"\","
	    "\"skip_setup_items\":[\"Siri\",\"Privacy\"]}");
	assert_string_equal(options(all, 5),
	    "{\"is_supervised\":true,\"department\":\"IT \\\"desk\\\"\","
	    "\"skip_setup_items\":[\"Siri\",\"Privacy\"]}");
}

static void
test_what_cannot_be_set(void **state)
{
	static const char *const bad[] = { "url=https://other", "department",
		"=x", "is_mandatory=yes", "skip_setup_items=a,,b",
		"skip_setup_items=a b", "department=\xff" };
	struct buf out;

	(void)state;
	buf_init(&out, (size_t)2 * ADE_OPTIONS_TEXT);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		buf_reset(&out);
		assert_int_equal(
		    ade_definition_set("{}", bad[i], &out), ERR_FIELD);
	}
	buf_release(&out);
}

static void
test_anchors(void **state)
{
	char url[] = "https://mdm.example", path[400];
	struct conf conf = { .url = url, .server_ca = path };
	uint8_t digest[SECRET_SHA256];
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	snprintf(
	    path, sizeof path, "%s", source_path("t/data/test-recipient.pem"));
	assert_int_equal(ade_definition_write(&conf, false, "{}", &out, digest), OK);
	assert_non_null(strstr(buf_str(&out), "\"anchor_certs\":[\"MII"));
	buf_reset(&out);
	snprintf(path, sizeof path, "/nonexistent");
	assert_int_equal(
	    ade_definition_write(&conf, false, "{}", &out, digest), ERR_CONFIG);
	buf_release(&out);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_defaults),
	cmocka_unit_test(test_sign_in),
	cmocka_unit_test(test_set),
	cmocka_unit_test(test_what_cannot_be_set),
	cmocka_unit_test(test_anchors),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
