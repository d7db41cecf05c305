#include "storefix.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/logins.h"
#include "store/sessions.h"

static void
begin(struct db *db, char token[SECRET_TOKEN_TEXT], struct session *s)
{
	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, sessions_create(db, "zoe", 3600, token, s));
}

static void
test_create_and_load(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s, again;

	begin(db, token, &s);
	assert_int_equal(strlen(token), SECRET_TOKEN_TEXT - 1);
	assert_string_equal(s.admin, "zoe");
	assert_string_not_equal(s.csrf_token, token);
	assert_int_equal(sessions_load(db, token, 60, &again), OK);
	assert_memory_equal(&s, &again, sizeof s);
	assert_int_equal(sessions_load(db, "x", 60, &again), ERR_SESSION);
	assert_int_equal(sessions_load(db, "", 60, &again), ERR_SESSION);
}

static void
test_only_the_digest_is_stored(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	uint8_t digest[SECRET_SHA256];
	struct session s;

	begin(db, token, &s);
	/* whoever writes rows could make a plain digest for a token of his */
	secret_sha256(blob_str(token), digest);
	assert_memory_not_equal(s.token_mac, digest, sizeof digest);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM sessions"
			     " WHERE length(token_mac) = 32"),
	    1);
}

/* Changes the row by another way than lib/store, and expects no session. */
static void
expect_no_session(void **state, const char *sql)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s, loaded;

	WRITE(db, sessions_create(db, "zoe", 3600, token, &s));
	assert_int_equal(sessions_load(db, token, 60, &loaded), OK);
	storefix_meanwhile(state, sql);
	WRITE(db, OK);
	storefix_meanwhile_end(state);
	assert_int_equal(sessions_load(db, token, 60, &loaded), ERR_SESSION);
	assert_string_equal(loaded.admin, "");
	WRITE(db, sessions_end_all(db, "zoe", NULL));
	WRITE(db, sessions_end_all(db, "adam", NULL));
}

static void
test_a_changed_row_is_no_session(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	WRITE(db, admins_create(db, "adam", ADMIN_ROLE_ADMIN, "hash"));
	expect_no_session(state, "UPDATE sessions SET admin = 'adam'");
	expect_no_session(
	    state, "UPDATE sessions SET expires_at = expires_at + 1");
	expect_no_session(state, "UPDATE sessions SET csrf_token = 'mine'");
	expect_no_session(state, "UPDATE sessions SET mac = NULL");
	expect_no_session(
	    state, "UPDATE sessions SET mac = zeroblob(length(mac))");
	/* a digest that somebody without the key can make */
	expect_no_session(
	    state, "UPDATE sessions SET token_mac = zeroblob(32)");
}

/* The row of the administrator counts, too. */
static void
test_a_changed_administrator_has_no_session(void **state)
{
	const enum admin_role admin = ADMIN_ROLE_ADMIN;
	struct db *db = storefix_db(state);

	WRITE(db, admins_create(db, "zoe", ADMIN_ROLE_ADMIN, "hash"));
	expect_no_session(state, "UPDATE admins SET password_hash = 'mine'");
	WRITE(db, admins_set_password(db, "zoe", &admin, "hash"));
	expect_no_session(state, "UPDATE admins SET mac = NULL");
	WRITE(db, admins_set_password(db, "zoe", &admin, "hash"));
	expect_no_session(state, "UPDATE admins SET disabled_at = 5");
}

/* A password that changed ends what was deleted and put back. */
static void
test_a_session_ends_with_its_password(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s, loaded;

	begin(db, token, &s);
	storefix_meanwhile(state, "CREATE TABLE kept AS SELECT * FROM sessions WHERE 0;"
	    "INSERT INTO kept SELECT * FROM sessions");
	WRITE(db, admins_set_password(db, "zoe", NULL, "another"));
	storefix_meanwhile_end(state);
	storefix_meanwhile(state, "INSERT INTO sessions SELECT * FROM kept");
	WRITE(db, OK);
	storefix_meanwhile_end(state);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM sessions"), 1);
	assert_int_equal(sessions_load(db, token, 60, &loaded), ERR_SESSION);
}

static void
test_without_the_key(void **state)
{
	const struct storefix *fix = *state;
	struct db *db = storefix_db(state), *other;
	char token[SECRET_TOKEN_TEXT];
	struct session s;

	begin(db, token, &s);
	assert_int_equal(db_open(fix->path, DB_DURABLE, &other), OK);
	assert_int_equal(sessions_load(other, token, 60, &s), ERR_CRYPTO);
	REFUSE(other, ERR_CRYPTO,
	    sessions_create(other, "zoe", 3600, token, &s));
	REFUSE(other, ERR_CRYPTO,
	    admins_create(other, "eve", ADMIN_ROLE_ADMIN, "hash"));
	db_close(other);
}

static void
test_expiry_and_idleness(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;

	begin(db, token, &s);
	clock_set_offset(61);
	assert_int_equal(sessions_load(db, token, 60, &s), ERR_SESSION);
	assert_int_equal(sessions_load(db, token, 90, &s), OK);
	WRITE(db, sessions_touch(db, &s));
	assert_int_equal(sessions_load(db, token, 60, &s), OK);
	clock_set_offset(3601);
	assert_int_equal(sessions_load(db, token, 9999, &s), ERR_SESSION);
}

static void
test_end(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s, gone;

	begin(db, token, &s);
	WRITE(db, sessions_end(db, &s));
	WRITE(db, sessions_end(db, &s));
	assert_int_equal(sessions_load(db, token, 60, &gone), ERR_SESSION);
	REFUSE(db, ERR_SESSION, sessions_touch(db, &s));
}

/* One try; returns how long it has to wait. */
static int64_t
try_as(struct db *db, const char *address, const char *name)
{
	int64_t wait;
	int code;

	assert_int_equal(db_begin(db), OK);
	code = logins_begin(db, address, name, &wait);
	assert_int_equal(code, wait > 0 ? ERR_RATE_LIMITED : OK);
	assert_int_equal(db_commit(db), OK);
	return wait;
}

static int64_t
try_login(struct db *db, const char *address)
{
	static int number;
	char name[32];

	snprintf(name, sizeof name, "name:%d", number++);
	return try_as(db, address, name);
}

static void
test_waits_double(void **state)
{
	struct db *db = storefix_db(state);
	int64_t offset = 0;

	for (int i = 0; i < 5; i++)
		assert_int_equal(try_login(db, "address:zoe"), 0);
	for (int64_t wait = 1; wait <= 512; wait *= 2) {
		int64_t left = try_login(db, "address:zoe");

		/* a second may have gone by */
		assert_in_range(left, wait - 1, wait);
		offset += wait + 1;
		clock_set_offset(offset);
		assert_int_equal(try_login(db, "address:zoe"), 0);
	}
	assert_in_range(try_login(db, "address:zoe"), 890, 900);
	assert_int_equal(try_login(db, "address:adam"), 0);
	clock_set_offset(offset + 86400);
	assert_int_equal(try_login(db, "address:zoe"), 0);
	assert_int_equal(try_login(db, "address:zoe"), 0);
}

/* Whoever tries another's name over and over takes no turn from its owner. */
static void
test_failed_sign_ins_do_not_lock_a_name_out(void **state)
{
	struct db *db = storefix_db(state);
	int64_t offset = 0;
	char address[32];

	for (int i = 0; i < 40; i++) {
		snprintf(address, sizeof address, "address:%d", i);
		try_as(db, address, "name:zoe");
		if (i >= 30)
			assert_in_range(
			    try_as(db, "address:own", "name:zoe"), 7, 8);
		offset += 9;
		clock_set_offset(offset);
	}
	/* her own address did not pay for it */
	assert_int_equal(try_as(db, "address:own", "name:zoe"), 0);
	assert_int_equal(storefix_sql(db,
			     "SELECT failures FROM login_failures"
			     " WHERE subject = 'address:own'"),
	    1);
}

/* A counter of its own for a browser that is known, and no other. */
static void
test_a_source_alone_is_counted(void **state)
{
	struct db *db = storefix_db(state);

	for (int i = 0; i < 5; i++)
		assert_int_equal(try_as(db, "browser:own", NULL), 0);
	assert_true(try_as(db, "browser:own", NULL) > 0);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM login_failures"), 1);
}

/* However many networks and names are tried, the newest counters are kept. */
static void
test_counters_are_bounded(void **state)
{
	struct db *db = storefix_db(state);
	int64_t wait;

	WRITE(db,
	    storefix_sql(db,
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
		" SELECT i + 1 FROM n WHERE i < 25000)"
		" INSERT INTO login_failures"
		" SELECT 'address:' || i, 3, i FROM n"));
	WRITE(db, logins_begin(db, "address:x", "name:x", &wait));
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM login_failures"),
	    LOGINS_COUNTERS_MAX);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM login_failures WHERE subject"
			     " IN ('address:x', 'name:x', 'address:25000')"),
	    3);
}

static void
test_success_forgets(void **state)
{
	struct db *db = storefix_db(state);

	for (int i = 0; i < 5; i++)
		assert_int_equal(try_login(db, "address:zoe"), 0);
	WRITE(db, logins_succeed(db, "address:zoe"));
	for (int i = 0; i < 5; i++)
		assert_int_equal(try_login(db, "address:zoe"), 0);
	assert_true(try_login(db, "address:zoe") > 0);
}

static void
test_clock_set_back_does_not_lock_out(void **state)
{
	struct db *db = storefix_db(state);

	clock_set_offset(1000000);
	for (int i = 0; i < 6; i++)
		try_login(db, "address:zoe");
	clock_set_offset(0);
	assert_in_range(try_login(db, "address:zoe"), 1, 2);
}

static int
guess(struct db *db, int number, void *arg)
{
	int64_t wait;
	int code;

	if (db_begin(db) != OK)
		return 2;
	code = logins_begin(db, "address:zoe", "name:zoe", &wait);
	if (db_commit(db) != OK)
		return 2;
	return code == OK ? 0 : 1;
}

static void
test_parallel_guesses_are_counted(void **state)
{
	assert_in_range(storefix_race(state, 12, guess, NULL), 5, 6);
}

static void
test_purge(void **state)
{
	struct db *db = storefix_db(state);
	char token[SECRET_TOKEN_TEXT];
	struct session s;
	int deleted;

	begin(db, token, &s);
	try_login(db, "address:zoe");
	WRITE(db, sessions_purge(db, s.expires_at, 10, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, sessions_purge(db, s.expires_at + 1, 10, &deleted));
	assert_int_equal(deleted, 1);
	WRITE(db, logins_purge(db, clock_now() + 86400, 10, &deleted));
	assert_int_equal(deleted, 0);
	WRITE(db, logins_purge(db, clock_now() + 86401, 10, &deleted));
	assert_int_equal(deleted, 2);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_create_and_load),
	STOREFIX_TEST(test_only_the_digest_is_stored),
	STOREFIX_TEST(test_a_changed_row_is_no_session),
	STOREFIX_TEST(test_a_changed_administrator_has_no_session),
	STOREFIX_TEST(test_a_session_ends_with_its_password),
	STOREFIX_TEST(test_without_the_key),
	STOREFIX_TEST(test_expiry_and_idleness),
	STOREFIX_TEST(test_end),
	STOREFIX_TEST(test_waits_double),
	STOREFIX_TEST(test_failed_sign_ins_do_not_lock_a_name_out),
	STOREFIX_TEST(test_a_source_alone_is_counted),
	STOREFIX_TEST(test_counters_are_bounded),
	STOREFIX_TEST(test_success_forgets),
	STOREFIX_TEST(test_clock_set_back_does_not_lock_out),
	STOREFIX_TEST(test_parallel_guesses_are_counted),
	STOREFIX_TEST(test_purge),
};

STOREFIX_MAIN(tests)
