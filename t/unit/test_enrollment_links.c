#include "storefix.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/enrollment_links.h"

#define HOUR INT64_C(3600)

static void
make(struct db *db, const char *serial, struct enrollment_link *link,
    char token[ENROLLMENT_LINKS_TOKEN_TEXT])
{
	*link =
	    (struct enrollment_link){ .note = "for Ada", .created_by = "ann" };
	strcpy(link->serial, serial);
	WRITE(db, enrollment_links_create(db, link, 72, token));
}

static enum enrollment_link_state
state_of(struct db *db, const char *token)
{
	struct enrollment_link link;

	assert_int_equal(enrollment_links_load(db, token, &link), OK);
	return enrollment_links_state(&link, clock_now());
}

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link, out;

	make(db, "C02X", &link, token);
	assert_int_equal(enrollment_links_load(db, token, &out), OK);
	assert_string_equal(out.id, link.id);
	assert_string_equal(out.serial, "C02X");
	assert_string_equal(out.note, "for Ada");
	assert_string_equal(out.created_by, "ann");
	assert_int_equal(out.expires_at, clock_now() + 72 * HOUR);
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_OPEN);
	/* the token is not the id, and is stored nowhere */
	assert_int_equal(
	    enrollment_links_load(db, link.id, &out), ERR_NOT_FOUND);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM activities"
			     " WHERE action = 'enrollment-link.create'"),
	    1);
}

static void
test_serial_numbers(void **state)
{
	static const char *const bad[] = { "C02 X", "C02'X", "\xc3\xa4",
		"a/b" };
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link = { .created_by = "ann" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		strcpy(link.serial, bad[i]);
		REFUSE(db, ERR_FIELD,
		    enrollment_links_create(db, &link, 1, token));
	}
	make(db, "", &link, token);
}

/* mdm-58: used once. */
static void
test_use_once(void **state)
{
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link;
	struct enrollment e;

	make(db, "", &link, token);
	storefix_enrollment(db, "S1", &e);
	WRITE(db, enrollment_links_use(db, link.id, e.id));
	REFUSE(db, ERR_CONFLICT, enrollment_links_use(db, link.id, e.id));
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_USED);
	assert_int_equal(enrollment_links_load(db, token, &link), OK);
	assert_string_equal(link.enrollment_id, e.id);
}

/* What came of a used link goes with it, until the device has enrolled. */
static void
test_revoke_used(void **state)
{
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link;
	struct enrollment e;

	make(db, "", &link, token);
	storefix_enrollment(db, "S1", &e);
	WRITE(db, enrollment_links_use(db, link.id, e.id));
	WRITE(db, enrollments_mark_issued(db, e.id));
	assert_int_equal(enrollment_links_load(db, token, &link), OK);
	assert_true(link.pending);
	WRITE(db, enrollment_links_revoke(db, link.id, "ann"));
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_REVOKED);
	assert_int_equal(enrollments_load(db, e.id, &e), OK);
	assert_int_equal(e.state, ENROLLMENT_REVOKED);
	make(db, "", &link, token);
	storefix_enrollment(db, "S2", &e);
	WRITE(db, enrollment_links_use(db, link.id, e.id));
	WRITE(db, enrollments_mark_issued(db, e.id));
	WRITE(db, enrollments_mark_enrolled(db, e.id));
	assert_int_equal(enrollment_links_load(db, token, &link), OK);
	assert_false(link.pending);
	REFUSE(db, ERR_CONFLICT, enrollment_links_revoke(db, link.id, "ann"));
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_USED);
}

static void
test_revoked_and_expired(void **state)
{
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link;
	struct enrollment e;

	storefix_enrollment(db, "S1", &e);
	make(db, "", &link, token);
	WRITE(db, enrollment_links_revoke(db, link.id, "ann"));
	REFUSE(db, ERR_CONFLICT, enrollment_links_use(db, link.id, e.id));
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_REVOKED);
	REFUSE(db, ERR_NOT_FOUND, enrollment_links_revoke(db, "x", "ann"));
	make(db, "", &link, token);
	clock_set_offset(72 * HOUR);
	REFUSE(db, ERR_CONFLICT, enrollment_links_use(db, link.id, e.id));
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_EXPIRED);
	clock_set_offset(0);
}

static void
test_list_and_purge(void **state)
{
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link_list list;
	struct enrollment_link first, second;
	char next[CURSOR_TEXT];
	int deleted;

	make(db, "A", &first, token);
	clock_set_offset(1);
	make(db, "B", &second, token);
	clock_set_offset(0);
	assert_int_equal(enrollment_links_list(db, NULL, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "B");
	memcpy(next, list.next, sizeof next);
	enrollment_links_list_release(&list);
	assert_int_equal(enrollment_links_list(db, next, 1, &list), OK);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.rows[0].serial, "A");
	assert_string_equal(list.next, "");
	enrollment_links_list_release(&list);
	assert_int_equal(enrollment_links_list(db, "x", 1, &list), ERR_FIELD);
	WRITE(db,
	    enrollment_links_purge(
		db, first.expires_at + 720 * HOUR + 1, 10, &deleted));
	assert_int_equal(deleted, 1);
}

/* An enrollment that is forgotten leaves its link behind, used. */
static void
test_outlives_the_enrollment(void **state)
{
	struct db *db = storefix_db(state);
	char token[ENROLLMENT_LINKS_TOKEN_TEXT];
	struct enrollment_link link;
	struct enrollment e;
	int deleted, seen;

	make(db, "", &link, token);
	storefix_enrollment(db, "S1", &e);
	WRITE(db, enrollment_links_use(db, link.id, e.id));
	WRITE(db,
	    enrollments_purge(
		db, e.expires_at + 90 * 86400, 10, &deleted, &seen));
	assert_int_equal(deleted, 1);
	assert_int_equal(state_of(db, token), ENROLLMENT_LINK_USED);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_and_load),
	STOREFIX_TEST(test_serial_numbers),
	STOREFIX_TEST(test_use_once),
	STOREFIX_TEST(test_revoke_used),
	STOREFIX_TEST(test_revoked_and_expired),
	STOREFIX_TEST(test_list_and_purge),
	STOREFIX_TEST(test_outlives_the_enrollment),
};

STOREFIX_MAIN(tests)
