#include "storefix.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/ade_accounts.h"
#include "store/datum.h"

#define NAME "business"

static struct ade_account
load(struct db *db)
{
	struct ade_account a;

	assert_int_equal(ade_accounts_load(db, NAME, &a), OK);
	return a;
}

static void
test_names(void **state)
{
	struct db *db = storefix_db(state);

	assert_true(ade_accounts_is_name("a-1"));
	assert_true(ade_accounts_is_name("abcdefghijklmnopqrstuvwxyz012345"));
	assert_false(ade_accounts_is_name("abcdefghijklmnopqrstuvwxyz0123456"));
	assert_false(ade_accounts_is_name(""));
	assert_false(ade_accounts_is_name("../x"));
	assert_false(ade_accounts_is_name("a/../../x"));
	assert_false(ade_accounts_is_name("A"));
	assert_false(ade_accounts_is_name("csv"));
	REFUSE(db, ERR_FIELD, ade_accounts_create(db, "csv"));
	WRITE(db, ade_accounts_create(db, NAME));
	REFUSE(db, ERR_EXISTS, ade_accounts_create(db, NAME));
}

static void
test_not_too_many(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_account_list list;
	char name[16];

	for (int i = 0; i < ADE_ACCOUNTS_MAX; i++) {
		snprintf(name, sizeof name, "a%d", i);
		WRITE(db, ade_accounts_create(db, name));
	}
	REFUSE(db, ERR_RATE_LIMITED, ade_accounts_create(db, "b"));
	/* nor are more rows listed, whoever wrote them */
	storefix_change(
	    db, "INSERT INTO ade_accounts (name, created_at) VALUES ('z', 1)");
	assert_int_equal(ade_accounts_list(db, &list), OK);
	assert_int_equal(list.n, ADE_ACCOUNTS_MAX);
	ade_accounts_list_release(&list);
}

static void
test_the_cursor_moves_once(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_account a, next;

	WRITE(db, ade_accounts_create(db, NAME));
	a = next = load(db);
	assert_int_equal(a.phase, ADE_PHASE_FETCH);
	assert_string_equal(a.cursor, "");
	next.phase = ADE_PHASE_CHANGES;
	COPY(next.cursor, "c1");
	next.fetch = 1;
	next.fetched_at = 7;
	next.sync_devices = 12;
	WRITE(db, ade_accounts_move(db, &a, &next));
	REFUSE(db, ERR_CONFLICT, ade_accounts_move(db, &a, &next));
	a = load(db);
	assert_int_equal(a.phase, ADE_PHASE_CHANGES);
	assert_string_equal(a.cursor, "c1");
	assert_int_equal(a.fetch, 1);
	assert_int_equal(a.fetched_at, 7);
	assert_int_equal(a.sync_devices, 12);
	next = a;
	a.fetch = 2;
	REFUSE(db, ERR_CONFLICT, ade_accounts_move(db, &a, &next));
}

static void
test_another_consumer_key_starts_anew(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_account a, next;
	uint8_t digest[SECRET_SHA256] = { 1 };

	WRITE(db, ade_accounts_create(db, NAME));
	WRITE(db, ade_accounts_set_token(db, NAME, "CK_1", 99));
	WRITE(db, ade_accounts_set_server(db, NAME, "U", "name", "company"));
	WRITE(db, ade_accounts_set_profile(db, NAME, "P", digest));
	WRITE(db, ade_accounts_approve(db, NAME));
	a = next = load(db);
	assert_true(a.has_profile_sha256);
	next.phase = ADE_PHASE_CHANGES;
	COPY(next.cursor, "c1");
	next.fetch = 4;
	WRITE(db, ade_accounts_move(db, &a, &next));
	/* the same service: a token for another year */
	WRITE(db, ade_accounts_set_token(db, NAME, "CK_1", 199));
	a = load(db);
	assert_int_equal(a.token_expires_at, 199);
	assert_string_equal(a.cursor, "c1");
	assert_string_equal(a.profile_uuid, "P");
	WRITE(db, ade_accounts_set_token(db, NAME, "CK_2", 299));
	a = load(db);
	assert_string_equal(a.consumer_key, "CK_2");
	assert_int_equal(a.phase, ADE_PHASE_FETCH);
	assert_string_equal(a.cursor, "");
	assert_string_equal(a.server_uuid, "");
	assert_string_equal(a.profile_uuid, "");
	assert_false(a.has_profile_sha256);
	assert_int_equal(a.assign_approved_at, 0);
	/* so that what the old one listed is older */
	assert_int_equal(a.fetch, 4);
	REFUSE(db, ERR_NOT_FOUND,
	    ade_accounts_set_token(db, "other", "CK_2", 299));
}

static void
test_runs(void **state)
{
	struct db *db = storefix_db(state);
	struct ade_account a;
	int64_t since;

	WRITE(db, ade_accounts_create(db, NAME));
	WRITE(db, ade_accounts_set_token(db, NAME, "CK_1", 99));
	WRITE(db, ade_accounts_sync_end(db, NAME, "broken", 500));
	WRITE(db, ade_accounts_sync_end(db, NAME, "broken again", 600));
	a = load(db);
	assert_int_equal(a.sync_failures, 2);
	assert_string_equal(a.sync_error, "broken again");
	assert_int_equal(a.sync_next_at, 600);
	assert_int_equal(a.synced_at, 0);
	WRITE(db, ade_accounts_sync_now(db));
	assert_int_equal(load(db).sync_next_at, 0);
	WRITE(db, ade_accounts_sync_begin(db, NAME));
	WRITE(db, ade_accounts_sync_end(db, NAME, "", 700));
	a = load(db);
	assert_int_equal(a.sync_failures, 0);
	assert_string_equal(a.sync_error, "");
	assert_int_not_equal(a.synced_at, 0);
	/* held since the first time */
	clock_stop();
	WRITE(db, ade_accounts_hold(db, NAME, true));
	since = load(db).held_at;
	assert_int_not_equal(since, 0);
	clock_set_offset(10);
	WRITE(db, ade_accounts_hold(db, NAME, true));
	assert_int_equal(load(db).held_at, since);
	WRITE(db, ade_accounts_hold(db, NAME, false));
	assert_int_equal(load(db).held_at, 0);
	/* what became due during a run of assignments stays due */
	WRITE(db, ade_accounts_approve(db, NAME));
	a = load(db);
	assert_int_not_equal(a.assign_approved_at, 0);
	clock_set_offset(20);
	WRITE(db, ade_accounts_assign_now(db, NAME));
	WRITE(db, ade_accounts_assign_end(db, NAME, a.assign_at, "", 0));
	assert_int_equal(load(db).assign_at, clock_now());
	WRITE(db, ade_accounts_assign_end(db, NAME, clock_now(), "", 0));
	assert_int_equal(load(db).assign_at, 0);
	WRITE(db, ade_accounts_assign_end(db, NAME, 0, "no", 900));
	a = load(db);
	assert_int_equal(a.assign_at, 900);
	assert_int_equal(a.assign_failures, 1);
	assert_string_equal(a.assign_error, "no");
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_names),
	STOREFIX_TEST(test_not_too_many),
	STOREFIX_TEST(test_the_cursor_moves_once),
	STOREFIX_TEST(test_another_consumer_key_starts_anew),
	STOREFIX_TEST(test_runs),
};

STOREFIX_MAIN(tests)
