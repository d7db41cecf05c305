#include "storefix.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "store/activities.h"
#include "store/dbfile.h"
#include "store/nonces.h"
#include "store/schema.h"
#include "store/connection.h"
#include "store/store.h"
#include "web/fastcgi.h"

static void
raw_sql(const char *path, const char *sql)
{
	sqlite3 *sqlite;

	assert_int_equal(sqlite3_open(path, &sqlite), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(sqlite);
}

/* A database as the version with that schema number left it. */
static void
old_database(const char *path, int number)
{
	char sql[128];

	for (int i = 0; i < number; i++)
		raw_sql(path, schema_steps[i].sql);
	snprintf(sql, sizeof sql,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d",
	    DBFILE_APPLICATION_ID, number);
	raw_sql(path, sql);
}

static void
test_open_sets_the_pragmas(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(storefix_sql(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(storefix_sql(db, "PRAGMA synchronous"), 2);
	assert_int_equal(storefix_sql(db, "PRAGMA trusted_schema"), 0);
	assert_int_equal(storefix_sql(db, "PRAGMA busy_timeout"), 2000);
	assert_int_equal(
	    storefix_sql(db, "PRAGMA application_id"), DBFILE_APPLICATION_ID);
	assert_int_equal(
	    storefix_sql(db, "PRAGMA user_version"), db_schema_number());
	assert_int_equal(
	    dbfile_expect(db->sqlite, "PRAGMA journal_mode", "wal"), OK);
	assert_int_equal(db_integrity_check(db, 60), OK);
}

/* A request with two transactions is answered before it is given up. */
static void
test_waits_end_before_the_request(void **state)
{
	assert_true(2 * (DBFILE_LOCK_MS + DBFILE_BUSY_MS) <
	    FASTCGI_SECONDS * 1000);
}

/* One transaction is relaxed, and the next one durable again. */
static void
test_one_transaction_is_relaxed(void **state)
{
	struct db *db = storefix_db(state);
	int before;

	/* the first write of all flushes the head of the log */
	WRITE(db, storefix_activity(db, "a"));
	before = storefix_flushes();
	assert_int_equal(db_begin_relaxed(db), OK);
	assert_int_equal(storefix_sql(db, "PRAGMA synchronous"), 1);
	assert_int_equal(storefix_activity(db, "a"), OK);
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(storefix_flushes(), before);
	WRITE(db, storefix_activity(db, "a"));
	assert_true(storefix_flushes() > before);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(storefix_sql(db, "PRAGMA synchronous"), 2);
	assert_int_equal(db_begin_relaxed(db), ERR_INTERNAL);
	assert_int_equal(storefix_sql(db, "PRAGMA synchronous"), 2);
	db_rollback(db);
}

static void
test_relaxed_is_synchronous_normal(void **state)
{
	struct storefix *fix = *state;
	struct db *db;

	assert_int_equal(db_open(fix->path, DB_RELAXED, &db), OK);
	assert_int_equal(storefix_sql(db, "PRAGMA synchronous"), 1);
	db_close(db);
}

static void
test_open_refuses_other_schemas(void **state)
{
	struct storefix *fix = *state;
	struct db *db;
	int number;

	raw_sql(fix->path, "PRAGMA user_version = 9999");
	assert_int_equal(db_open(fix->path, DB_DURABLE, &db), ERR_SCHEMA);
	assert_null(db);
	assert_int_equal(db_file_schema_number(fix->path, &number), OK);
	assert_int_equal(number, 9999);
	assert_int_equal(db_migrate(fix->path), ERR_SCHEMA);
	raw_sql(fix->path, "PRAGMA application_id = 1");
	assert_int_equal(db_open(fix->path, DB_DURABLE, &db), ERR_SCHEMA);
	assert_int_equal(db_migrate(fix->path), ERR_SCHEMA);
}

static void
test_open_refuses_what_is_absent(void **state)
{
	struct db *db;

	assert_int_equal(db_open("/nonexistent/x.db", DB_DURABLE, &db), ERR_DB);
	assert_null(db);
}

static void
assert_mode(const char *path, unsigned mode)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void
test_files_are_for_the_group(void **state)
{
	struct storefix *fix = *state;
	char name[160];

	WRITE(fix->db, storefix_activity(fix->db, "a"));
	assert_mode(fix->path, 0660);
	snprintf(name, sizeof name, "%s.lock", fix->path);
	assert_mode(name, 0660);
	snprintf(name, sizeof name, "%s-wal", fix->path);
	assert_mode(name, 0660);
}

static void
put32(FILE *f, unsigned long n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		fputc((int)(n >> shift & 0xff), f);
}

/*
 * A hot journal in SQLite's format, with no page and a super-journal, which a
 * rollback deletes.
 */
static void
plant_journal(const char *path, const char *victim)
{
	static const char magic[] = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";
	unsigned long sum = 0;
	char name[176];
	struct stat st;
	FILE *f;

	assert_int_equal(stat(path, &st), 0);
	snprintf(name, sizeof name, "%s-journal", path);
	assert_non_null(f = fopen(name, "w"));
	fwrite(magic, 8, 1, f);
	put32(f, 0);
	put32(f, 1);
	put32(f, (unsigned long)st.st_size / 4096);
	put32(f, 512);
	put32(f, 4096);
	while (ftell(f) < 512)
		fputc(0, f);
	put32(f, 0x40000000 / 4096 + 1);
	fputs(victim, f);
	put32(f, strlen(victim));
	for (const char *p = victim; *p != '\0'; p++)
		sum += (unsigned char)*p;
	put32(f, sum);
	fwrite(magic, 8, 1, f);
	assert_int_equal(fclose(f), 0);
}

/* Whoever may write beside the database must not name files to delete. */
static void
test_a_journal_deletes_no_other_file(void **state)
{
	static const char *const ends[] = { "", "-journal", "-wal" };
	struct storefix *fix = *state;
	char victim[160], copy[160];
	struct db *db;
	FILE *f;

	db_close(fix->db);
	fix->db = NULL;
	snprintf(copy, sizeof copy, "%s/copy.db", fix->folder);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		snprintf(
		    victim, sizeof victim, "%s/victim%s", fix->folder, ends[i]);
		/* an empty one does not exist, for SQLite */
		assert_non_null(f = fopen(victim, "w"));
		fputc('x', f);
		fclose(f);
		plant_journal(fix->path, victim);
		assert_int_equal(
		    db_open(fix->path, DB_DURABLE, &db), ERR_DB);
		assert_int_equal(access(victim, F_OK), 0);
		plant_journal(fix->path, victim);
		assert_int_equal(db_migrate(fix->path), ERR_DB);
		assert_int_equal(access(victim, F_OK), 0);
	}
	/* one that SQLite may roll back is rolled back */
	plant_journal(fix->path, "");
	assert_int_equal(db_open(fix->path, DB_DURABLE, &db), OK);
	assert_int_equal(db_copy(db, copy), OK);
	assert_mode(copy, 0600);
	db_close(db);
}

/* A copy is one file in another mode, until a program that writes opens it. */
static void
test_a_copy_gets_its_log_when_it_serves(void **state)
{
	struct storefix *fix = *state;
	char copy[160];
	struct db *db;
	bool has_log;

	snprintf(copy, sizeof copy, "%s/copy.db", fix->folder);
	assert_int_equal(db_copy(fix->db, copy), OK);
	assert_int_equal(db_open(copy, DB_READ_ONLY, &db), OK);
	assert_int_equal(db_has_log(db, &has_log), OK);
	assert_false(has_log);
	db_close(db);
	assert_int_equal(db_open(copy, DB_RELAXED, &db), OK);
	assert_int_equal(db_has_log(db, &has_log), OK);
	assert_true(has_log);
	db_close(db);
	assert_int_equal(db_open(copy, DB_READ_ONLY, &db), OK);
	assert_int_equal(db_has_log(db, &has_log), OK);
	assert_true(has_log);
	db_close(db);
}

static void
test_open_follows_no_link_but_of_the_folder(void **state)
{
	struct storefix *fix = *state;
	char link[160], folder[160], below[192];
	struct db *db;
	int number;

	snprintf(link, sizeof link, "%s/link.db", fix->folder);
	assert_int_equal(symlink(fix->path, link), 0);
	assert_int_equal(db_open(link, DB_DURABLE, &db), ERR_DB);
	assert_non_null(strstr(log_reason(), "symbolic link"));
	assert_int_equal(db_open(link, DB_READ_ONLY, &db), ERR_DB);
	assert_int_equal(db_file_schema_number(link, &number), ERR_DB);
	assert_int_equal(db_migrate(link), ERR_DB);
	assert_int_equal(db_settle(link), ERR_DB);

	snprintf(folder, sizeof folder, "%s/linked", fix->folder);
	assert_int_equal(symlink(fix->folder, folder), 0);
	snprintf(below, sizeof below, "%s%s", folder, strrchr(fix->path, '/'));
	assert_int_equal(db_open(below, DB_DURABLE, &db), OK);
	WRITE(db, storefix_activity(db, "a"));
	db_close(db);
	assert_int_equal(
	    storefix_sql(fix->db, "SELECT count(*) FROM activities"), 1);
}

/* A database beside the program, and one whose name is too long. */
static void
test_open_takes_any_usable_path(void **state)
{
	struct storefix *fix = *state;
	int here = open(".", O_RDONLY | O_DIRECTORY), number;
	char longest[5000];

	assert_true(here >= 0);
	assert_int_equal(chdir(fix->folder), 0);
	assert_int_equal(db_file_schema_number("test.db", &number), OK);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(number, db_schema_number());
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(db_file_schema_number(longest, &number), ERR_DB);
	longest[4000] = '/';
	assert_int_equal(db_file_schema_number(longest, &number), ERR_DB);
}

/* SQLite deletes what a journal names; not here. */
static void
test_only_files_beside_a_database_are_deleted(void **state)
{
	struct storefix *fix = *state;
	sqlite3_vfs *vfs = sqlite3_vfs_find("attestmdm");
	char path[160];

	assert_non_null(vfs);
	assert_int_equal(
	    vfs->xDelete(vfs, fix->path, 0), SQLITE_IOERR_DELETE);
	assert_int_equal(access(fix->path, F_OK), 0);
	assert_int_equal(vfs->xDelete(vfs, "-wal", 0), SQLITE_IOERR_DELETE);
	snprintf(path, sizeof path, "%s-journal", fix->path);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(vfs->xDelete(vfs, path, 0), SQLITE_OK);
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_migrate_is_idempotent(void **state)
{
	struct storefix *fix = *state;

	WRITE(fix->db, storefix_activity(fix->db, "a"));
	assert_int_equal(db_migrate(fix->path), OK);
	assert_int_equal(
	    storefix_sql(fix->db, "SELECT count(*) FROM activities"), 1);
}

static void
test_migrate_copies_first(void **state)
{
	struct storefix *fix = *state;
	char path[160], copy[176];
	struct db *db;
	int number;

	snprintf(path, sizeof path, "%s/old.db", fix->folder);
	snprintf(copy, sizeof copy, "%s.schema-1", path);
	old_database(path, 1);
	raw_sql(path, "INSERT INTO audit VALUES (1, 2, 'a', 'b', 'c')");
	assert_int_equal(db_open(path, DB_DURABLE, &db), ERR_SCHEMA);
	assert_int_equal(db_migrate(path), OK);
	assert_mode(copy, 0600);
	assert_int_equal(db_file_schema_number(copy, &number), OK);
	assert_int_equal(number, 1);
	assert_int_equal(db_open(path, DB_DURABLE, &db), OK);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM activities"), 1);
	db_close(db);
}

/* What a run that was killed left, and a copy from long ago. */
static void
test_migrate_again_after_a_kill(void **state)
{
	struct storefix *fix = *state;
	char path[160], copy[176], name[192];
	int number;

	snprintf(path, sizeof path, "%s/old.db", fix->folder);
	snprintf(copy, sizeof copy, "%s.schema-1", path);
	old_database(path, 1);
	old_database(copy, 2);
	snprintf(name, sizeof name, "%s.new", copy);
	old_database(name, 3);
	assert_int_equal(db_migrate(path), OK);
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(db_file_schema_number(path, &number), OK);
	assert_int_equal(number, db_schema_number());
	assert_int_equal(db_file_schema_number(copy, &number), OK);
	assert_int_equal(number, 1);
	snprintf(name, sizeof name, "%s.1", copy);
	assert_int_equal(db_file_schema_number(name, &number), OK);
	assert_int_equal(number, 2);
}

/* fleet-150: the rows of a server that knew ACME only stay as they were. */
static void
test_migrate_keeps_rows(void **state)
{
	struct storefix *fix = *state;
	char path[160];
	struct db *db;

	snprintf(path, sizeof path, "%s/acme.db", fix->folder);
	old_database(path, 6);
	raw_sql(path,
	    "INSERT INTO settings VALUES"
	    " ('apple_require_hardware_attestation', 'true', 1, 'a'),"
	    " ('minimum_os_version', '14.5', 1, 'a');"
	    "INSERT INTO enrollments VALUES ('e', 'S1', '', '', '', '', 'ade',"
	    " 'enroll', 'acme', 'enrolled', 1, 2, '');"
	    "INSERT INTO hosts (id, serial, state, enrollment_id,"
	    " hardware_attested, ever_attested_at, created_at)"
	    " VALUES ('h', 'S1', 'enrolled', 'e', 1, 1, 1);"
	    "INSERT INTO commands (uuid, host_id, generation, request_type,"
	    " plist, state, created_at, created_by) VALUES"
	    " ('1', 'h', 1, 'x', x'61', 'queued', 1, 'renewal'),"
	    " ('2', 'h', 1, 'x', x'61', 'acknowledged', 1, 'renewal'),"
	    " ('3', 'h', 1, 'x', x'61', 'acknowledged', 1, 'cli:root')");
	assert_int_equal(db_migrate(path), OK);
	assert_int_equal(db_open(path, DB_DURABLE, &db), OK);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM hosts WHERE serial = 'S1'"
			     " AND hardware_attested = 1"),
	    1);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM settings"
			     " WHERE value = 'true'"),
	    1);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM settings WHERE"
			     " name = 'minimum_os_version_macos'"
			     " AND value = '14.5'"),
	    1);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM scep_challenges"), 0);
	/* the profile of a renewal that is over, and nothing else */
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM commands"
			     " WHERE length(plist) = 0 AND uuid = '2'"),
	    1);
	assert_int_equal(storefix_sql(db,
			     "SELECT count(*) FROM commands"
			     " WHERE length(plist) = 1"),
	    2);
	db_close(db);
}

static void
test_failed_step_changes_nothing(void **state)
{
	struct storefix *fix = *state;
	int number;

	/* step 2 meets tables that are there already */
	raw_sql(fix->path, "PRAGMA user_version = 1");
	assert_int_equal(db_migrate(fix->path), ERR_DB);
	assert_int_equal(db_file_schema_number(fix->path, &number), OK);
	assert_int_equal(number, 1);
}

static void
test_writes_need_a_transaction(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(storefix_activity(db, "a"), ERR_INTERNAL);
	assert_int_equal(db_begin(db), OK);
	assert_int_equal(db_begin(db), ERR_INTERNAL);
	db_rollback(db);
	assert_false(db_in_transaction(db));
	assert_int_equal(db_commit(db), ERR_INTERNAL);
}

/* A long look at a large file keeps the log from being begun anew. */
static void
test_the_integrity_check_ends_in_time(void **state)
{
	struct db *db = storefix_db(state);

	WRITE(db,
	    storefix_sql(db,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
		" FROM n WHERE i < 20000) INSERT INTO activities (at, actor, "
		"action,"
		" detail) SELECT i, 'a', 'b', 'c' FROM n"));
	assert_int_equal(db_integrity_check(db, 0), ERR_BUSY);
	assert_int_equal(db_integrity_check(db, 60), OK);
}

static void
test_rollback_undoes(void **state)
{
	struct db *db = storefix_db(state);

	assert_int_equal(db_begin(db), OK);
	assert_true(db_in_transaction(db));
	assert_int_equal(storefix_activity(db, "a"), OK);
	db_rollback(db);
	db_rollback(db);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM activities"), 0);
	WRITE(db, storefix_activity(db, "a"));
}

static void
test_read_only_does_not_write(void **state)
{
	struct storefix *fix = *state;
	struct activity_list list;
	struct db *db;

	WRITE(fix->db, storefix_activity(fix->db, "a"));
	/* the last writer takes the log file away with it */
	db_close(fix->db);
	fix->db = NULL;
	assert_int_equal(db_open(fix->path, DB_READ_ONLY, &db), OK);
	assert_int_equal(
	    activities_list(db, &(struct activity_filter){ .limit = 10 }, &list),
	    OK);
	assert_int_equal(list.n, 1);
	activities_list_release(&list);
	assert_int_equal(db_begin(db), ERR_INTERNAL);
	db_close(db);
}

static void
test_connection_does_not_cross_fork(void **state)
{
	struct db *db = storefix_db(state);
	int status;
	pid_t pid;

	assert_int_equal(db_begin(db), OK);
	assert_int_equal(storefix_activity(db, "a"), OK);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		bool ok = storefix_activity(db, "a") == ERR_INTERNAL &&
		    db_commit(db) == ERR_INTERNAL;

		db_close(db);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* the child's end took neither the lock nor the transaction away */
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(
	    storefix_sql(db, "SELECT count(*) FROM activities"), 1);
}

static int
write_often(struct db *db, int number, void *arg)
{
	char actor[32];

	snprintf(actor, sizeof actor, "writer %d", number);
	for (int i = 0; i < 100; i++) {
		if (db_begin(db) != OK ||
		    storefix_activity(db, actor) != OK ||
		    db_commit(db) != OK)
			return 2;
	}
	return 0;
}

/* mdm-54 */
static void
test_eight_writers_never_see_busy(void **state)
{
	assert_int_equal(storefix_race(state, 8, write_often, NULL), 8);
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM activities"),
	    800);
}

static int
die_in_transaction(struct db *db, int number, void *arg)
{
	if (db_begin(db) != OK || storefix_activity(db, "dead") != OK)
		return 2;
	_exit(0);
}

static void
test_death_releases_the_lock_and_undoes(void **state)
{
	assert_int_equal(storefix_race(state, 3, die_in_transaction, NULL), 3);
	assert_int_equal(
	    storefix_sql(storefix_db(state), "SELECT count(*) FROM activities"),
	    0);
	WRITE(storefix_db(state),
	    storefix_activity(storefix_db(state), "a"));
}

static void
test_purge_of_an_empty_database(void **state)
{
	int64_t deleted;

	assert_int_equal(store_purge(storefix_db(state), &storefix_retention, 1, &deleted), OK);
	assert_int_equal(deleted, 0);
}

/* acme-289 */
static void
test_purge_goes_on_until_all_is_gone(void **state)
{
	struct db *db = storefix_db(state);
	int64_t deleted;

	assert_int_equal(db_begin(db), OK);
	for (uint16_t i = 0; i < 1201; i++)
		assert_int_equal(
		    nonces_use(db, blob_of(&i, sizeof i), 0, 100), OK);
	assert_int_equal(db_commit(db), OK);
	assert_int_equal(store_purge(db, &storefix_retention, 101 + NONCES_KEEP, &deleted), OK);
	assert_int_equal(deleted, 1201);
}

static int64_t
log_size(const struct storefix *fix)
{
	char name[160];
	struct stat st;

	snprintf(name, sizeof name, "%s-wal", fix->path);
	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

/* A reader that stays open keeps the log from being begun anew. */
static void
test_the_log_shrinks_after_a_long_reader(void **state)
{
	struct storefix *fix = *state;
	struct db *db = fix->db;
	sqlite3 *reader;
	int i;

	assert_int_equal(sqlite3_open(fix->path, &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader,
			     "BEGIN; SELECT count(*) FROM settings", NULL, NULL,
			     NULL),
	    SQLITE_OK);
	for (i = 0; i < 24; i++)
		WRITE(db,
		    storefix_sql(db,
			"INSERT INTO settings VALUES (hex(randomblob(8)),"
			" hex(zeroblob(500000)), 1, 'me')"));
	assert_true(log_size(fix) > 20000000);
	assert_int_equal(db_shrink_log(db), OK);
	assert_true(log_size(fix) > 20000000);
	sqlite3_close(reader);
	assert_int_equal(db_shrink_log(db), OK);
	assert_int_equal(log_size(fix), 0);
}

static const struct CMUnitTest tests[] = {
	STOREFIX_TEST(test_open_sets_the_pragmas),
	STOREFIX_TEST(test_waits_end_before_the_request),
	STOREFIX_TEST(test_one_transaction_is_relaxed),
	STOREFIX_TEST(test_relaxed_is_synchronous_normal),
	STOREFIX_TEST(test_open_refuses_other_schemas),
	STOREFIX_TEST(test_open_refuses_what_is_absent),
	STOREFIX_TEST(test_files_are_for_the_group),
	STOREFIX_TEST(test_a_journal_deletes_no_other_file),
	STOREFIX_TEST(test_a_copy_gets_its_log_when_it_serves),
	STOREFIX_TEST(test_open_follows_no_link_but_of_the_folder),
	STOREFIX_TEST(test_open_takes_any_usable_path),
	STOREFIX_TEST(test_only_files_beside_a_database_are_deleted),
	STOREFIX_TEST(test_migrate_is_idempotent),
	STOREFIX_TEST(test_migrate_copies_first),
	STOREFIX_TEST(test_migrate_again_after_a_kill),
	STOREFIX_TEST(test_migrate_keeps_rows),
	STOREFIX_TEST(test_failed_step_changes_nothing),
	STOREFIX_TEST(test_writes_need_a_transaction),
	STOREFIX_TEST(test_the_integrity_check_ends_in_time),
	STOREFIX_TEST(test_rollback_undoes),
	STOREFIX_TEST(test_read_only_does_not_write),
	STOREFIX_TEST(test_connection_does_not_cross_fork),
	STOREFIX_TEST(test_eight_writers_never_see_busy),
	STOREFIX_TEST(test_death_releases_the_lock_and_undoes),
	STOREFIX_TEST(test_purge_of_an_empty_database),
	STOREFIX_TEST(test_purge_goes_on_until_all_is_gone),
	STOREFIX_TEST(test_the_log_shrinks_after_a_long_reader),
};

STOREFIX_MAIN(tests)
