#include "storefix.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/activities.h"
#include "store/connection.h"
#include "store/dbfile.h"
#include "store/rowmac.h"

/* With the key that administrators and sessions need. */
static int
open_with_key(struct storefix *fix)
{
	static const uint8_t key[ROWMAC_KEY] = { 1, 2, 3 };
	int r = db_open(fix->path, DB_DURABLE, &fix->db);

	if (r == OK)
		rowmac_set_key(fix->db, key);
	return r;
}

static int flushes;

/*
 * In place of the C library's, also for SQLite: that the disk would be waited
 * for is counted. No test cuts the power.
 */
int
fdatasync(int fd)
{
	flushes++;
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

int
storefix_flushes(void)
{
	return flushes;
}

/*
 * The first database that a program makes is the model of the others: it is a
 * tenth of the work to copy it.
 */
static int
new_database(const char *path)
{
	static uint8_t model[1 << 20];
	static size_t bytes;
	FILE *f;
	int r;

	r = bytes == 0 ? db_migrate(path) : dbfile_create(path);
	if (r != OK)
		return r;
	if ((f = fopen(path, bytes == 0 ? "r" : "w")) == NULL)
		return ERR_IO;
	if (bytes == 0)
		bytes = fread(model, 1, sizeof model, f);
	else
		fwrite(model, 1, bytes, f);
	return fclose(f) == 0 && bytes < sizeof model ? OK : ERR_IO;
}

const struct conf storefix_retention = { .activity_days = 730,
	.event_days = 180 };

int
storefix_setup(void **state)
{
	struct storefix *fix = calloc(1, sizeof *fix);
	const char *tmp = getenv("TMPDIR");

	/* the failures that the tests provoke would drown the others */
	log_open("test", LOG_ERROR);
	clock_stop();
	if (fix == NULL)
		return -1;
	snprintf(fix->folder, sizeof fix->folder, "%s/storeXXXXXX",
	    tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
	if (mkdtemp(fix->folder) == NULL)
		return -1;
	snprintf(fix->path, sizeof fix->path, "%s/test.db", fix->folder);
	*state = fix;
	if (new_database(fix->path) != OK)
		return -1;
	return open_with_key(fix);
}

int
storefix_teardown(void **state)
{
	struct storefix *fix = *state;
	char command[160];
	int status;

	db_close(fix->db);
	snprintf(command, sizeof command, "rm -rf '%s'", fix->folder);
	status = system(command);
	free(fix);
	return status;
}

struct db *
storefix_db(void **state)
{
	struct storefix *fix = *state;

	return fix->db;
}

void
storefix_enrollment(struct db *db, const char *serial, struct enrollment *out)
{
	*out = (struct enrollment){ .source = ENROLLMENT_ADE };
	snprintf(out->device.serial, sizeof out->device.serial, "%s", serial);
	WRITE(db, enrollments_create(db, out, 1));
}

void
storefix_account(
    struct db *db, const struct enrollment *e, int key, struct account *out)
{
	struct account in = { .jwk = "{\"kty\":\"EC\"}" };
	bool created;

	memcpy(in.enrollment_id, e->id, sizeof in.enrollment_id);
	snprintf(in.thumbprint, sizeof in.thumbprint, "thumbprint-%d", key);
	WRITE(db, accounts_create(db, &in, out, &created));
}

void
storefix_order(struct db *db, const struct account *a, struct order *out)
{
	*out = (struct order){ .identifier_type = "permanent-identifier",
		.identifier_value = "SERIAL1" };
	memcpy(out->account_id, a->id, sizeof out->account_id);
	memcpy(out->enrollment_id, a->enrollment_id, sizeof out->enrollment_id);
	WRITE(db, orders_create(db, out, 3600));
}

void
storefix_host(struct db *db, const char *serial, int tag, struct host *out)
{
	uint8_t digest[SECRET_SHA256] = { (uint8_t)tag, 1 };
	struct host_identity identity = { .certificate_sha256 = digest,
		.enrollment_id = "e",
		.hardware_attested = true };
	struct host_vitals vitals = { .device_name = "Mac" };
	struct host_tokens tokens = { .push_token = blob_str("token"),
		.push_magic = "magic" };
	bool first;

	snprintf(vitals.device.serial, sizeof vitals.device.serial, "%s",
	    serial);
	snprintf(vitals.device.udid, sizeof vitals.device.udid, "UDID-%d", tag);
	WRITE(db, hosts_authenticate(db, &identity, &vitals, out));
	WRITE(db, hosts_token_update(db, out->id, &tokens, &first));
	assert_int_equal(hosts_load(db, out->id, out), OK);
}

int
storefix_activity(struct db *db, const char *actor)
{
	return activities_add(
	    db, &(struct activity_note){ .actor = actor, .action = "test" });
}

int
storefix_sql(struct db *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int value = 0;

	assert_int_equal(
	    sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		value = sqlite3_column_int(st, 0);
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	return value;
}

unsigned
storefix_version(struct db *db)
{
	unsigned version = 0;

	/* looks at the file for what others committed */
	storefix_sql(db, "PRAGMA data_version");
	assert_int_equal(sqlite3_file_control(db->sqlite, "main",
			     SQLITE_FCNTL_DATA_VERSION, &version),
	    SQLITE_OK);
	return version;
}

void
storefix_change(struct db *db, const char *sql)
{
	assert_int_equal(
	    sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_true(sqlite3_changes(db->sqlite) > 0);
}

static int
interfere(unsigned event, void *arg, void *statement, void *text)
{
	struct storefix *fix = arg;
	const char *sql = fix->meanwhile;
	sqlite3 *other;

	(void)event;
	(void)statement;
	if (sql == NULL || strcmp(text, "BEGIN IMMEDIATE") != 0)
		return 0;
	fix->meanwhile = NULL;
	assert_int_equal(sqlite3_open(fix->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_true(sqlite3_total_changes(other) > 0);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	return 0;
}

void
storefix_meanwhile(void **state, const char *sql)
{
	struct storefix *fix = *state;

	fix->meanwhile = sql;
	assert_int_equal(sqlite3_trace_v2(fix->db->sqlite, SQLITE_TRACE_STMT,
			     interfere, fix),
	    SQLITE_OK);
}

void
storefix_meanwhile_end(void **state)
{
	struct storefix *fix = *state;

	assert_null(fix->meanwhile);
	sqlite3_trace_v2(fix->db->sqlite, 0, NULL, NULL);
}

static int
racer(const struct storefix *fix, int number,
    int (*body)(struct db *, int, void *), void *arg)
{
	struct db *db;
	int code;

	if (db_open(fix->path, DB_RELAXED, &db) != OK)
		return 2;
	code = body(db, number, arg);
	db_close(db);
	return code;
}

int
storefix_race(
    void **state, int n, int (*body)(struct db *, int, void *), void *arg)
{
	struct storefix *fix = *state;
	int status, winners = 0;

	db_close(fix->db);
	fix->db = NULL;
	fflush(NULL);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(racer(fix, i, body, arg));
	}
	for (int i = 0; i < n; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		winners += WEXITSTATUS(status) == 0;
		/* 1 is a loser; anything else is a fault */
		assert_in_range(WEXITSTATUS(status), 0, 1);
	}
	assert_int_equal(open_with_key(fix), OK);
	return winners;
}
