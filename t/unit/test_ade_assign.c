/*
 * Assigning the enrollment profile to many devices, and how many of them still
 * have the one from before, when sign-in is switched on and off: with an Apple
 * Business that fails in the middle, refuses some devices and gives others
 * away. The service's client is replaced by ade_service_call() below.
 */
#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_business.h"
#include "admin/admin_setting.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/ade_assign.h"
#include "store/datum.h"
#include "unit/failures.h"
#include "unit/unit.h"

#define NAME    "business"
#define DEVICES 2500
#define HOUR    3600

static char url[] = "https://mdm.example.com", none[] = "";
static char issuer[] = "https://id.example.com";
static struct conf conf = {
	.url = url, .server_ca = none, .sign_in_issuer = issuer, .premium = true
};
static struct ade_service service = { .conf = &conf };

/* What Apple Business has. */
static char profiles[DEVICES][ADE_UUID_TEXT];
static const char *words[DEVICES]; /* of the next assignment; NULL: SUCCESS */
static int assigned[DEVICES];      /* how often */
static int defined;

/* The call under way, and what is wrong with the one of this number. */
static struct {
	char method[8], path[32];
	struct buf body;
	ade_service_done *done;
	void *arg;
} pending;
static int calls, fails_at;
/* a code, with ERR_NET_ANSWER after it was done; OK: the body is this one */
static int fails_with;
static const char *fails_body;
static int result;

int
ade_service_call(struct ade_service *s, const char *method, const char *path,
    struct blob body, ade_service_done *done, void *arg)
{
	assert_null(pending.done);
	buf_init(&pending.body, body.n + 1);
	if (buf_add_blob(&pending.body, body) != OK)
		return ERR_NOMEM;
	COPY(pending.method, method);
	COPY(pending.path, path);
	pending.done = done;
	pending.arg = arg;
	return OK;
}

static void
write_result(int device, struct buf *out)
{
	if (words[device] == NULL) {
		snprintf(profiles[device], ADE_UUID_TEXT, "P%d", defined);
		assigned[device]++;
	}
	buf_printf(out, "\"D%04d\":\"%s\"", device,
	    words[device] != NULL ? words[device] : "SUCCESS");
	words[device] = NULL;
}

static void
write_details(int device, struct buf *out)
{
	buf_printf(out,
	    "\"D%04d\":{\"serial_number\":\"D%04d\",\"response_status\":"
	    "\"SUCCESS\",\"profile_status\":\"assigned\",\"profile_uuid\":"
	    "\"%s\"}",
	    device, device, profiles[device]);
}

/* For each device that the request names. */
static void
write_devices(void (*write)(int device, struct buf *out), struct buf *out)
{
	const char *p = buf_str(&pending.body);

	buf_add_str(out, "{\"retry_after_seconds\":7200,\"devices\":{");
	for (bool first = true; (p = strstr(p, "\"D")) != NULL; first = false) {
		if (!first)
			buf_add_byte(out, ',');
		write((int)strtol(p + 2, NULL, 10), out);
		p += 2;
	}
	buf_add_str(out, "}}");
}

static void
write_answer(struct buf *out)
{
	if (strcmp(pending.path, "/profile") == 0)
		buf_printf(out, "{\"profile_uuid\":\"P%d\"}", ++defined);
	else if (strcmp(pending.path, "/profile/devices") == 0)
		write_devices(write_result, out);
	else
		write_devices(write_details, out);
}

/* Answers the call under way. */
static void
deliver(void)
{
	struct ade_reply reply = {
		.reason = "", .status = 200, .date = clock_now()
	};
	ade_service_done *done = pending.done;
	struct buf out;

	buf_init(&out, 1 << 20);
	if (++calls == fails_at) {
		reply.code = fails_with;
		reply.reason = fails_with != OK ? "it fails" : "";
		reply.status = fails_with == OK    ? 200
		    : fails_with == ERR_NET_ANSWER ? 0
						   : 503;
	}
	if (reply.code == OK || reply.code == ERR_NET_ANSWER)
		write_answer(&out);
	if (reply.code == OK)
		reply.body =
		    calls == fails_at ? blob_str(fails_body) : buf_blob(&out);
	pending.done = NULL;
	buf_release(&pending.body);
	done(pending.arg, &reply);
	buf_release(&out);
}

static void
on_done(void *arg, int code)
{
	result = code;
}

static struct ade_account
load(struct db *db)
{
	struct ade_account a;

	assert_int_equal(ade_accounts_load(db, NAME, &a), OK);
	return a;
}

static void
begin(struct ade_assign *a, struct db *db, const struct ade_account *account)
{
	calls = 0;
	result = 1;
	ade_assign_start(a, &service, db, account, on_done, NULL);
}

static int
run_account(struct db *db, const struct ade_account *account)
{
	struct ade_assign a;

	begin(&a, db, account);
	while (pending.done != NULL)
		deliver();
	assert_int_not_equal(result, 1);
	fails_at = 0;
	return result;
}

static int
run(struct db *db)
{
	struct ade_account account = load(db);

	return run_account(db, &account);
}

/* The n-th call of the next run ends like this. */
static void
fail_at(int n, int code)
{
	fails_at = n;
	fails_with = code;
}

static struct ade_device_counts
count(struct db *db, bool is_defined)
{
	struct ade_account a = load(db);
	struct ade_device_counts kept, c;
	bool has;

	assert_int_equal(admin_business_count(db, &conf, &a, &has, &kept), OK);
	assert_int_equal(has, is_defined);
	assert_int_equal(ade_devices_count_profiles(db, a.name,
			     has ? a.profile_uuid : "", &c),
	    OK);
	assert_int_equal(kept.devices, c.devices);
	assert_int_equal(kept.wanted, c.wanted);
	assert_int_equal(kept.other, c.other);
	return c;
}

static bool
is_due(struct db *db)
{
	struct ade_account a = load(db);
	bool due;

	assert_int_equal(ade_assign_is_due(db, &conf, &a, &due), OK);
	return due;
}

static void
switch_sign_in(struct db *db, const char *value)
{
	const struct admin_actor actor = { .conf = &conf,
		.db = db,
		.name = "cli:root",
		.role = ADMIN_ROLE_ADMIN };
	const struct admin_setting setting = { SETTINGS_SIGN_IN, value };

	assert_int_equal(admin_setting_set(&actor, &setting, 1, false), OK);
}

/* So many devices, all with the profile for when nobody signs in. */
static struct db *
open_with(void **state, int n)
{
	struct db *db = storefix_db(state);
	char consumer[] = "CK";

	memset(profiles, 0, sizeof profiles);
	memset(assigned, 0, sizeof assigned);
	defined = 0;
	fails_at = 0;
	WRITE(db, ade_accounts_create(db, NAME));
	WRITE(db, ade_accounts_set_token(db, NAME, consumer, INT64_MAX));
	WRITE(db, ade_accounts_approve(db, NAME));
	assert_int_equal(db_begin(db), OK);
	for (int i = 0; i < n; i++) {
		struct ade_device d = { .account = NAME, .added_at = 1 };

		snprintf(d.serial, sizeof d.serial, "D%04d", i);
		assert_int_equal(ade_devices_fetched(db, &d), OK);
	}
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(run(db), OK);
	assert_int_equal(count(db, true).wanted, n);
	assert_false(is_due(db));
	return db;
}

/* The profile at Apple Business of before is everybody's until it is replaced.
 */
static void
test_switched_on_and_off(void **state)
{
	struct db *db = open_with(state, DEVICES);
	struct ade_device_counts c;

	for (int i = 0; i < 2; i++) {
		switch_sign_in(db, i == 0 ? "true" : "false");
		c = count(db, false);
		assert_int_equal(c.devices, DEVICES);
		assert_int_equal(c.wanted, 0);
		assert_int_equal(c.other, DEVICES);
		assert_int_equal(c.none, 0);
		assert_true(is_due(db));
		assert_int_equal(run(db), OK);
		c = count(db, true);
		assert_int_equal(c.wanted, DEVICES);
		assert_int_equal(c.other, 0);
		assert_false(is_due(db));
	}
	/* Profiles cannot be edited: each is a new one. */
	assert_int_equal(defined, 3);
	assert_string_equal(profiles[0], "P3");
}

/* The second of three batches fails; the first has the new one. */
static void
test_apple_fails_in_the_middle(void **state)
{
	struct db *db = open_with(state, DEVICES);
	struct ade_device_counts c;

	switch_sign_in(db, "true");
	fail_at(3, ERR_ADE_UNAVAILABLE);
	assert_int_equal(run(db), ERR_ADE_UNAVAILABLE);
	c = count(db, true);
	assert_int_equal(c.wanted, ADE_BATCH_MAX);
	assert_int_equal(c.other, DEVICES - ADE_BATCH_MAX);
	assert_string_equal(load(db).assign_error, "it fails");
	assert_false(is_due(db));
	clock_set_offset(HOUR);
	assert_true(is_due(db));
	assert_int_equal(run(db), OK);
	assert_int_equal(count(db, true).wanted, DEVICES);
	assert_string_equal(load(db).assign_error, "");
	for (int i = 0; i < DEVICES; i++)
		assert_int_equal(assigned[i], 2);
}

/* Apple did it and its answer was lost: it is asked, and nothing is done twice.
 */
static void
test_an_answer_is_lost(void **state)
{
	struct db *db = open_with(state, DEVICES);

	switch_sign_in(db, "true");
	fail_at(3, ERR_NET_ANSWER);
	assert_int_equal(run(db), ERR_NET_ANSWER);
	assert_int_equal(count(db, true).wanted, ADE_BATCH_MAX);
	clock_set_offset(HOUR);
	assert_int_equal(run(db), OK);
	assert_int_equal(count(db, true).wanted, DEVICES);
	for (int i = 0; i < DEVICES; i++)
		assert_int_equal(assigned[i], 2);
}

static void
test_apple_refuses_some(void **state)
{
	struct db *db = open_with(state, 20);
	struct ade_device_counts c;

	switch_sign_in(db, "true");
	words[3] = words[4] = "FAILED";
	words[5] = "THROTTLED";
	words[6] = words[7] = words[8] = "NOT_ACCESSIBLE";
	assert_int_equal(run(db), OK);
	c = count(db, true);
	assert_int_equal(c.devices, 20);
	assert_int_equal(c.wanted, 14);
	assert_int_equal(c.other, 6);
	assert_int_equal(c.waiting, 3);
	assert_int_equal(c.not_accessible, 3);
	assert_int_equal(c.next_at, clock_now() + HOUR);
	assert_int_equal(load(db).assign_at, c.next_at);
	clock_set_offset(HOUR);
	assert_true(is_due(db));
	assert_int_equal(run(db), OK);
	c = count(db, true);
	assert_int_equal(c.wanted, 16);
	assert_int_equal(c.other, 4);
	clock_set_offset(2 * HOUR);
	assert_int_equal(run(db), OK);
	c = count(db, true);
	assert_int_equal(c.wanted, 17);
	assert_int_equal(c.waiting, 0);
	/* Those that are not accessible keep the former one, and wait for a
	 * change. */
	assert_int_equal(c.other, 3);
	assert_false(is_due(db));
	for (int i = 0; i < 20; i++)
		assert_int_equal(assigned[i], i >= 6 && i <= 8 ? 1 : 2);
}

/* Somebody gave devices another profile, none, or to another server. */
static void
test_devices_are_assigned_elsewhere(void **state)
{
	struct db *db = open_with(state, 20);
	struct ade_device d = { .account = NAME, .fetch = 1 };
	struct ade_device_counts c;

	clock_set_offset(60);
	d.op_date = clock_now();
	COPY(d.serial, "D0000");
	COPY(d.profile_uuid, "FOREIGN");
	WRITE(db, ade_devices_changed(db, &d));
	COPY(d.serial, "D0001");
	d.profile_uuid[0] = '\0';
	WRITE(db, ade_devices_changed(db, &d));
	WRITE(db, ade_devices_gone(db, NAME, "D0002", clock_now()));
	c = count(db, true);
	assert_int_equal(c.devices, 19);
	assert_int_equal(c.wanted, 17);
	assert_int_equal(c.other, 1);
	assert_int_equal(c.none, 1);
	switch_sign_in(db, "true");
	c = count(db, false);
	assert_int_equal(c.wanted, 0);
	assert_int_equal(c.other, 18);
	assert_int_equal(c.none, 1);
	assert_int_equal(run(db), OK);
	c = count(db, true);
	assert_int_equal(c.wanted, 19);
	assert_int_equal(c.other + c.none, 0);
	/* Nobody asked for what is not listed here. */
	assert_int_equal(assigned[2], 1);
	assert_int_equal(assigned[0], 2);
}

/* Also within the second in which the run began. */
static void
test_switched_back_during_a_run(void **state)
{
	struct db *db = open_with(state, 20);
	struct ade_account account;
	struct ade_assign a;

	switch_sign_in(db, "true");
	account = load(db);
	begin(&a, db, &account);
	deliver();
	switch_sign_in(db, "false");
	while (pending.done != NULL)
		deliver();
	assert_int_equal(result, OK);
	assert_int_equal(count(db, false).other, 20);
	assert_true(is_due(db));
	assert_int_not_equal(load(db).assign_at, 0);
	assert_int_equal(run(db), OK);
	assert_int_equal(count(db, true).wanted, 20);
	assert_false(is_due(db));
}

/* Nothing is taken from half of an answer, and the next run asks what became.
 */
static void
test_answers_that_are_refused(void **state)
{
	static const char *const bodies[] = { "", "{", "[]", "{}",
		"{\"devices\":7}", "{\"devices\":{\"D0000\":7}}" };
	struct db *db = open_with(state, 2);

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		switch_sign_in(db, i % 2 == 0 ? "true" : "false");
		fail_at(2, OK);
		fails_body = bodies[i];
		assert_int_equal(run(db), ERR_ADE_ANSWER);
		assert_int_equal(count(db, true).wanted, 0);
		assert_int_equal(run(db), OK);
		assert_int_equal(count(db, true).wanted, 2);
	}
	switch_sign_in(db, "true");
	fail_at(1, OK);
	fails_body = "{\"profile_uuid\":\"\"}";
	assert_int_equal(run(db), ERR_ADE_ANSWER);
	assert_int_equal(count(db, false).other, 2);
}

/* A device of which the answer says nothing failed. */
static void
test_an_answer_that_leaves_one_out(void **state)
{
	struct db *db = open_with(state, 2);

	switch_sign_in(db, "true");
	fail_at(2, OK);
	fails_body = "{\"devices\":{\"D0001\":\"SUCCESS\"}}";
	assert_int_equal(run(db), OK);
	assert_int_equal(count(db, true).wanted, 1);
	assert_int_equal(count(db, true).waiting, 1);
}

/* Whatever call fails, the run after it does what is left, and nothing twice.
 */
static void
test_every_call_may_fail(void **state)
{
	struct db *db = open_with(state, 3);
	const char *failed = "";
	int n, r;

	log_open("test", (enum log_priority)0);
	for (n = 1; failed != NULL; n++) {
		int before[3] = { assigned[0], assigned[1], assigned[2] };
		struct ade_account account;

		switch_sign_in(db, n % 2 == 0 ? "false" : "true");
		account = load(db);
		failures_arm(n);
		r = run_account(db, &account);
		failed = failures_disarm();
		if (db_in_transaction(db) || (failed == NULL && r != OK))
			unit_fail("%d (%s): %s", n, failed ? failed : "none",
			    err_name(r));
		assert_int_equal(run(db), OK);
		assert_int_equal(count(db, true).wanted, 3);
		for (int i = 0; i < 3; i++)
			assert_int_equal(assigned[i], before[i] + 1);
	}
	assert_true(n > 50);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_switched_on_and_off),
	STOREFIX_TEST(test_apple_fails_in_the_middle),
	STOREFIX_TEST(test_an_answer_is_lost),
	STOREFIX_TEST(test_apple_refuses_some),
	STOREFIX_TEST(test_devices_are_assigned_elsewhere),
	STOREFIX_TEST(test_switched_back_during_a_run),
	STOREFIX_TEST(test_answers_that_are_refused),
	STOREFIX_TEST(test_an_answer_that_leaves_one_out),
	STOREFIX_TEST(test_every_call_may_fail),
};

STOREFIX_MAIN(tests)
