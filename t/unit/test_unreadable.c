/* Results that XML or property lists do not allow (mdm/report.h,
 * mdm/unreadable.h). */
#include "checkfix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mdm/queue.h"
#include "mdm/unreadable.h"
#include "store/alarms.h"
#include "store/commands.h"
#include "store/events.h"

#define ANSWER(status, uuid, more)                                             \
	"<plist><dict>" PAIR("CommandUUID", uuid) more PAIR("Status", status)  \
	    PAIR("UDID", UDID_A) "</dict></plist>"
#define BROKEN "<key>List</key><array><foo/></array>"

static void
poll(void **state, const struct mdmfix_device *d, const char *format,
    const char *uuid, char reply[8192])
{
	char body[4096];

	snprintf(body, sizeof body, format, uuid);
	assert_int_equal(checkfix_poll(state, d, body, reply), OK);
}

static void
idle(void **state, const struct mdmfix_device *d, const char *next)
{
	char reply[8192];

	poll(state, d, REPORT("Idle", "%s"), UDID_A, reply);
	assert_non_null(strstr(reply, next));
}

static void
load(void **state, const char *uuid, struct command *out)
{
	assert_int_equal(commands_find(storefix_db(state), uuid, out), OK);
}

static void
state_is(void **state, const char *uuid, enum command_state want)
{
	struct command c;

	load(state, uuid, &c);
	assert_int_equal(c.state, want);
	commands_release(&c);
}

static void
alarms_are(void **state, int64_t want)
{
	int64_t n;

	assert_int_equal(alarms_count_open(storefix_db(state), &n), OK);
	assert_int_equal(n, want);
}

/* What Core Foundation writes of odd names and numbers is repaired. */
static void
test_repaired(void **state)
{
	static const char answer[] = ANSWER("Acknowledged", "%s",
	    "<key>Name</key><string>a\x01\x7f</string><key>Size</key>"
	    "<real>nan</real><key>DeviceName</key><string>b</string>");
	struct mdmfix_device d;
	char first[37], second[37], reply[8192];
	struct command c;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 1, first);
	checkfix_enqueue(state, SERIAL_A, 0, second);
	idle(state, &d, first);
	poll(state, &d, answer, first, reply);
	assert_non_null(strstr(reply, second));
	load(state, first, &c);
	assert_int_equal(c.state, COMMAND_ACKNOWLEDGED);
	assert_string_equal(c.note,
	    "changed in 3 places that XML or property lists do not allow");
	assert_non_null(memmem(
	    c.result.p, c.result.n, "a\xef\xbf\xbd\xef\xbf\xbd", 7));
	assert_non_null(
	    memmem(c.result.p, c.result.n, "<string>nan</string>", 20));
	commands_release(&c);
	poll(state, &d, ANSWER("Acknowledged", "%s", ""), second, reply);
	load(state, second, &c);
	assert_string_equal(c.note, "");
	commands_release(&c);
	mdmfix_device_release(&d);
}

/* What is damaged beyond repair still says which command ended, and how. */
static void
test_ended_unread(void **state)
{
	struct mdmfix_device d;
	char done[37], failed[37], later[37], reply[8192];
	struct command c;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 2, done);
	checkfix_enqueue(state, SERIAL_A, 1, failed);
	checkfix_enqueue(state, SERIAL_A, 0, later);
	idle(state, &d, done);
	poll(state, &d, ANSWER("Acknowledged", "%s", BROKEN), done, reply);
	assert_non_null(strstr(reply, failed));
	load(state, done, &c);
	assert_int_equal(c.state, COMMAND_ACKNOWLEDGED);
	assert_int_equal(c.result.n, 0);
	assert_string_equal(
	    c.note, "not stored: property list has an unknown element");
	commands_release(&c);
	poll(state, &d, ANSWER("Error", "%s", BROKEN), failed, reply);
	assert_non_null(strstr(reply, later));
	state_is(state, failed, COMMAND_ERROR);
	poll(state, &d, ANSWER("NotNow", "%s", BROKEN), later, reply);
	assert_string_equal(reply, "");
	state_is(state, later, COMMAND_NOT_NOW);
	alarms_are(state, 0);
	mdmfix_device_release(&d);
}

static void
test_not_stored(void **state)
{
	static const char head[] = "<plist><dict>" PAIR("CommandUUID", "%s")
	    "<key>Large</key><array>";
	static const char tail[] = "</array>" PAIR("Status", "Acknowledged")
	    PAIR("UDID", UDID_A) "</dict></plist>";
	struct checkfix_talk t = { .device = NULL };
	struct mdmfix_device d;
	char uuid[37];
	struct command c;
	struct buf body;
	size_t i;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 0, uuid);
	idle(state, &d, uuid);
	t.device = &d;
	buf_init(&body, 4u << 20);
	buf_printf(&body, head, uuid);
	for (i = 0; i < 120000; i++)
		buf_add_str(&body, "<integer>1</integer>");
	buf_add_str(&body, tail);
	assert_int_equal(
	    checkfix_send(state, &t, buf_str(&body), queue_serve), OK);
	load(state, uuid, &c);
	assert_int_equal(c.state, COMMAND_ACKNOWLEDGED);
	assert_string_equal(
	    c.note, "not stored: property list has too many values");
	commands_release(&c);
	buf_release(&body);
	mdmfix_device_release(&d);
}

/* Only ever a command that was sent to this very host. */
static void
test_foreign(void **state)
{
	static const char inside[] = "<plist><dict><key>List</key><array><foo/>"
	    "<dict>" PAIR("CommandUUID", "%s") PAIR("Status", "Error")
	    "</dict><string><key>CommandUUID</key><string>x</string></array>"
	    PAIR("UDID", UDID_A) "</dict></plist>";
	struct mdmfix_device a, b;
	char mine[37], foreign[37], unsent[37], reply[8192];

	checkfix_enroll(state, SERIAL_A, UDID_A, &a);
	checkfix_enroll(state, SERIAL_B, UDID_B, &b);
	checkfix_enqueue(state, SERIAL_A, 1, mine);
	checkfix_enqueue(state, SERIAL_A, 0, unsent);
	checkfix_enqueue(state, SERIAL_B, 0, foreign);
	idle(state, &a, mine);
	poll(state, &a, ANSWER("Error", "%s", BROKEN), foreign, reply);
	poll(state, &a, ANSWER("Error", "%s", BROKEN), unsent, reply);
	state_is(state, foreign, COMMAND_QUEUED);
	state_is(state, unsent, COMMAND_QUEUED);
	state_is(state, mine, COMMAND_SENT);
	/* another device's UDID */
	assert_int_equal(
	    checkfix_poll(state, &a,
		"<plist><dict>" BROKEN PAIR("UDID", UDID_B) "</dict></plist>",
		reply),
	    ERR_MDM_DEVICE);
	/* a user's answer, and a user enrollment's */
	poll(state, &a,
	    "<plist><dict>" PAIR("UserID", UDID_B) PAIR("CommandUUID",
		"%s") BROKEN PAIR("UDID", UDID_A) "</dict></plist>",
	    mine, reply);
	assert_int_equal(checkfix_poll(state, &a,
			     "<plist><dict>" PAIR("EnrollmentID", "1")
				 BROKEN "</dict></plist>",
			     reply),
	    ERR_MDM_MESSAGE);
	assert_int_equal(storefix_sql(storefix_db(state),
			     "SELECT sum(unreadable) FROM commands"),
	    0);
	/* and not one that stands inside of the result */
	poll(state, &a, inside, unsent, reply);
	state_is(state, unsent, COMMAND_QUEUED);
	assert_int_equal(storefix_sql(storefix_db(state),
			     "SELECT sum(unreadable) FROM commands"),
	    1);
	mdmfix_device_release(&a);
	mdmfix_device_release(&b);
}

/* Sends `body` until one time is left; the command stays in line. */
static void
almost(void **state, const struct mdmfix_device *d, const char *uuid,
    const char *body)
{
	char reply[8192];
	int i;

	for (i = 1; i < UNREADABLE_MAX; i++) {
		idle(state, d, uuid);
		poll(state, d, body, uuid, reply);
		assert_string_equal(reply, "");
		state_is(state, uuid, COMMAND_SENT);
		checkfix_refused(state, SERIAL_A, "command", ERR_MDM_MESSAGE);
		alarms_are(state, 0);
	}
	idle(state, d, uuid);
}

static void
test_given_up(void **state)
{
	static const char *const bodies[] = {
		/* no Status; no CommandUUID either; nothing at all */
		"<plist><dict>" PAIR("CommandUUID", "%s")
		    BROKEN PAIR("UDID", UDID_A) "</dict></plist>",
		"<plist><dict>" BROKEN PAIR(
		    "Status", "Acknowledged") "</dict></plist>",
		"bplist00%%",
		REPORT("Acknowledged", UDID_A),
	};
	struct mdmfix_device d;
	char bad[37], next[37], reply[8192];
	struct command c;
	size_t i;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	for (i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		checkfix_enqueue(state, SERIAL_A, 1, bad);
		checkfix_enqueue(state, SERIAL_A, 0, next);
		almost(state, &d, bad, bodies[i]);
		poll(state, &d, bodies[i], bad, reply);
		assert_non_null(strstr(reply, next));
		load(state, bad, &c);
		assert_int_equal(c.state, COMMAND_ERROR);
		assert_string_not_equal(c.note, "");
		commands_release(&c);
		alarms_are(state, 1);
		/* over when the same type of command is answered well */
		poll(state, &d, ANSWER("Acknowledged", "%s", ""), next, reply);
		alarms_are(state, 0);
	}
	mdmfix_device_release(&d);
}

/* An answer to a command that has one changes nothing. */
static void
test_answered_before(void **state)
{
	struct mdmfix_device d;
	char uuid[37], reply[8192];
	int i;

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 0, uuid);
	idle(state, &d, uuid);
	poll(state, &d, ANSWER("Acknowledged", "%s", ""), uuid, reply);
	for (i = 0; i < UNREADABLE_MAX; i++)
		poll(state, &d,
		    "<plist><dict>" PAIR("CommandUUID", "%s") BROKEN, uuid,
		    reply);
	state_is(state, uuid, COMMAND_ACKNOWLEDGED);
	alarms_are(state, 0);
	mdmfix_device_release(&d);
}

/* An expired certificate answers for its renewal alone. */
static void
test_expired(void **state)
{
	static const char nobody[] = "<plist><dict>" BROKEN;
	struct checkfix_talk t = { .grace = 1 };
	struct mdmfix_device d;
	char uuid[37];

	checkfix_enroll(state, SERIAL_A, UDID_A, &d);
	checkfix_enqueue(state, SERIAL_A, 0, uuid);
	idle(state, &d, uuid);
	t.device = &d;
	clock_set_offset(7200);
	assert_int_equal(checkfix_send(state, &t, nobody, queue_serve), OK);
	clock_set_offset(0);
	assert_int_equal(storefix_sql(storefix_db(state),
			     "SELECT sum(unreadable) FROM commands"),
	    0);
	mdmfix_device_release(&d);
}

/* A renewed certificate is not taken into use by what nobody can read. */
static void
test_new_certificate(void **state)
{
	static const char nobody[] = "<plist><dict>" BROKEN;
	struct mdmfix_device old, new;
	char reply[8192];

	checkfix_enroll(state, SERIAL_A, UDID_A, &old);
	mdmfix_device_make(
	    storefix_db(state), SERIAL_A, ENROLLMENT_RENEW, true, &new);
	assert_int_equal(
	    checkfix_poll(state, &new, nobody, reply), ERR_MDM_MESSAGE);
	checkfix_because(state, SERIAL_A, "an unknown element");
	assert_int_equal(checkfix_poll(state, &old, nobody, reply), OK);
	mdmfix_device_release(&new);
	mdmfix_device_release(&old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STOREFIX_TEST(test_repaired),
		STOREFIX_TEST(test_ended_unread),
		STOREFIX_TEST(test_not_stored),
		STOREFIX_TEST(test_foreign),
		STOREFIX_TEST(test_given_up),
		STOREFIX_TEST(test_answered_before),
		STOREFIX_TEST(test_expired),
		STOREFIX_TEST(test_new_certificate),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
