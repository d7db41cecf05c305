/*
 * Synchronizing the device list with answers that Apple Business should not
 * give; the service's client is replaced by ade_service_call() below.
 */
#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/ade_sync.h"
#include "policy/device_state.h"
#include "store/alarms.h"
#include "store/datum.h"
#include "unit/failures.h"
#include "unit/unit.h"

#define NAME "business"

static ade_service_done *waiting;
static void *waiting_arg;
static int calls;
static int result;

int
ade_service_call(struct ade_service *s, const char *method, const char *path,
    struct blob body, ade_service_done *done, void *arg)
{
	(void)s;
	(void)method;
	(void)path;
	(void)body;
	calls++;
	waiting = done;
	waiting_arg = arg;
	return OK;
}

static void
on_done(void *arg, int code)
{
	(void)arg;
	result = code;
}

static void
answer(const char *json)
{
	struct ade_reply reply = {
		.code = OK, .status = 200, .reason = "", .word = ""
	};

	reply.body = blob_str(json);
	waiting(waiting_arg, &reply);
}

static struct ade_account
load(struct db *db)
{
	struct ade_account a;

	assert_int_equal(ade_accounts_load(db, NAME, &a), OK);
	return a;
}

static struct db *
open_account(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db, ade_accounts_create(db, NAME));
	WRITE(db, ade_accounts_set_token(db, NAME, "CK", INT64_MAX));
	return db;
}

/* Begins a run, up to its first page. */
static void
begin(struct ade_sync *s, struct db *db)
{
	struct ade_account a = load(db);

	calls = 0;
	result = -1;
	ade_sync_start(s, NULL, db, &a, on_done, NULL);
	answer("{\"server_uuid\":\"u\"}");
}

/* A run of one page. */
static void
sync_page(struct db *db, const char *json)
{
	struct ade_sync s;

	begin(&s, db);
	answer(json);
	assert_int_equal(result, OK);
}

static bool
knows_silicon(struct db *db)
{
	static const struct conf conf;
	struct device_state state;

	assert_int_equal(device_state_load(db, &conf, "S1", &state), OK);
	return state.known_silicon;
}

#define PAGE(cursor, device)                                                   \
	"{\"cursor\":\"" cursor "\",\"more_to_follow\":false,\"devices\":"     \
	"[{\"serial_number\":\"S1\"" device "}]}"

static void
test_a_later_answer_does_not_hide_the_chip(void **state)
{
	struct db *db = open_account(state);
	struct ade_device d;

	sync_page(db,
	    PAGE("c1",
		",\"model\":\"Mac15,3\",\"description\":\"MBP Apple M3\""));
	assert_true(knows_silicon(db));
	sync_page(
	    db, PAGE("c2", ",\"op_type\":\"modified\",\"model\":\"MacBook\""));
	assert_true(knows_silicon(db));
	assert_int_equal(ade_devices_load(db, "S1", &d), OK);
	assert_string_equal(d.model, "Mac15,3");
	assert_string_equal(d.description, "MBP Apple M3");
	/* nor when it was gone meanwhile */
	sync_page(db, PAGE("c3", ",\"op_type\":\"deleted\""));
	sync_page(db, PAGE("c4", ",\"op_type\":\"added\""));
	assert_true(knows_silicon(db));
	/* other words that name it are taken */
	sync_page(
	    db, PAGE("c5", ",\"op_type\":\"modified\",\"model\":\"Mac15,4\""));
	assert_int_equal(ade_devices_load(db, "S1", &d), OK);
	assert_string_equal(d.model, "Mac15,4");
	assert_string_equal(d.description, "");
}

/* The words of another account are its own. */
static void
test_words_of_one_account(void **state)
{
	struct db *db = open_account(state);
	struct ade_device d = { .account = ADE_DEVICES_FILE,
		.serial = "S1",
		.description = "Apple M2" };
	struct ade_device_list list;

	WRITE(db, ade_devices_put(db, &d));
	sync_page(db, PAGE("c1", ",\"description\":\"MBP\""));
	assert_int_equal(ade_devices_of_serial(db, "S1", &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].account, NAME);
	assert_string_equal(list.rows[0].description, "MBP");
	ade_devices_list_release(&list);
	assert_true(knows_silicon(db));
}

/* The same page again and again is no list. */
static void
test_a_cursor_that_stays(void **state)
{
	static const char page[] =
	    "{\"cursor\":\"same\",\"more_to_follow\":true,"
	    "\"devices\":[{\"serial_number\":\"S1\"}]}";
	struct db *db = open_account(state);
	struct ade_sync s;

	begin(&s, db);
	answer(page);
	assert_int_equal(result, -1);
	answer(page);
	assert_int_equal(result, ERR_ADE_ANSWER);
	assert_int_equal(calls, 3);
	assert_non_null(strstr(load(db).sync_error, "does not go on"));
}

static void
refuse_cursor(const char *word)
{
	struct ade_reply reply = {
		.code = ERR_ADE_ANSWER, .status = 400, .reason = "refused"
	};

	COPY(reply.word, word);
	waiting(waiting_arg, &reply);
}

/* mdm-88: one run begins the whole list once, whichever page is refused. */
static void
test_a_second_refusal_on_a_later_page(void **state)
{
	struct db *db = open_account(state);
	struct ade_sync s;

	sync_page(db, PAGE("c1", ""));
	begin(&s, db);
	refuse_cursor("EXPIRED_CURSOR");
	assert_int_equal(result, -1);
	assert_int_equal(load(db).phase, ADE_PHASE_FETCH);
	answer("{\"cursor\":\"c2\",\"more_to_follow\":true,"
	       "\"devices\":[{\"serial_number\":\"S1\"}]}");
	assert_int_equal(result, -1);
	refuse_cursor("EXPIRED_CURSOR");
	assert_int_equal(result, ERR_ADE_ANSWER);
	assert_int_equal(calls, 4);
	/* what came is kept */
	assert_string_equal(load(db).cursor, "c2");
}

#define DAY INT64_C(86400)

/* A run whose only page lists or changes devices from number `from` to `to`. */
static void
sync_range(struct db *db, const char *op, int from, int to)
{
	static int cursor;
	struct buf json;
	char text[200];

	buf_init(&json, 1 << 20);
	snprintf(text, sizeof text,
	    "{\"cursor\":\"r%d\",\"more_to_follow\":false,\"devices\":[",
	    ++cursor);
	buf_add_str(&json, text);
	for (int i = from; i < to; i++) {
		snprintf(text, sizeof text,
		    "%s{\"serial_number\":\"N%06d\",\"op_type\":\"%s\"}",
		    i == from ? "" : ",", i, op);
		buf_add_str(&json, text);
	}
	buf_add_str(&json, "]}");
	sync_page(db, buf_str(&json));
	buf_release(&json);
}

/* The next run fetches the whole list. */
static void
fetch_next(struct db *db)
{
	struct ade_account a = load(db), next = a;

	next.phase = ADE_PHASE_FETCH;
	next.cursor[0] = '\0';
	WRITE(db, ade_accounts_move(db, &a, &next));
}

static int64_t
ours(struct db *db)
{
	int64_t n, gone;

	assert_int_equal(ade_devices_count(db, NAME, &n, &gone), OK);
	return n;
}

static bool
held(struct db *db)
{
	int64_t alarms;

	assert_int_equal(alarms_count_open(db, &alarms), OK);
	assert_int_equal(alarms, load(db).held_at != 0);
	return alarms != 0;
}

/* An account that has had so many devices for eight days. */
static struct db *
open_with(void **state, int devices)
{
	struct db *db;

	clock_stop();
	db = open_account(state);
	sync_range(db, "", 0, devices);
	clock_set_offset(8 * DAY);
	fetch_next(db);
	sync_range(db, "", 0, devices);
	assert_int_equal(ours(db), devices);
	return db;
}

/* Little by little is as much as at once. */
static void
test_removals_of_a_week_count_together(void **state)
{
	struct db *db = open_with(state, 100);

	sync_range(db, "deleted", 0, 3);
	sync_range(db, "deleted", 3, 5);
	assert_int_equal(ours(db), 95);
	assert_false(held(db));
	sync_range(db, "deleted", 5, 6);
	assert_int_equal(ours(db), 95);
	assert_true(held(db));
	/* it is listed again */
	sync_range(db, "added", 5, 6);
	assert_false(held(db));
	/* a week later others may go */
	clock_set_offset(16 * DAY);
	sync_range(db, "", 5, 100);
	sync_range(db, "deleted", 5, 9);
	assert_int_equal(ours(db), 91);
	assert_false(held(db));
}

static void
test_new_devices_make_no_room(void **state)
{
	struct db *db = open_with(state, 100);

	sync_range(db, "added", 1000, 3000);
	sync_range(db, "deleted", 0, 6);
	assert_int_equal(ours(db), 2100);
	assert_true(held(db));
}

static void
test_a_full_fetch_ends_no_hold(void **state)
{
	struct db *db = open_with(state, 200);
	int removed;

	sync_range(db, "deleted", 0, 100);
	assert_true(held(db));
	sync_range(db, "added", 200, 2200);
	clock_set_offset(30 * DAY);
	fetch_next(db);
	sync_range(db, "", 100, 2200);
	assert_true(held(db));
	assert_int_equal(ours(db), 2200);
	/* some of them come back: the others are still held */
	sync_range(db, "added", 0, 99);
	assert_true(held(db));
	assert_int_equal(ours(db), 2200);
	WRITE(db, ade_devices_confirm_gone(db, NAME, &removed));
	assert_int_equal(removed, 1);
	WRITE(db, ade_accounts_hold(db, NAME, false));
	sync_range(db, "modified", 100, 101);
	assert_false(held(db));
	assert_int_equal(ours(db), 2199);
}

static void
test_a_single_one_may_go(void **state)
{
	struct db *db;
	int removed;

	clock_stop();
	db = open_account(state);
	sync_range(db, "", 0, 10);
	sync_range(db, "deleted", 0, 1);
	assert_int_equal(ours(db), 9);
	sync_range(db, "deleted", 1, 2);
	assert_true(held(db));
	assert_int_equal(ours(db), 9);
	/* after an administrator's word it counts anew */
	WRITE(db, ade_devices_confirm_gone(db, NAME, &removed));
	WRITE(db, ade_accounts_hold(db, NAME, false));
	/* a record of what is removed already says nothing new */
	sync_range(db, "deleted", 0, 2);
	sync_range(db, "deleted", 2, 3);
	assert_int_equal(ours(db), 7);
	assert_int_equal(load(db).held_at, 0);
}

/* Whatever call fails, the next run begins where this one came to. */
static void
test_every_call_may_fail(void **state)
{
	static const char *const pages[] = {
		"{\"cursor\":\"p1\",\"more_to_follow\":true,\"devices\":"
		"[{\"serial_number\":\"S1\"},{\"serial_number\":\"S2\"}]}",
		"{\"cursor\":\"p2\",\"more_to_follow\":false,\"devices\":"
		"[{\"serial_number\":\"S3\"},{\"serial_number\":\"S4\"}]}",
	};
	struct db *db = open_account(state);
	const char *failed = "";
	struct ade_account a;
	struct ade_sync s;
	int n;

	log_open("test", (enum log_priority)0);
	for (n = 1; failed != NULL; n++) {
		fetch_next(db);
		a = load(db);
		result = -1;
		failures_arm(n);
		ade_sync_start(&s, NULL, db, &a, on_done, NULL);
		if (result == -1)
			answer("{\"server_uuid\":\"u\"}");
		for (size_t i = 0; i < 2 && result == -1; i++)
			answer(pages[i]);
		failed = failures_disarm();
		if (db_in_transaction(db) || (failed == NULL) != (result == OK))
			unit_fail("%d (%s): %s", n, failed ? failed : "none",
			    err_name(result));
		begin(&s, db);
		answer(pages[0]);
		answer(pages[1]);
		assert_int_equal(result, OK);
		assert_int_equal(ours(db), 4);
		assert_string_equal(load(db).cursor, "p2");
	}
	assert_true(n > 50);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_a_later_answer_does_not_hide_the_chip),
	STOREFIX_TEST(test_words_of_one_account),
	STOREFIX_TEST(test_a_cursor_that_stays),
	STOREFIX_TEST(test_a_second_refusal_on_a_later_page),
	STOREFIX_TEST(test_removals_of_a_week_count_together),
	STOREFIX_TEST(test_new_devices_make_no_room),
	STOREFIX_TEST(test_a_full_fetch_ends_no_hold),
	STOREFIX_TEST(test_a_single_one_may_go),
	STOREFIX_TEST(test_every_call_may_fail),
};

STOREFIX_MAIN(tests)
