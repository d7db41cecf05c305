/* What is sent to Apple's push service and what its answers mean. */
#include "unit.h"

#include "net/apns.h"

static void
body_is(const char *magic, const char *want)
{
	struct buf out;

	buf_init(&out, 1024);
	assert_int_equal(apns_body(magic, &out), OK);
	assert_string_equal(buf_str(&out), want);
	buf_release(&out);
}

/* mdm-96: one member, whatever the device chose as PushMagic */
static void
test_body(void **state)
{
	(void)state;
	body_is("A1B2-C3", "{\"mdm\":\"A1B2-C3\"}");
	body_is("a\"b\\c", "{\"mdm\":\"a\\\"b\\\\c\"}");
	body_is("\",\"aps\":{}", "{\"mdm\":\"\\\",\\\"aps\\\":{}\"}");
	body_is("\t\xc3\xa9", "{\"mdm\":\"\\t\xc3\xa9\"}");
}

static struct apns_answer
read_answer(long status, const char *body)
{
	struct apns_answer answer;

	apns_read(status, blob_str(body), "12AB-cd", &answer);
	assert_string_equal(answer.apns_id, "12AB-cd");
	assert_int_equal(answer.status, status);
	return answer;
}

/* mdm-96 to mdm-101: each answer that Apple documents */
static void
test_answers(void **state)
{
	static const struct {
		long status;
		const char *reason;
		enum apns_meaning meaning;
	} rows[] = {
		{ 200, "", APNS_ACCEPTED },
		{ 400, "BadDeviceToken", APNS_DEAD },
		{ 400, "DeviceTokenNotForTopic", APNS_DEAD },
		{ 400, "MissingDeviceToken", APNS_DEAD },
		{ 400, "BadTopic", APNS_FAULT },
		{ 400, "TopicDisallowed", APNS_FAULT },
		{ 400, "MissingTopic", APNS_FAULT },
		{ 400, "BadExpirationDate", APNS_FAULT },
		{ 400, "BadPriority", APNS_FAULT },
		{ 400, "PayloadEmpty", APNS_FAULT },
		{ 400, "IdleTimeout", APNS_FAULT },
		{ 400, "", APNS_FAULT },
		{ 403, "BadCertificate", APNS_CERTIFICATE },
		{ 403, "BadCertificateEnvironment", APNS_CERTIFICATE },
		{ 403, "Forbidden", APNS_CERTIFICATE },
		{ 403, "ExpiredProviderToken", APNS_CERTIFICATE },
		{ 404, "BadPath", APNS_FAULT },
		{ 405, "MethodNotAllowed", APNS_FAULT },
		{ 410, "Unregistered", APNS_DEAD },
		{ 410, "ExpiredToken", APNS_DEAD },
		{ 413, "PayloadTooLarge", APNS_FAULT },
		{ 429, "TooManyRequests", APNS_TOO_MANY },
		{ 429, "TooManyProviderTokenUpdates", APNS_TOO_MANY },
		{ 500, "InternalServerError", APNS_BUSY },
		{ 503, "ServiceUnavailable", APNS_BUSY },
		{ 503, "Shutdown", APNS_BUSY },
		{ 302, "", APNS_FAULT },
	};
	struct apns_answer answer;
	char body[100];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		snprintf(
		    body, sizeof body, "{\"reason\":\"%s\"}", rows[i].reason);
		answer = read_answer(
		    rows[i].status, rows[i].reason[0] == '\0' ? "" : body);
		assert_int_equal(answer.meaning, rows[i].meaning);
		assert_string_equal(answer.reason, rows[i].reason);
		assert_int_equal(answer.dead_since, 0);
	}
}

/* mdm-97 */
static void
test_timestamp(void **state)
{
	struct apns_answer answer;

	(void)state;
	answer = read_answer(
	    410, "{\"reason\":\"Unregistered\",\"timestamp\":1796000000123}");
	assert_int_equal(answer.dead_since, 1796000000123);
	answer = read_answer(
	    400, "{\"reason\":\"BadDeviceToken\",\"timestamp\":1796000000123}");
	assert_int_equal(answer.dead_since, 0);
	answer = read_answer(
	    410, "{\"reason\":\"Unregistered\",\"timestamp\":\"soon\"}");
	assert_int_equal(answer.dead_since, 0);
	assert_string_equal(answer.reason, "Unregistered");
	answer = read_answer(410, "{\"timestamp\":-5}");
	assert_int_equal(answer.dead_since, 0);
}

/* The status decides; nothing odd is kept to be shown. */
static void
test_odd_bodies(void **state)
{
	static const char *const bodies[] = { "", "x", "[]", "{", "{}",
		"{\"reason\":7}", "{\"reason\":null}", "{\"reason\":\"\"}",
		"{\"reason\":\"<b>\"}", "{\"reason\":{}}" };
	struct apns_answer answer;
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		answer = read_answer(410, bodies[i]);
		assert_int_equal(answer.meaning, APNS_DEAD);
		assert_string_equal(answer.reason, "");
	}
	answer = read_answer(400, "{\"reason\":\"Bad Topic\\n<3>x\"}");
	assert_string_equal(answer.reason, "Bad");
	snprintf(longest, sizeof longest, "{\"reason\":\"%0200d\"}", 0);
	answer = read_answer(400, longest);
	assert_int_equal(strlen(answer.reason), PUSHES_REASON_TEXT - 1);
	apns_read(200, blob_str(""), "a\r\nb", &answer);
	assert_string_equal(answer.apns_id, "a");
	apns_read(200, blob_str(""), NULL, &answer);
	assert_string_equal(answer.apns_id, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_timestamp),
		cmocka_unit_test(test_odd_bodies),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
