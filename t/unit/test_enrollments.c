#include "storefix.h"

#include <string.h>

#include "base/clock.h"

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e = { .serial = "S1",
		.udid = "U",
		.product = "Mac",
		.os_version = "15.1",
		.build_version = "24B83",
		.source = ENROLLMENT_MANUAL,
		.purpose = ENROLLMENT_RENEW,
		.method = ENROLLMENT_SCEP,
		.remote_address = "::1" };
	struct enrollment out;

	WRITE(db, enrollments_create(db, &e, 24));
	assert_int_equal(strlen(e.id), DB_ID_TEXT - 1);
	assert_int_equal(e.expires_at - e.created_at, 24 * 3600);
	assert_int_equal(enrollments_load(db, e.id, &out), OK);
	assert_memory_equal(&e, &out, sizeof(e));
	assert_int_equal(enrollments_load(db, "x", &out), ERR_NOT_FOUND);
	e.serial[0] = '\0';
	e.source = ENROLLMENT_ADE;
	REFUSE(db, ERR_FIELD, enrollments_create(db, &e, 24));
}

/* By hand a device gets its number later, and once. */
static void
test_bind(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e = { .source = ENROLLMENT_MANUAL }, out;

	WRITE(db, enrollments_create(db, &e, 24));
	REFUSE(db, ERR_CONFLICT, enrollments_bind(db, e.id, "S1"));
	WRITE(db, enrollments_mark_issued(db, e.id));
	WRITE(db, enrollments_bind(db, e.id, "S1"));
	REFUSE(db, ERR_CONFLICT, enrollments_bind(db, e.id, "S2"));
	assert_int_equal(enrollments_load(db, e.id, &out), OK);
	assert_string_equal(out.serial, "S1");
}

static void
test_usable(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e, out;

	storefix_enrollment(db, "S1", &e);
	assert_int_equal(enrollments_load_usable(db, e.id, &out), OK);
	assert_int_equal(enrollments_load_usable(db, "x", &out), ERR_NOT_FOUND);
	WRITE(db, enrollments_mark_issued(db, e.id));
	assert_int_equal(enrollments_load_usable(db, e.id, &out), OK);
	assert_int_equal(out.state, ENROLLMENT_ISSUED);
	WRITE(db, enrollments_mark_enrolled(db, e.id));
	assert_int_equal(
	    enrollments_load_usable(db, e.id, &out), ERR_NOT_FOUND);
}

static void
test_expired_is_not_usable(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e, out;

	storefix_enrollment(db, "S1", &e);
	clock_set_offset(3601);
	assert_int_equal(
	    enrollments_load_usable(db, e.id, &out), ERR_NOT_FOUND);
	REFUSE(db, ERR_CONFLICT, enrollments_mark_issued(db, e.id));
}

static void
test_revoked_is_not_usable(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e, out;

	storefix_enrollment(db, "S1", &e);
	WRITE(db, enrollments_revoke(db, e.id));
	assert_int_equal(
	    enrollments_load_usable(db, e.id, &out), ERR_NOT_FOUND);
	REFUSE(db, ERR_CONFLICT, enrollments_revoke(db, e.id));
	REFUSE(db, ERR_CONFLICT, enrollments_mark_issued(db, e.id));
	REFUSE(db, ERR_CONFLICT, enrollments_mark_enrolled(db, e.id));
}

static void
test_transitions_happen_once(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e;

	storefix_enrollment(db, "S1", &e);
	REFUSE(db, ERR_CONFLICT, enrollments_mark_enrolled(db, e.id));
	WRITE(db, enrollments_mark_issued(db, e.id));
	REFUSE(db, ERR_CONFLICT, enrollments_mark_issued(db, e.id));
	WRITE(db, enrollments_mark_enrolled(db, e.id));
	REFUSE(db, ERR_CONFLICT, enrollments_mark_enrolled(db, e.id));
	REFUSE(db, ERR_CONFLICT, enrollments_revoke(db, e.id));
	REFUSE(db, ERR_CONFLICT, enrollments_mark_issued(db, "x"));
}

static void
test_revoke_older_ones(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment a, b, other, issued, out;
	int revoked;

	storefix_enrollment(db, "S1", &a);
	storefix_enrollment(db, "S1", &issued);
	WRITE(db, enrollments_mark_issued(db, issued.id));
	storefix_enrollment(db, "S2", &other);
	storefix_enrollment(db, "S1", &b);
	WRITE(db, enrollments_revoke_open(db, "S1", b.id, &revoked));
	assert_int_equal(revoked, 1);
	assert_int_equal(enrollments_load(db, a.id, &out), OK);
	assert_int_equal(out.state, ENROLLMENT_REVOKED);
	assert_int_equal(enrollments_load_usable(db, b.id, &out), OK);
	assert_int_equal(enrollments_load_usable(db, other.id, &out), OK);
	assert_int_equal(enrollments_load_usable(db, issued.id, &out), OK);
}

static void
test_list(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment_list list;
	struct enrollment e;

	storefix_enrollment(db, "SEARCHED1", &e);
	clock_set_offset(10);
	storefix_enrollment(db, "SEARCHED2", &e);
	clock_set_offset(20);
	storefix_enrollment(db, "BBB", &e);
	assert_int_equal(enrollments_list(db, "search", 0, 1, &list), OK);
	assert_int_equal(list.total, 2);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "SEARCHED2");
	enrollments_list_release(&list);
	assert_int_equal(enrollments_list(db, e.id, 0, 9, &list), OK);
	assert_int_equal(list.total, 1);
	enrollments_list_release(&list);
	assert_int_equal(
	    enrollments_list_by_serial(db, "SEARCHED1", 9, &list), OK);
	assert_int_equal(list.n, 1);
	enrollments_list_release(&list);
}

static int
issue(struct db *db, int number, void *arg)
{
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = enrollments_mark_issued(db, arg);
	if (code == OK)
		return db_commit(db) == OK ? 0 : 2;
	db_rollback(db);
	return code == ERR_CONFLICT ? 1 : 2;
}

static void
test_one_issue_of_eight(void **state)
{
	struct enrollment e;

	storefix_enrollment(storefix_db(state), "S1", &e);
	assert_int_equal(storefix_race(state, 8, issue, e.id), 1);
}

static void
test_purge_spares_those_with_accounts(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment used, unused;
	struct account a;
	int64_t later = clock_now() + 32 * 86400;
	int deleted;

	storefix_enrollment(db, "S1", &used);
	storefix_account(db, &used, 1, &a);
	accounts_release(&a);
	storefix_enrollment(db, "S2", &unused);
	WRITE(db, enrollments_purge(db, clock_now(), 10, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, enrollments_purge(db, later, 10, &deleted));
	assert_int_equal(deleted, 1);
	assert_int_equal(enrollments_load(db, used.id, &used), OK);
	WRITE(db, accounts_purge(db, later, 10, &deleted));
	assert_int_equal(deleted, 1);
	WRITE(db, enrollments_purge(db, later, 10, &deleted));
	assert_int_equal(deleted, 1);
}

static void
test_room_spares_the_newest_and_the_used(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment used, e;
	struct account a;

	storefix_enrollment(db, "S1", &used);
	storefix_account(db, &used, 1, &a);
	accounts_release(&a);
	WRITE(db, enrollments_revoke(db, used.id));
	for (int i = 0; i < 30; i++) {
		storefix_enrollment(db, "S1", &e);
		WRITE(db, enrollments_make_room(db, "S1", e.id, 3));
		assert_int_equal(enrollments_load_usable(db, e.id, &e), OK);
	}
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM enrollments"
			     " WHERE state = 'open'"),
	    3);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM enrollments"), 7);
	assert_int_equal(enrollments_load(db, used.id, &used), OK);
}

/* Who signs requests for another's serial number crowds out his own alone. */
static void
test_room_of_each_signer(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment victim = {
		.source = ENROLLMENT_ADE, .signer_sha256 = { 1 }, .serial = "S1"
	};
	struct enrollment thief = {
		.source = ENROLLMENT_ADE, .signer_sha256 = { 2 }, .serial = "S1"
	};

	WRITE(db, enrollments_create(db, &victim, 1));
	for (int i = 0; i < 5; i++) {
		WRITE(db, enrollments_revoke(db, victim.id));
		WRITE(db, enrollments_create(db, &victim, 1));
	}
	for (int i = 0; i < 30; i++) {
		WRITE(db, enrollments_create(db, &thief, 1));
		WRITE(db, enrollments_make_room(db, "S1", thief.id, 3));
	}
	assert_int_equal(enrollments_load_usable(db, victim.id, &victim), OK);
	assert_int_equal(victim.signer_sha256[0], 1);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM enrollments"
			     " WHERE state = 'open'"),
	    4);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM enrollments"
			     " WHERE signer_sha256 = (SELECT signer_sha256"
			     " FROM enrollments ORDER BY rowid LIMIT 1)"),
	    6);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_and_load),
	STOREFIX_TEST(test_bind),
	STOREFIX_TEST(test_usable),
	STOREFIX_TEST(test_expired_is_not_usable),
	STOREFIX_TEST(test_revoked_is_not_usable),
	STOREFIX_TEST(test_transitions_happen_once),
	STOREFIX_TEST(test_revoke_older_ones),
	STOREFIX_TEST(test_list),
	STOREFIX_TEST(test_one_issue_of_eight),
	STOREFIX_TEST(test_purge_spares_those_with_accounts),
	STOREFIX_TEST(test_room_spares_the_newest_and_the_used),
	STOREFIX_TEST(test_room_of_each_signer),
};

STOREFIX_MAIN(tests)
