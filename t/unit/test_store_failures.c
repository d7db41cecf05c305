/*
 * The database and its tables: whatever fails is an error, and nothing is half
 * done.
 */
#include "failures.h"
#include "renewalsfix.h"
#include "storefix.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/activities.h"
#include "store/admins.h"
#include "store/alarms.h"
#include "store/browsers.h"
#include "store/certificates.h"
#include "store/connection.h"
#include "store/dbfile.h"
#include "store/events.h"
#include "store/logins.h"
#include "store/restored.h"
#include "store/schema.h"
#include "store/store.h"

static int
open_database(void *path)
{
	struct db *db;
	int r = db_open(path, DB_DURABLE, &db);

	assert_int_equal(db != NULL, r == OK);
	db_close(db);
	return r;
}

static int
copy(void *arg)
{
	struct storefix *fix = arg;
	char path[160];
	int r;

	snprintf(path, sizeof path, "%s.copy", fix->path);
	r = db_copy(fix->db, path);
	assert_int_equal(access(path, F_OK) == 0, r == OK);
	unlink(path);
	return r;
}

static int
check(void *arg)
{
	struct storefix *fix = arg;
	bool has_log;
	int r = db_integrity_check(fix->db, 60);

	if (r == OK && (r = db_has_log(fix->db, &has_log)) == OK)
		assert_true(has_log);
	return r;
}

static int
purge(void *arg)
{
	int64_t deleted;

	return store_purge(arg, &storefix_retention, clock_now(), &deleted);
}

static void
a_database_is_opened_copied_checked_and_purged(void **state)
{
	struct storefix *fix = *state;

	assert_true(failures_each(NULL, open_database, fix->path) > 10);
	assert_true(failures_each(fix->db, copy, fix) > 4);
	assert_true(failures_each(fix->db, check, fix) > 4);
	assert_true(failures_each(fix->db, purge, fix->db) > 30);
}

static int
migrate(void *path)
{
	int number;
	int r = db_migrate(path);
	char copies[192];
	glob_t found;

	failures_disarm();
	/* of which so many are kept and no more */
	snprintf(copies, sizeof copies, "%s.schema-*", (char *)path);
	if (glob(copies, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	if (r != OK && access(path, F_OK) == 0) {
		assert_int_equal(db_file_schema_number(path, &number), OK);
		/* the last when activities could not be chained yet */
		assert_true(number == 0 || number == 1 ||
		    number == db_schema_number());
	}
	return r;
}

static void
a_database_has_one_schema_or_the_other(void **state)
{
	struct storefix *fix = *state;
	char path[160], sql[128];
	sqlite3 *old;

	snprintf(path, sizeof path, "%s.new", fix->path);
	assert_true(failures_each(NULL, migrate, path) > 5);
	snprintf(path, sizeof path, "%s.old", fix->path);
	snprintf(sql, sizeof sql,
	    "PRAGMA application_id = %d; PRAGMA user_version = 1",
	    DBFILE_APPLICATION_ID);
	assert_int_equal(sqlite3_open(path, &old), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(old, schema_steps[0].sql, NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_exec(old, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(old), SQLITE_OK);
	assert_true(failures_each(NULL, migrate, path) > 5);
	assert_int_equal(open_database(path), OK);
}

/* What changes rows, and the host that it does that to. */
struct change {
	struct db *db;
	int (*make)(struct change *c);
	struct host host;
};

static int
make_in_transaction(void *arg)
{
	struct change *c = arg;
	int r;

	if ((r = db_begin(c->db)) == OK)
		r = db_end(c->db, c->make(c));
	return r;
}

static void
each(struct change *c, int (*make)(struct change *))
{
	c->make = make;
	assert_true(failures_each(c->db, make_in_transaction, c) > 2);
}

static int
create_admin(struct change *c)
{
	return admins_create(c->db, "zoe", ADMIN_ROLE_ADMIN, "hash");
}

static int
remember_browser(struct change *c)
{
	return browsers_remember(c->db, "token", "zoe");
}

static int
set_password(struct change *c)
{
	return admins_set_password(c->db, "zoe", NULL, "another");
}

static int
disable_admin(struct change *c)
{
	return admins_disable(c->db, "zoe");
}

static int
enable_admin(struct change *c)
{
	return admins_enable(c->db, "zoe");
}

static int
authenticate_all(void *arg)
{
	struct change *c = arg;

	return admins_authenticate_all(c->db);
}

static int
sign_in(struct change *c)
{
	int64_t wait;
	int r = logins_begin(c->db, "192.0.2.1", "zoe", &wait);

	return r == OK ? logins_succeed(c->db, "zoe") : r;
}

static void
an_administrator_changes_whole_or_not_at_all(void **state)
{
	struct change c = { .db = storefix_db(state) };

	each(&c, create_admin);
	each(&c, remember_browser);
	each(&c, set_password);
	each(&c, disable_admin);
	each(&c, enable_admin);
	assert_true(failures_each(c.db, authenticate_all, &c) > 5);
	each(&c, sign_in);
}

static int
void_restored(struct change *c)
{
	return restored_void(c->db);
}

static void
what_was_restored_becomes_void(void **state)
{
	struct change c = { .db = storefix_db(state) };
	char uuid[SECRET_UUID_TEXT];
	struct enrollment e;

	renewalsfix_enroll_year(c.db, "C02AAAAAAAAA", 1, 100, &c.host);
	renewalsfix_open_it(c.db, &c.host, &e, uuid);
	each(&c, void_restored);
	assert_int_equal(storefix_sql(c.db,
			     "SELECT count(*) FROM enrollments"
			     " WHERE state = 'open'"),
	    0);
}

static int
block(struct change *c)
{
	return hosts_block(c->db, c->host.id);
}

static int
unblock(struct change *c)
{
	return hosts_unblock(c->db, c->host.id);
}

static int
authenticate(struct change *c)
{
	struct host_identity identity = { .certificate_sha256 =
					      c->host.certificate_sha256,
		.enrollment_id = "e2" };
	struct host_vitals vitals = { .device = c->host.device };
	struct host host;

	return hosts_authenticate(c->db, &identity, &vitals, &host);
}

static int
check_out(struct change *c)
{
	return hosts_check_out(c->db, c->host.id);
}

static int
release_udid(struct change *c)
{
	return hosts_release_udid(c->db, c->host.id);
}

static int
revoke_certificate(struct change *c)
{
	int64_t number;
	int r;

	r = certificates_revoke(c->db, c->host.certificate_sha256, 1);
	if (r == OK)
		r = certificates_next_crl_number(
		    c->db, blob_str("12345678901234567890"), &number);
	return r;
}

static void
a_host_changes_whole_or_not_at_all(void **state)
{
	struct change c = { .db = storefix_db(state) };

	renewalsfix_enroll_year(c.db, "C02AAAAAAAAA", 1, 100, &c.host);
	each(&c, block);
	each(&c, unblock);
	each(&c, authenticate);
	each(&c, check_out);
	each(&c, release_udid);
	each(&c, revoke_certificate);
}

static int
note_refusal(struct change *c)
{
	return activities_add_refusal(c->db,
	    &(struct activity_note){
		.actor = "zoe", .action = "login.refused" });
}

static int
note(void *arg)
{
	struct change *c = arg;
	/* of a device that is known, and of one that is not */
	static const struct event events[] = {
		{ .serial = "C02AAAAAAAAA",
		    .step = "profile",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_FIELD,
		    .reason = "",
		    .remote_address = "192.0.2.1" },
		{ .serial = "C02UNKNOWN01",
		    .step = "profile",
		    .outcome = EVENT_REFUSED,
		    .code = ERR_FIELD,
		    .reason = "",
		    .remote_address = "192.0.2.2" },
	};
	bool badly;
	int r;

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if ((r = events_note(c->db, &events[i])) != OK)
			return r;
	r = alarms_note(
	    c->db, ALARM_SIGNER_CHANGED, "h", "C02AAAAAAAAA", "text");
	return r == OK
	    ? events_ended_badly(c->db, c->host.enrollment_id, &badly)
	    : r;
}

static int
list(void *arg)
{
	struct change *c = arg;
	struct alarm_list alarms;
	int r = alarms_list(c->db, true, INT64_MAX, 100, &alarms);

	assert_int_equal(alarms.n, r == OK ? 40 : 0);
	alarms_list_release(&alarms);
	return r;
}

static void
what_happens_is_noted_and_listed(void **state)
{
	struct change c = { .db = storefix_db(state) };
	char subject[16];

	renewalsfix_enroll_year(c.db, "C02AAAAAAAAA", 1, 100, &c.host);
	assert_true(failures_each(c.db, note, &c) > 20);
	each(&c, note_refusal);
	storefix_change(c.db, "DELETE FROM alarms");
	for (int i = 0; i < 40; i++) {
		snprintf(subject, sizeof subject, "subject %d", i);
		WRITE(c.db,
		    alarms_raise(
			c.db, ALARM_SIGNER_CHANGED, subject, "", "text"));
	}
	assert_true(failures_each(c.db, list, &c) > 40);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(a_database_is_opened_copied_checked_and_purged),
	STOREFIX_TEST(a_database_has_one_schema_or_the_other),
	STOREFIX_TEST(an_administrator_changes_whole_or_not_at_all),
	STOREFIX_TEST(what_was_restored_becomes_void),
	STOREFIX_TEST(a_host_changes_whole_or_not_at_all),
	STOREFIX_TEST(what_happens_is_noted_and_listed),
};

STOREFIX_MAIN(tests)
