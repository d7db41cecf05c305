/*
 * Synchronizing the device list with answers that Apple Business should not
 * give; the service's client is replaced by ade_service_call() below.
 */
#include "storefix.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/ade_sync.h"
#include "policy/device_state.h"
#include "store/datum.h"

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

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_a_later_answer_does_not_hide_the_chip),
	STOREFIX_TEST(test_words_of_one_account),
};

STOREFIX_MAIN(tests)
