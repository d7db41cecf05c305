/* The queue of commands against a database (mdm-42 to mdm-49). */
#include "checkfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mdm/command_types.h"
#include "mdm/command.h"
#include "store/commands.h"
#include "store/pushes.h"

/* In how many seconds is the next push of the host due? -1: none is. */
static int64_t
push_in(void **state)
{
	struct push push;
	struct host h;

	checkfix_host(state, SERIAL_A, &h);
	assert_int_equal(pushes_load(storefix_db(state), h.id, &push), OK);
	return push.due_at == 0 ? -1 : push.due_at - clock_now();
}

static void
report(void **state, const struct mdmfix_device *d, const char *status,
    const char *uuid, const char *more, char reply[8192])
{
	char body[4096];

	snprintf(body, sizeof body,
	    DOC(PAIR("Status", "%s") PAIR("UDID", UDID_A)
		    PAIR("CommandUUID", "%s") "%s"),
	    status, uuid, more);
	assert_int_equal(checkfix_poll(state, d, body, reply), OK);
}

static void
command_is(void **state, const char *uuid, enum command_state want)
{
	struct command c;

	assert_int_equal(commands_find(storefix_db(state), uuid, &c), OK);
	assert_int_equal(c.state, want);
	commands_release(&c);
}

/* mdm-42, mdm-45, mdm-46, mdm-47 */
static void
test_queue(void **state)
{
	static const char chain[] =
	    "<key>ErrorChain</key><array><dict><key>ErrorCode</key>"
	    "<integer>12021</integer><key>ErrorDomain</key>"
	    "<string>MCMDMErrorDomain</string></dict></array>";
	struct mdmfix_device d;
	char low[37], high[37], last[37], reply[8192];
	struct command c;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 0, low);
	checkfix_enqueue(state, SERIAL_A, 5, high);
	checkfix_enqueue(state, SERIAL_A, 0, last);
	assert_int_equal(push_in(state), 0);
	assert_int_equal(checkfix_poll(state, &d,
			     DOC(PAIR("Status", "Idle") PAIR("UDID", UDID_A)
				     PAIR("UserID", UDID_B)),
			     reply),
	    OK);
	assert_string_equal(reply, "");
	assert_int_equal(push_in(state), 0);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, high));
	assert_int_equal(push_in(state), 300);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, high));
	report(state, &d, "Acknowledged", high, "", reply);
	assert_non_null(strstr(reply, low));
	command_is(state, high, COMMAND_ACKNOWLEDGED);
	report(state, &d, "Error", low, chain, reply);
	assert_non_null(strstr(reply, last));
	assert_int_equal(commands_find(storefix_db(state), low, &c), OK);
	assert_int_equal(c.state, COMMAND_ERROR);
	assert_string_equal(c.error_chain,
	    "[{\"ErrorCode\":12021,\"ErrorDomain\":\"MCMDMErrorDomain\"}]");
	commands_release(&c);
	report(state, &d, "CommandFormatError", last, "", reply);
	assert_string_equal(reply, "");
	assert_int_equal(push_in(state), -1);
	command_is(state, last, COMMAND_FORMAT_ERROR);
	mdmfix_device_release(&d);
}

/* mdm-43, mdm-44 */
static void
test_not_now(void **state)
{
	struct mdmfix_device d;
	char one[37], two[37], reply[8192];

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 1, one);
	checkfix_enqueue(state, SERIAL_A, 0, two);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, one));
	report(state, &d, "NotNow", one, "", reply);
	assert_non_null(strstr(reply, two));
	assert_int_equal(push_in(state), 300);
	report(state, &d, "NotNow", two, "", reply);
	assert_string_equal(reply, "");
	/* it comes by itself */
	assert_int_equal(push_in(state), -1);
	command_is(state, one, COMMAND_NOT_NOW);
	assert_int_equal(
	    checkfix_poll(state, &d, REPORT("Idle", UDID_A), reply), OK);
	assert_non_null(strstr(reply, one));
	mdmfix_device_release(&d);
}

/* mdm-48, mdm-49 */
static void
test_wrong_results(void **state)
{
	struct db *db = storefix_db(state);
	struct mdmfix_device a, b;
	char foreign[37], mine[37], unsent[37], reply[8192];
	struct host h;

	checkfix_enroll(state, SERIAL_A, UDID_A, &a);
	checkfix_enroll(state, SERIAL_B, UDID_B, &b);
	checkfix_enqueue(state, SERIAL_B, 0, foreign);
	checkfix_enqueue(state, SERIAL_A, 1, mine);
	checkfix_enqueue(state, SERIAL_A, 0, unsent);
	report(state, &a, "Acknowledged", foreign, "", reply);
	assert_non_null(strstr(reply, mine));
	command_is(state, foreign, COMMAND_QUEUED);
	report(state, &a, "Acknowledged", unsent, "", reply);
	assert_non_null(strstr(reply, mine));
	command_is(state, unsent, COMMAND_QUEUED);
	report(state, &a, "Acknowledged",
	    "00000000-0000-0000-0000-000000000000", "", reply);
	assert_non_null(strstr(reply, mine));
	checkfix_host(state, SERIAL_A, &h);
	WRITE(db, commands_cancel(db, h.id, mine));
	report(state, &a, "Acknowledged", mine, "", reply);
	assert_non_null(strstr(reply, unsent));
	command_is(state, mine, COMMAND_CANCELLED);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM commands WHERE result IS NOT"
			     " NULL OR completed_at IS NOT NULL"),
	    0);
	assert_int_equal(
	    checkfix_poll(state, &a, REPORT("Acknowledged", UDID_A), reply),
	    OK);
	assert_string_equal(reply, "");
	report(state, &a, "Dancing", unsent, "", reply);
	assert_string_equal(reply, "");
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

#define BARE                                                                   \
	"<plist version=\"1.0\"><dict><key>Command</key><dict>" PAIR(          \
	    "RequestType", "RestartDevice") "<key>N</key><integer>-1"          \
					    "</integer></dict>"
#define END "</dict>\n</plist>\n"

static void
test_command_text(void **state)
{
	static const char *const bad[] = {
		DOC(""),
		DOC("<key>Command</key><dict>" PAIR(
		    "RequestType", "Re start") "</dict>" PAIR("CommandUUID",
		    "00000000-0000-0000-0000-000000000000")),
		DOC(PAIR(
		    "CommandUUID", "00000000-0000-0000-0000-000000000000")),
		DOC("<key>Command</key><dict/>" PAIR(
		    "CommandUUID", "00000000-0000-0000-0000-000000000000")),
		DOC("<key>Command</key><dict>" PAIR("RequestType",
		    "RestartDevice") "</dict>" PAIR("CommandUUID", "nothing"))
	};
	static const char *const query[] = { "<x>" };
	static const char bare[] = BARE END;
	struct command_text t, again;
	char whole[1024];
	size_t i;

	(void)state;
	command_text_init(&t);
	command_text_init(&again);
	assert_int_equal(command_simple("SecurityInfo", &t), OK);
	assert_int_equal(command_read(buf_blob(&t.plist), &again), OK);
	assert_string_equal(again.request_type, "SecurityInfo");
	assert_string_equal(again.uuid, t.uuid);
	assert_int_equal(command_simple("Security Info", &t), ERR_FIELD);
	assert_int_equal(command_device_information(query, 1, &t), ERR_FIELD);
	buf_reset(&again.plist);
	assert_int_equal(command_read(blob_str(bare), &again), OK);
	snprintf(whole, sizeof whole, BARE PAIR("CommandUUID", "%s") END,
	    again.uuid);
	assert_string_equal(buf_str(&again.plist), whole);
	buf_reset(&t.plist);
	assert_int_equal(command_read(buf_blob(&again.plist), &t), OK);
	assert_string_equal(t.uuid, again.uuid);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
		    command_read(blob_str(bad[i]), &again), ERR_FIELD);
	command_text_release(&t);
	command_text_release(&again);
}

static void
test_required_keys(void **state)
{
	struct command_text t;
	size_t i, n;
	const struct command_type *all = command_types_all(&n);

	(void)state;
	for (i = 1; i < n; i++)
		assert_true(strcmp(all[i - 1].type, all[i].type) < 0);
	assert_null(command_types_find("EraseDevices"));
	for (i = 0; i < n; i++) {
		command_text_init(&t);
		assert_int_equal(command_simple(all[i].type, &t), OK);
		assert_int_equal(command_check_keys(&t),
		    all[i].required[0] == NULL ? OK : ERR_FIELD);
		command_text_release(&t);
	}
	command_text_init(&t);
	assert_int_equal(command_device_information(NULL, 0, &t), OK);
	assert_int_equal(command_check_keys(&t), OK);
	buf_reset(&t.plist);
	assert_int_equal(command_simple("OfTheFuture", &t), OK);
	assert_int_equal(command_check_keys(&t), OK);
	command_text_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_queue),
		STOREFIX_TEST(test_not_now),
		STOREFIX_TEST(test_wrong_results),
		cmocka_unit_test(test_command_text),
		cmocka_unit_test(test_required_keys),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
