#include "storefix.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "unit/renewalsfix.h"

static void
test_due_at(void **state)
{
	(void)state;
	assert_int_equal(
	    renewals_due_at(365 * DAY, 365 * DAY, WINDOW), (365 - 180) * DAY);
	assert_int_equal(
	    renewals_due_at(360 * DAY, 360 * DAY, WINDOW), 180 * DAY);
	/* shorter: two thirds of its life */
	assert_int_equal(renewals_due_at(90 * DAY, 90 * DAY, WINDOW), 60 * DAY);
	assert_int_equal(renewals_due_at(3630, 3600, WINDOW), 2430);
	/* one whose end was moved by hand */
	assert_int_equal(
	    renewals_due_at(5 * DAY, 365 * DAY, WINDOW), -175 * DAY);
}

/* fleet-112: 181 days before the end nothing, 179 days before it is due. */
static void
test_window(void **state)
{
	struct db *db = storefix_db(state);
	struct host h;

	renewalsfix_enroll_year(db, "S181", 1, 181, &h);
	renewalsfix_enroll_year(db, "S179", 2, 179, &h);
	renewalsfix_assert_due(db, "S179");
}

/* Short lives: the statement agrees with renewals_due_at(). */
static void
test_short_lives(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now(), life = 30 * DAY;
	struct host h;

	renewalsfix_enroll(
	    db, "YOUNG", 1, now - 2 * life / 3 + 1, now + life / 3 + 1, &h);
	renewalsfix_enroll(
	    db, "OLD", 2, now - 2 * life / 3, now + life / 3, &h);
	renewalsfix_assert_due(db, "OLD");
}

/*
 * An administrator who wants to see a renewal moves the end of a certificate in
 * the database to a few days ahead: it is due, whatever a third of that is.
 */
static void
test_a_moved_end_is_due(void **state)
{
	struct db *db = storefix_db(state);
	int64_t now = clock_now();
	struct host h;
	char sql[128];

	renewalsfix_enroll(db, "MOVED", 1, now - 30, now + 365 * DAY, &h);
	renewalsfix_assert_due(db, "");
	snprintf(sql, sizeof sql, "UPDATE certificates SET not_after = %lld",
	    (long long)(now + 5 * DAY));
	storefix_sql(db, sql);
	renewalsfix_assert_due(db, "MOVED");
}

/* fleet-113: the soonest end goes first, and the next page goes on there. */
static void
test_soonest_first(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_query q = renewalsfix_query(2);
	struct renewal_candidate_list list;
	struct renewal_candidate last;
	struct host h;

	renewalsfix_enroll_year(db, "C", 1, 30, &h);
	renewalsfix_enroll_year(db, "A", 2, 10, &h);
	renewalsfix_enroll_year(db, "B", 3, 20, &h);
	renewalsfix_enroll_year(db, "B2", 4, 20, &h);
	assert_int_equal(renewal_candidates_due(db, &q, NULL, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].serial, "A");
	assert_string_equal(list.rows[1].serial, "B");
	last = list.rows[1];
	renewal_candidates_list_release(&list);
	assert_int_equal(renewal_candidates_due(db, &q, &last, &list), OK);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.rows[0].serial, "B2");
	assert_string_equal(list.rows[1].serial, "C");
	renewal_candidates_list_release(&list);
}

/* One at a time, each beyond the one before. */
static void
test_pages(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_query q = renewalsfix_query(1);
	static const char *const serials[] = { "A", "B", "C" };
	struct renewal_candidate_list list;
	char cursor[CURSOR_TEXT] = "", next[CURSOR_TEXT];
	struct host h;

	for (int i = 2; i >= 0; i--)
		renewalsfix_enroll_year(db, serials[i], i + 1, 20, &h);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    renewal_candidates_list(db, &q, cursor, &list, next), OK);
		assert_int_equal(list.n, 1);
		assert_string_equal(list.rows[0].serial, serials[i]);
		assert_int_equal(*next == '\0', i == 2);
		renewal_candidates_list_release(&list);
		snprintf(cursor, sizeof cursor, "%s", next);
	}
	assert_int_equal(renewal_candidates_list(db, &q, "x", &list, next),
	    ERR_FIELD);
	assert_int_equal(list.n, 0);
}

/* The grace: an ended certificate is due only within it. */
static void
test_grace(void **state)
{
	struct db *db = storefix_db(state);
	struct renewal_query q = renewalsfix_query(10);
	struct renewal_candidate_list list;
	struct host h;

	renewalsfix_enroll_year(db, "ENDED", 1, -5, &h);
	renewalsfix_assert_due(db, "");
	q.grace = 5 * DAY;
	assert_int_equal(renewal_candidates_due(db, &q, NULL, &list), OK);
	assert_int_equal(list.n, 0);
	renewal_candidates_list_release(&list);
	q.grace = 6 * DAY;
	assert_int_equal(renewal_candidates_due(db, &q, NULL, &list), OK);
	assert_int_equal(list.n, 1);
	renewal_candidates_list_release(&list);
}

/* fleet-118: who left, is blocked or has another certificate is not asked. */
static void
test_only_enrolled(void **state)
{
	struct db *db = storefix_db(state);
	struct host left, blocked, other;

	renewalsfix_enroll_year(db, "LEFT", 1, 10, &left);
	renewalsfix_enroll_year(db, "BLOCKED", 2, 10, &blocked);
	renewalsfix_enroll_year(db, "OTHER", 3, 10, &other);
	renewalsfix_assert_due(db, "LEFT BLOCKED OTHER");
	WRITE(db, hosts_check_out(db, left.id));
	WRITE(db, hosts_block(db, blocked.id));
	WRITE(db,
	    hosts_set_certificate(db, other.id,
		&(struct host_identity){ .certificate_sha256 = (const uint8_t[32]){ 9 },
		    .enrollment_id = "e" }));
	renewalsfix_assert_due(db, "");
}

/* Nor is one whose certificate is not the current one, whatever its row says.
 */
static void
test_only_current(void **state)
{
	static const char *const states[] = { "issued", "retired", "revoked" };
	struct db *db = storefix_db(state);
	struct renewal_candidate found;
	struct host host;
	char sql[128];

	renewalsfix_enroll_year(db, "HOST", 1, 10, &host);
	renewalsfix_assert_due(db, "HOST");
	renewalsfix_assert_ending(db, "HOST");
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		snprintf(sql, sizeof sql,
		    "UPDATE certificates SET state = '%s'", states[i]);
		storefix_sql(db, sql);
		renewalsfix_assert_due(db, "");
		renewalsfix_assert_ending(db, "");
		assert_int_equal(
		    renewal_candidates_load(db, host.id, &found), ERR_NOT_FOUND);
	}
	storefix_sql(db, "UPDATE certificates SET state = 'current'");
	renewalsfix_assert_due(db, "HOST");
}

static void
test_one_open(void **state)
{
	struct db *db = storefix_db(state);
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;
	struct renewal r;
	struct host h;

	renewalsfix_enroll_year(db, "S1", 1, 10, &h);
	assert_int_equal(renewals_load(db, h.id, &r), ERR_NOT_FOUND);
	renewalsfix_open_it(db, &h, &e, uuid);
	renewalsfix_assert_due(db, "");
	REFUSE(db, ERR_CONFLICT, renewals_open(db, h.id, e.id, uuid));
	assert_int_equal(renewals_load(db, h.id, &r), OK);
	assert_string_equal(r.enrollment_id, e.id);
	assert_string_equal(r.command_uuid, uuid);
	assert_int_equal(r.opened_at, clock_now());
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_due_at),
	STOREFIX_TEST(test_window),
	STOREFIX_TEST(test_short_lives),
	STOREFIX_TEST(test_a_moved_end_is_due),
	STOREFIX_TEST(test_soonest_first),
	STOREFIX_TEST(test_pages),
	STOREFIX_TEST(test_grace),
	STOREFIX_TEST(test_only_enrolled),
	STOREFIX_TEST(test_only_current),
	STOREFIX_TEST(test_one_open),
};

STOREFIX_MAIN(tests)
