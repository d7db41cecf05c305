/* Answers of the device enrollment service, and the times in them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/in_ade.h"
#include "wire/rfc3339.h"

static int64_t
read_time(const char *text)
{
	int64_t t;

	return rfc3339_read(blob_str(text), &t) == OK ? t : -1;
}

static void
test_times(void **state)
{
	(void)state;
	assert_int_equal(read_time("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(read_time("2026-11-23T21:30:00Z"), 1795469400);
	assert_int_equal(read_time("2026-11-23T21:30:00.123456Z"), 1795469400);
	assert_int_equal(read_time("2026-11-23T23:30:00+02:00"), 1795469400);
	assert_int_equal(read_time("2026-11-23T20:00:00-01:30"), 1795469400);
	assert_int_equal(read_time(""), -1);
	assert_int_equal(read_time("2026-11-23"), -1);
	assert_int_equal(read_time("2026-11-23T21:30:00"), -1);
	assert_int_equal(read_time("2026-13-23T21:30:00Z"), -1);
	assert_int_equal(read_time("2026-11-23T24:30:00Z"), -1);
	assert_int_equal(read_time("2026-11-23T21:30:00Zx"), -1);
	assert_int_equal(read_time("2026-11-23T21:30:00.Z"), -1);
	assert_int_equal(read_time("2026-11-23 21:30:00Z"), -1);
	assert_int_equal(read_time("0001-01-01T00:00:00Z"), -1);
}

#define PAGE(devices)                                                          \
	"{\"cursor\":\"MDow\",\"fetched_until\":\"0001-01-01T00:00:00Z\","     \
	"\"more_to_follow\":true,\"devices\":[" devices "]}"

static void
test_page(void **state)
{
	struct in_ade_device d;
	struct in_ade_page page;

	(void)state;
	assert_int_equal(
	    in_ade_page(
		blob_str(PAGE(
		    "{\"serial_number\":\"C02A\",\"model\":\"Mac mini\","
		    "\"description\":\"MAC MINI\",\"color\":\"SILVER\","
		    "\"device_family\":\"Mac\",\"profile_status\":\"assigned\","
		    "\"profile_uuid\":\"P1\",\"op_type\":\"Added\","
		    "\"op_date\":\"2026-11-23T21:30:00Z\","
		    "\"device_assigned_date\":\"2026-11-23T21:30:01Z\","
		    "\"mdm_migration_deadline\":{\"a\":[1]},\"x\":null},"
		    "{\"serial_number\":\"C02B\",\"op_type\":\"DELETED\"},"
		    "{\"serial_number\":\"C02C\",\"op_type\":\"modified\","
		    "\"profile_status\":\"removed\",\"profile_uuid\":\"P1\"},"
		    "{\"serial_number\":\"C0 2\"},{\"model\":\"none\"}")),
		&page),
	    OK);
	assert_string_equal(page.cursor, "MDow");
	assert_true(page.more_to_follow);
	assert_int_equal(page.n, 5);
	assert_int_equal(in_ade_device(&page, 0, &d), OK);
	assert_string_equal(d.serial, "C02A");
	assert_string_equal(d.model, "Mac mini");
	assert_string_equal(d.device_family, "Mac");
	assert_string_equal(d.profile_uuid, "P1");
	assert_int_equal(d.op, IN_ADE_ADDED);
	assert_int_equal(d.op_date, 1795469400);
	assert_int_equal(d.assigned_date, 1795469401);
	assert_int_equal(in_ade_device(&page, 1, &d), OK);
	assert_int_equal(d.op, IN_ADE_DELETED);
	assert_int_equal(d.op_date, 0);
	assert_int_equal(in_ade_device(&page, 2, &d), OK);
	assert_int_equal(d.op, IN_ADE_MODIFIED);
	assert_string_equal(d.profile_uuid, "");
	assert_int_equal(in_ade_device(&page, 3, &d), OK);
	assert_string_equal(d.serial, "");
	assert_int_equal(in_ade_device(&page, 4, &d), OK);
	assert_string_equal(d.serial, "");
	in_ade_page_release(&page);
}

/* mdm-93 */
static void
test_pages_that_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"<html>",
		PAGE("1"),
		PAGE("{\"serial_number\":1}"),
		PAGE("{\"serial_number\":null}"),
		PAGE("{\"serial_number\":\"A\\u0000B\"}"),
		PAGE("{\"serial_number\":\"A\",\"serial_number\":\"B\"}"),
		PAGE("{\"serial_number\":\"A\",\"model\":[]}"),
		PAGE("{\"serial_number\":\"A\",\"op_type\":\"stolen\"}"),
		PAGE("{\"serial_number\":\"A\",\"op_date\":5}"),
		"{\"cursor\":\"\",\"more_to_follow\":true,\"devices\":[]}",
		"{\"cursor\":5,\"more_to_follow\":true,\"devices\":[]}",
		"{\"cursor\":\"a\",\"more_to_follow\":1,\"devices\":[]}",
		"{\"cursor\":\"a\",\"more_to_follow\":true,\"devices\":{}}",
		"{\"cursor\":\"a\",\"more_to_follow\":true}",
		"{\"cursor\":\"a\",\"devices\":[]}",
	};
	struct in_ade_page page;
	struct buf deep;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    in_ade_page(blob_str(bad[i]), &page), ERR_ADE_ANSWER);
	buf_init(&deep, 1 << 20);
	buf_add_str(&deep, "{\"devices\":");
	for (int i = 0; i < 10000; i++)
		buf_add_byte(&deep, '[');
	assert_int_equal(in_ade_page(buf_blob(&deep), &page), ERR_ADE_ANSWER);
	buf_reset(&deep);
	buf_add_str(&deep,
	    "{\"more_to_follow\":true,\"devices\":[],"
	    "\"cursor\":\"");
	for (int i = 0; i < IN_ADE_CURSOR_TEXT; i++)
		buf_add_byte(&deep, 'c');
	buf_add_str(&deep, "\"}");
	assert_int_equal(in_ade_page(buf_blob(&deep), &page), ERR_ADE_ANSWER);
	buf_reset(&deep);
	buf_add_str(
	    &deep, "{\"cursor\":\"c\",\"more_to_follow\":true,\"devices\":[{}");
	for (int i = 0; i < IN_ADE_PAGE_MAX; i++)
		buf_add_str(&deep, ",{}");
	buf_add_str(&deep, "]}");
	assert_int_equal(in_ade_page(buf_blob(&deep), &page), ERR_ADE_ANSWER);
	buf_release(&deep);
}

static void
test_session(void **state)
{
	char out[IN_ADE_SESSION_TEXT];

	(void)state;
	assert_int_equal(
	    in_ade_session(blob_str("{\"auth_session_token\":\"abc\"}"), out),
	    OK);
	assert_string_equal(out, "abc");
	assert_int_equal(
	    in_ade_session(
		blob_str("{\"auth_session_token\":\"a\\r\\nHost: b\"}"), out),
	    ERR_ADE_ANSWER);
	assert_string_equal(out, "");
	assert_int_equal(
	    in_ade_session(blob_str("{\"auth_session_token\":\"\"}"), out),
	    ERR_ADE_ANSWER);
	assert_int_equal(in_ade_session(blob_str("{}"), out), ERR_ADE_ANSWER);
	assert_false(in_ade_is_session("a b"));
}

static void
test_server(void **state)
{
	struct in_ade_server s;

	(void)state;
	assert_int_equal(
	    in_ade_server(
		blob_str("{\"server_uuid\":\"U\",\"server_name\":\"MDM\","
			 "\"org_name\":\"Company\",\"urls\":["
			 "{\"uri\":\"/profile\"},"
			 "{\"uri\":\"/devices/sync\",\"limit\":{"
			 "\"default\":10,\"maximum\":20}},"
			 "{\"uri\":\"/server/devices\",\"http_method\":"
			 "[\"POST\"],\"limit\":{\"default\":100,"
			 "\"maximum\":1000}}]}"),
		&s),
	    OK);
	assert_string_equal(s.uuid, "U");
	assert_string_equal(s.name, "MDM");
	assert_string_equal(s.organization, "Company");
	assert_int_equal(s.page_max, 1000);
	assert_int_equal(
	    in_ade_server(blob_str("{\"server_uuid\":\"U\"}"), &s), OK);
	assert_int_equal(s.page_max, 0);
	assert_int_equal(in_ade_server(blob_str("{}"), &s), ERR_ADE_ANSWER);
	assert_int_equal(
	    in_ade_server(
		blob_str("{\"server_uuid\":\"U\",\"urls\":[{\"uri\":"
			 "\"/server/devices\",\"limit\":{\"maximum\":0}}]}"),
		&s),
	    ERR_ADE_ANSWER);
}

static void
test_results(void **state)
{
	struct in_ade_results results;
	struct in_ade_device d;
	char word[IN_ADE_WORD_TEXT];
	bool accessible;

	(void)state;
	assert_int_equal(
	    in_ade_results(blob_str("{\"profile_uuid\":\"P\",\"devices\":{"
				    "\"A\":\"SUCCESS\",\"B\":\"THROTTLED\","
				    "\"C\":5},\"retry_after_seconds\":120}"),
		&results),
	    OK);
	assert_int_equal(results.retry_after_seconds, 120);
	assert_int_equal(in_ade_result(&results, "A", word), OK);
	assert_string_equal(word, "SUCCESS");
	assert_int_equal(in_ade_result(&results, "B", word), OK);
	assert_string_equal(word, "THROTTLED");
	assert_int_equal(in_ade_result(&results, "D", word), OK);
	assert_string_equal(word, "");
	assert_int_equal(in_ade_result(&results, "C", word), ERR_ADE_ANSWER);
	in_ade_results_release(&results);
	assert_int_equal(in_ade_results(blob_str("{\"devices\":[]}"), &results),
	    ERR_ADE_ANSWER);
	assert_int_equal(
	    in_ade_results(
		blob_str("{\"devices\":{},\"retry_after_seconds\":-1}"),
		&results),
	    ERR_ADE_ANSWER);
	assert_int_equal(
	    in_ade_results(
		blob_str("{\"devices\":{},\"retry_after_seconds\":9999999}"),
		&results),
	    OK);
	assert_int_equal(results.retry_after_seconds, 86400);
	in_ade_results_release(&results);
	assert_int_equal(
	    in_ade_results(
		blob_str("{\"devices\":{\"A\":{\"serial_number\":\"A\","
			 "\"profile_uuid\":\"P\",\"profile_status\":"
			 "\"pushed\",\"response_status\":\"SUCCESS\"},"
			 "\"B\":{\"response_status\":\"NOT_ACCESSIBLE\"},"
			 "\"C\":\"SUCCESS\"}}"),
		&results),
	    OK);
	assert_int_equal(in_ade_details(&results, "A", &d, &accessible), OK);
	assert_true(accessible);
	assert_string_equal(d.profile_uuid, "P");
	assert_int_equal(in_ade_details(&results, "B", &d, &accessible), OK);
	assert_false(accessible);
	assert_int_equal(in_ade_details(&results, "D", &d, &accessible), OK);
	assert_false(accessible);
	assert_int_equal(
	    in_ade_details(&results, "C", &d, &accessible), ERR_ADE_ANSWER);
	in_ade_results_release(&results);
}

static void
test_profile(void **state)
{
	char out[IN_ADE_UUID_TEXT];

	(void)state;
	assert_int_equal(
	    in_ade_profile(
		blob_str("{\"profile_uuid\":\"P\",\"devices\":{}}"), out),
	    OK);
	assert_string_equal(out, "P");
	assert_int_equal(in_ade_profile(blob_str("{}"), out), ERR_ADE_ANSWER);
}

static const char *
word(const char *body)
{
	static char out[IN_ADE_WORD_TEXT];

	in_ade_word(blob_str(body), out);
	return out;
}

static void
test_words(void **state)
{
	char none[IN_ADE_WORD_TEXT];

	(void)state;
	in_ade_word((struct blob){ 0 }, none);
	assert_string_equal(none, "");
	assert_string_equal(word("EXPIRED_CURSOR"), "EXPIRED_CURSOR");
	assert_string_equal(word("\"EXPIRED_CURSOR\""), "EXPIRED_CURSOR");
	assert_string_equal(
	    word(" \"CURSOR_REQUIRED\"\r\n"), "CURSOR_REQUIRED");
	assert_string_equal(word("{\"error\":\"FORBIDDEN\"}"), "FORBIDDEN");
	assert_string_equal(
	    word("<html>T_C_NOT_SIGNED</html>"), "T_C_NOT_SIGNED");
	assert_string_equal(word(""), "");
	assert_string_equal(word("<html>"), "");
	assert_string_equal(word("lower"), "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_times),
	cmocka_unit_test(test_page),
	cmocka_unit_test(test_pages_that_are_refused),
	cmocka_unit_test(test_session),
	cmocka_unit_test(test_server),
	cmocka_unit_test(test_results),
	cmocka_unit_test(test_profile),
	cmocka_unit_test(test_words),
};

int
main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
