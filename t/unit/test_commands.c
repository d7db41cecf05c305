#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/commands.h"

static int
enqueue(struct db *db, const struct host *h, const char *uuid, int priority)
{
	struct command c = { .request_type = "DeviceInformation",
		.plist = blob_str("<plist/>"),
		.priority = priority,
		.created_by = "cli:root" };

	snprintf(c.uuid, sizeof c.uuid, "%s", uuid);
	memcpy(c.host_id, h->id, sizeof h->id);
	return commands_enqueue(db, &c);
}

/* What the server does for each request: takes the next and marks it. */
static const char *
serve(struct db *db, const struct host *h)
{
	static char uuid[COMMANDS_UUID_TEXT];
	struct command c;
	int code;

	assert_int_equal(db_begin(db), OK);
	code = commands_next(db, h->id, &c);
	if (code == ERR_NOT_FOUND) {
		db_rollback(db);
		return "";
	}
	assert_int_equal(code, OK);
	assert_true(blob_eq_str(c.plist, "<plist/>"));
	assert_int_equal(commands_mark_sent(db, &c), OK);
	memcpy(uuid, c.uuid, sizeof uuid);
	commands_release(&c);
	assert_int_equal(db_commit(db), OK);
	return uuid;
}

static void
answer(struct db *db, const struct host *h, const char *uuid,
    enum command_state how)
{
	struct command_result r = { .host_id = h->id,
		.uuid = uuid,
		.state = how,
		.plist = blob_str("<result/>") };

	WRITE(db, commands_store_result(db, &r));
}

static void
test_priority_then_age(void **state)
{
	struct db *db = storefix_db(state);
	struct host h;

	storefix_host(db, "S1", 1, &h);
	assert_string_equal(serve(db, &h), "");
	WRITE(db, enqueue(db, &h, "A", 0));
	WRITE(db, enqueue(db, &h, "B", 0));
	WRITE(db, enqueue(db, &h, "C", 5));
	assert_string_equal(serve(db, &h), "C");
	answer(db, &h, "C", COMMAND_ACKNOWLEDGED);
	assert_string_equal(serve(db, &h), "A");
	answer(db, &h, "A", COMMAND_ERROR);
	assert_string_equal(serve(db, &h), "B");
	answer(db, &h, "B", COMMAND_FORMAT_ERROR);
	assert_string_equal(serve(db, &h), "");
}

static void
test_unanswered_is_sent_again(void **state)
{
	struct db *db = storefix_db(state);
	struct host h;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 0));
	assert_string_equal(serve(db, &h), "A");
	/* nothing overtakes it */
	WRITE(db, enqueue(db, &h, "B", 9));
	WRITE(db, commands_idle(db, h.id));
	assert_string_equal(serve(db, &h), "A");
	answer(db, &h, "A", COMMAND_ACKNOWLEDGED);
	assert_string_equal(serve(db, &h), "B");
}

/* Of several that were sent and have no answer, the one that waits longest. */
static void
test_unanswered_take_turns(void **state)
{
	struct db *db = storefix_db(state);
	struct command c;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 5));
	WRITE(db, enqueue(db, &h, "B", 0));
	for (int i = 0; i < 6; i++) {
		const char *name = i % 2 == 0 ? "A" : "B";

		clock_set_offset(10 + i);
		assert_int_equal(commands_load(db, h.id, name, &c), OK);
		if (i > 1) {
			commands_release(&c);
			assert_int_equal(commands_next(db, h.id, &c), OK);
			assert_string_equal(c.uuid, name);
		}
		WRITE(db, commands_mark_sent(db, &c));
		commands_release(&c);
	}
	clock_set_offset(0);
}

static void
test_not_now_waits_for_idle(void **state)
{
	struct db *db = storefix_db(state);
	struct command c;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 5));
	WRITE(db, enqueue(db, &h, "B", 0));
	assert_string_equal(serve(db, &h), "A");
	answer(db, &h, "A", COMMAND_NOT_NOW);
	assert_string_equal(serve(db, &h), "B");
	answer(db, &h, "B", COMMAND_ACKNOWLEDGED);
	assert_string_equal(serve(db, &h), "");
	WRITE(db, commands_idle(db, h.id));
	assert_string_equal(serve(db, &h), "A");
	answer(db, &h, "A", COMMAND_NOT_NOW);
	assert_int_equal(commands_load(db, h.id, "A", &c), OK);
	assert_int_equal(c.state, COMMAND_NOT_NOW);
	assert_int_equal(c.not_now_count, 2);
	assert_int_not_equal(c.not_now_at, 0);
	assert_int_equal(c.completed_at, 0);
	commands_release(&c);
	WRITE(db, commands_idle(db, h.id));
	assert_string_equal(serve(db, &h), "A");
	answer(db, &h, "A", COMMAND_ACKNOWLEDGED);
	WRITE(db, commands_idle(db, h.id));
	assert_string_equal(serve(db, &h), "");
}

static void
test_result_is_kept(void **state)
{
	struct db *db = storefix_db(state);
	struct command_result r = { .uuid = "A",
		.state = COMMAND_ERROR,
		.plist = blob_str("<other/>"),
		.error_chain = "[{}]" };
	struct command c;
	struct host h;
	int64_t first;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 0));
	serve(db, &h);
	answer(db, &h, "A", COMMAND_ACKNOWLEDGED);
	assert_int_equal(commands_load(db, h.id, "A", &c), OK);
	assert_int_equal(c.state, COMMAND_ACKNOWLEDGED);
	assert_true(blob_eq_str(c.result, "<result/>"));
	assert_string_equal(c.error_chain, "");
	assert_string_equal(c.created_by, "cli:root");
	first = c.completed_at;
	commands_release(&c);
	/* a late NotNow changes nothing, a second answer keeps the time */
	answer(db, &h, "A", COMMAND_NOT_NOW);
	clock_set_offset(100);
	r.host_id = h.id;
	WRITE(db, commands_store_result(db, &r));
	assert_int_equal(commands_find(db, "A", &c), OK);
	assert_int_equal(c.state, COMMAND_ERROR);
	assert_int_equal(c.completed_at, first);
	assert_true(blob_eq_str(c.result, "<other/>"));
	assert_string_equal(c.error_chain, "[{}]");
	commands_release(&c);
}

static void
test_foreign_results_are_refused(void **state)
{
	struct db *db = storefix_db(state);
	struct command_result r = { .uuid = "A",
		.state = COMMAND_ACKNOWLEDGED,
		.plist = blob_str("x") };
	struct host h, other;

	storefix_host(db, "S1", 1, &h);
	storefix_host(db, "S2", 2, &other);
	WRITE(db, enqueue(db, &h, "A", 0));
	r.host_id = h.id;
	/* never sent */
	REFUSE(db, ERR_NOT_FOUND, commands_store_result(db, &r));
	r.state = COMMAND_NOT_NOW;
	REFUSE(db, ERR_NOT_FOUND, commands_store_result(db, &r));
	serve(db, &h);
	r.host_id = other.id;
	REFUSE(db, ERR_NOT_FOUND, commands_store_result(db, &r));
	r.state = COMMAND_ACKNOWLEDGED;
	REFUSE(db, ERR_NOT_FOUND, commands_store_result(db, &r));
	r.host_id = h.id;
	r.uuid = "unknown";
	REFUSE(db, ERR_NOT_FOUND, commands_store_result(db, &r));
}

static void
test_enqueue_refused(void **state)
{
	struct db *db = storefix_db(state);
	struct command big = { .request_type = "x",
		.plist = { (const uint8_t *)"", COMMANDS_PLIST_MAX + 1 } };
	struct host nobody = { .id = "nobody" };
	struct host h;

	storefix_host(db, "S1", 1, &h);
	REFUSE(db, ERR_TOO_LARGE, commands_enqueue(db, &big));
	REFUSE(db, ERR_NOT_FOUND, enqueue(db, &nobody, "A", 0));
	WRITE(db, enqueue(db, &h, "A", 0));
	REFUSE(db, ERR_CONFLICT, enqueue(db, &h, "A", 0));
	WRITE(db, hosts_check_out(db, h.id));
	REFUSE(db, ERR_CONFLICT, enqueue(db, &h, "B", 0));
}

static void
test_cancel(void **state)
{
	struct db *db = storefix_db(state);
	struct command c;
	struct host h;
	int n;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 0));
	WRITE(db, enqueue(db, &h, "B", 0));
	WRITE(db, enqueue(db, &h, "C", 0));
	assert_string_equal(serve(db, &h), "A");
	WRITE(db, commands_cancel(db, h.id, "B"));
	REFUSE(db, ERR_CONFLICT, commands_cancel(db, h.id, "B"));
	WRITE(db, commands_cancel_all(db, h.id, &n));
	assert_int_equal(n, 2);
	assert_string_equal(serve(db, &h), "");
	assert_int_equal(commands_load(db, h.id, "C", &c), OK);
	REFUSE(db, ERR_CONFLICT, commands_mark_sent(db, &c));
	commands_release(&c);
	/* the device had it already: its answer is the truth */
	answer(db, &h, "A", COMMAND_ACKNOWLEDGED);
}

static void
test_older_generation_is_dead(void **state)
{
	struct db *db = storefix_db(state);
	struct host h;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 0));
	storefix_host(db, "S1", 1, &h);
	assert_int_equal(h.generation, 2);
	/* even if its row were open again */
	WRITE(db, storefix_sql(db, "UPDATE commands SET state = 'queued'"));
	assert_string_equal(serve(db, &h), "");
	WRITE(db, enqueue(db, &h, "B", 0));
	assert_string_equal(serve(db, &h), "B");
}

static void
test_list(void **state)
{
	struct db *db = storefix_db(state);
	char next[CURSOR_TEXT];
	struct command_list list;
	struct host h;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 0));
	WRITE(db, enqueue(db, &h, "B", 0));
	WRITE(db, enqueue(db, &h, "C", 0));
	assert_int_equal(commands_list(db, h.id, NULL, 2, &list), OK);
	memcpy(next, list.next, sizeof next);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].uuid, "C");
	assert_int_equal(list.rows[0].plist.n, 0);
	commands_list_release(&list);
	assert_int_equal(commands_list(db, h.id, next, 2, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].uuid, "A");
	assert_string_equal(list.next, "");
	commands_list_release(&list);
	assert_int_equal(commands_list(db, h.id, "x", 2, &list), ERR_FIELD);
}

static void
test_purge_spares_the_open(void **state)
{
	struct db *db = storefix_db(state);
	int64_t later = clock_now() + 86400 * 181;
	struct host h;
	int deleted;

	storefix_host(db, "S1", 1, &h);
	WRITE(db, enqueue(db, &h, "A", 0));
	WRITE(db, enqueue(db, &h, "B", 0));
	WRITE(db, commands_cancel(db, h.id, "B"));
	WRITE(db, commands_purge(db, clock_now(), 9, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, commands_purge(db, later, 9, &deleted));
	assert_int_equal(deleted, 1);
	assert_string_equal(serve(db, &h), "A");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_priority_then_age),
	STOREFIX_TEST(test_unanswered_is_sent_again),
	STOREFIX_TEST(test_unanswered_take_turns),
	STOREFIX_TEST(test_not_now_waits_for_idle),
	STOREFIX_TEST(test_result_is_kept),
	STOREFIX_TEST(test_foreign_results_are_refused),
	STOREFIX_TEST(test_enqueue_refused),
	STOREFIX_TEST(test_cancel),
	STOREFIX_TEST(test_older_generation_is_dead),
	STOREFIX_TEST(test_list),
	STOREFIX_TEST(test_purge_spares_the_open),
};

STOREFIX_MAIN(tests)
