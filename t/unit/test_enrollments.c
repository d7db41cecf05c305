#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/attestations.h"

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e = { .device.serial = "S1",
		.device.udid = "U",
		.device.product = "Mac",
		.device.os_version = "15.1",
		.device.build_version = "24B83",
		.source = ENROLLMENT_LINK,
		.purpose = ENROLLMENT_RENEW,
		.method = ENROLLMENT_SCEP,
		.remote_address = "::1" };
	struct enrollment out;

	WRITE(db, enrollments_create(db, &e, 24));
	assert_int_equal(strlen(e.id), DB_ID_TEXT - 1);
	assert_int_equal(e.expires_at - e.created_at, 24 * 3600);
	assert_int_equal(enrollments_load(db, e.id, &out), OK);
	assert_memory_equal(&e, &out, sizeof e);
	assert_int_equal(enrollments_load(db, "x", &out), ERR_NOT_FOUND);
	e.device.serial[0] = '\0';
	e.source = ENROLLMENT_ADE;
	REFUSE(db, ERR_FIELD, enrollments_create(db, &e, 24));
}

/* By hand a device gets its number later, and once. */
static void
test_bind(void **state)
{
	struct db *db = storefix_db(state);
	struct enrollment e = { .source = ENROLLMENT_LINK }, out;

	WRITE(db, enrollments_create(db, &e, 24));
	REFUSE(db, ERR_CONFLICT, enrollments_bind(db, e.id, "S1"));
	WRITE(db, enrollments_mark_issued(db, e.id));
	WRITE(db, enrollments_bind(db, e.id, "S1"));
	REFUSE(db, ERR_CONFLICT, enrollments_bind(db, e.id, "S2"));
	assert_int_equal(enrollments_load(db, e.id, &out), OK);
	assert_string_equal(out.device.serial, "S1");
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
	char next[CURSOR_TEXT];
	struct enrollment_list list;
	struct enrollment e;

	storefix_enrollment(db, "SEARCHED1", &e);
	clock_set_offset(10);
	storefix_enrollment(db, "SEARCHED2", &e);
	clock_set_offset(20);
	storefix_enrollment(db, "BBB", &e);
	assert_int_equal(enrollments_list(db, "search", NULL, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].device.serial, "SEARCHED2");
	memcpy(next, list.next, sizeof next);
	enrollments_list_release(&list);
	assert_int_equal(enrollments_list(db, "search", next, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].device.serial, "SEARCHED1");
	assert_string_equal(list.next, "");
	enrollments_list_release(&list);
	assert_int_equal(enrollments_list(db, NULL, next, 1, &list), ERR_FIELD);
	assert_int_equal(enrollments_list(db, NULL, NULL, 2, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].device.serial, "BBB");
	memcpy(next, list.next, sizeof next);
	enrollments_list_release(&list);
	assert_int_equal(enrollments_list(db, "", next, 2, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].device.serial, "SEARCHED1");
	enrollments_list_release(&list);
	assert_int_equal(enrollments_list(db, e.id, NULL, 9, &list), OK);
	assert_int_equal(list.n, 1);
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

/* deleted rows of all three tables, enrollments looked at */
static void
purges(struct db *db, int64_t now, int limit, int deleted, int seen)
{
	int d, n;

	WRITE(db, enrollments_purge(db, now, limit, &d, &n));
	assert_int_equal(d, deleted);
	assert_int_equal(n, seen);
}

static int
kept(struct db *db)
{
	return storefix_sql(db, "SELECT count(*) FROM enrollments WHERE kept");
}

/* acme-112 */
static void
test_purge_takes_all_beneath(void **state)
{
	struct db *db = storefix_db(state);
	int64_t later = clock_now() + 32 * 86400;
	struct enrollment used, unused;
	struct account a;
	struct order o;

	storefix_enrollment(db, "S1", &used);
	storefix_account(db, &used, 1, &a);
	storefix_order(db, &a, &o);
	accounts_release(&a);
	storefix_enrollment(db, "S2", &unused);
	storefix_sql(db,
	    "UPDATE enrollments SET expires_at = expires_at + (serial = 'S2')");
	purges(db, clock_now(), 10, 0, 0);
	purges(db, later, 1, 3, 1);
	purges(db, later, 10, 1, 1);
	purges(db, later, 10, 0, 0);
}

/* What Apple attested stays, with the account and the enrollment it is of. */
static void
test_purge_spares_evidence(void **state)
{
	struct attestation_row row = { .sip = "unknown",
		.kernel_extensions = "unknown" };
	struct db *db = storefix_db(state);
	int64_t later = clock_now() + 32 * 86400;
	struct enrollment e;
	struct account a, other;
	struct order o;

	storefix_enrollment(db, "S1", &e);
	storefix_account(db, &e, 1, &a);
	storefix_account(db, &e, 2, &other);
	storefix_order(db, &a, &o);
	memcpy(row.order_id, o.id, sizeof o.id);
	memcpy(row.enrollment_id, e.id, sizeof e.id);
	WRITE(db, attestations_insert(db, &row));
	storefix_order(db, &a, &o);
	accounts_release(&a);
	accounts_release(&other);
	purges(db, later, 10, 2, 1);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM orders"), 1);
	assert_int_equal(storefix_sql(db, "SELECT count(*) FROM accounts"), 1);
	assert_int_equal(kept(db), 1);
	purges(db, later, 10, 0, 0);
}

/* A row that must stay is looked at once, and stands in nobody's way. */
static void
test_purge_goes_past_the_kept(void **state)
{
	struct db *db = storefix_db(state);
	int64_t later = clock_now() + 32 * 86400;
	struct enrollment e;
	char sql[512];

	for (int i = 0; i < 5; i++) {
		storefix_enrollment(db, "S1", &e);
		snprintf(sql, sizeof sql,
		    "INSERT INTO certificates (sha256, id, serial_number, der,"
		    " spki_sha256, issuer_key_id, enrollment_id, serial,"
		    " purpose, hardware_attested, state, not_before, not_after,"
		    " created_at) SELECT randomblob(32), %d, randomblob(8),"
		    " x'', randomblob(32), x'', '%s', 'S1', 'enroll', 0,"
		    " 'issued', 0, 0, 0 WHERE %d < 3",
		    i, e.id, i);
		WRITE(db, storefix_sql(db, sql));
	}
	storefix_sql(db, "UPDATE enrollments SET expires_at = rowid");
	purges(db, later, 2, 0, 2);
	purges(db, later, 2, 1, 2);
	purges(db, later, 2, 1, 1);
	assert_int_equal(kept(db), 3);
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
	struct enrollment victim = { .source = ENROLLMENT_ADE,
		.signer_sha256 = { 1 },
		.device.serial = "S1" };
	struct enrollment thief = { .source = ENROLLMENT_ADE,
		.signer_sha256 = { 2 },
		.device.serial = "S1" };

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
	STOREFIX_TEST(test_purge_takes_all_beneath),
	STOREFIX_TEST(test_purge_spares_evidence),
	STOREFIX_TEST(test_purge_goes_past_the_kept),
	STOREFIX_TEST(test_room_spares_the_newest_and_the_used),
	STOREFIX_TEST(test_room_of_each_signer),
};

STOREFIX_MAIN(tests)
