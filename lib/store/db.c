#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/wake.h"
#include "store/dbfile.h"
#include "store/dbindex.h"
#include "store/schema.h"
#include "store/connection.h"

#define DB_SECOND INT64_C(1000000000)

/* The write-ahead log is moved into the database from 4 MiB on. */
#define DB_LOG_PAGES 1000

/* Bytes to which SQLite cuts the log's file when it starts it over. */
#define DB_LOG_LIMIT 16777216

/*
 * How many pages make db_shrink_log() act, and how long it waits for readers.
 */
#define DB_LOG_LARGE 4096
#define DB_SHRINK_MS 200

/* Instructions of SQLite's virtual machine between two looks at the clock. */
#define DB_CHECK_STEPS 1000

#define DB_TEXT(x)    #x
#define DB_TEXT_OF(x) DB_TEXT(x)

int
db_schema_number(void)
{
	return schema_steps_count;
}

static int
check_schema(sqlite3 *sqlite, const char *path)
{
	int number;
	int r = dbfile_schema_number(sqlite, &number);

	if (r == OK && number != schema_steps_count)
		r = fail(ERR_SCHEMA,
		    "%s has schema %d, this program needs %d: run "
		    "\"attestmdm migrate\"",
		    path, number, schema_steps_count);
	return r;
}

static int
note_log(void *db, sqlite3 *sqlite, const char *name, int pages)
{
	(void)sqlite;
	(void)name;
	((struct db *)db)->log_pages = pages;
	return SQLITE_OK;
}

/*
 * SQLite would move the log into the database inside COMMIT, with two fsyncs
 * while all others wait for the lock file. db_commit() does it after unlocking.
 */
static int
prepare_log(struct db *db)
{
	int r;

	/*
	 * A copy, such as the one of a backup, is in another mode. Nobody else
	 * may have it open for that moment: then a later one sets it.
	 */
	r = dbfile_exec(db->sqlite, "PRAGMA journal_mode = WAL");
	if (r != OK && r != ERR_BUSY)
		return r;
	sqlite3_wal_hook(db->sqlite, note_log, db);
	return dbfile_exec(db->sqlite,
	    "PRAGMA journal_size_limit = " DB_TEXT_OF(DB_LOG_LIMIT));
}

static int
connect_to(struct db *db, const char *path)
{
	int flags = db->mode == DB_READ_ONLY ? SQLITE_OPEN_READONLY
					     : SQLITE_OPEN_READWRITE;
	int r;

	r = dbfile_open(path, flags, &db->sqlite);
	if (r == OK)
		r = check_schema(db->sqlite, path);
	if (r == OK)
		r = dbfile_exec(db->sqlite,
		    db->mode == DB_RELAXED ? "PRAGMA synchronous = NORMAL"
					   : "PRAGMA synchronous = FULL");
	if (r == OK && db->mode != DB_READ_ONLY)
		r = prepare_log(db);
	if (r == OK && db->mode != DB_READ_ONLY)
		r = dbfile_open_lock(path, &db->lock_fd);
	return r;
}

int
db_open(const char *path, enum db_mode mode, struct db **out)
{
	struct db *db;
	int r;

	*out = NULL;
	db = calloc(1, sizeof *db);
	if (db == NULL)
		return fail(ERR_NOMEM, "no memory for a connection");
	db->mode = mode;
	db->owner = getpid();
	db->lock_fd = -1;
	r = connect_to(db, path);
	if (r != OK) {
		db_close(db);
		return r;
	}
	*out = db;
	return OK;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	/*
	 * In a child the connection is the parent's: closing it here could drop
	 * locks and files under the parent's feet, so it is only forgotten.
	 */
	if (db->owner == getpid()) {
		db_rollback(db);
		sql_forget(db);
		sqlite3_close(db->sqlite);
		if (db->lock_fd >= 0)
			close(db->lock_fd);
		secret_wipe(db->row_key, sizeof db->row_key);
		free(db);
	}
}

bool
db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->sqlite);
}

static int
may_begin(struct db *db)
{
	if (db->owner != getpid())
		return fail(ERR_INTERNAL, "a database connection crossed fork");
	if (db_in_transaction(db))
		return fail(ERR_INTERNAL, "a transaction is open already");
	return OK;
}

static int64_t
monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * DB_SECOND + now.tv_nsec;
}

/* SQLite accepts this only between transactions. */
static int
set_relaxed(struct db *db, bool relaxed)
{
	int r = OK;

	if (db->mode == DB_DURABLE && db->relaxed != relaxed)
		r = dbfile_exec(db->sqlite,
		    relaxed ? "PRAGMA synchronous = NORMAL"
			    : "PRAGMA synchronous = FULL");
	if (r == OK)
		db->relaxed = relaxed;
	return r;
}

static int
start(struct db *db, bool relaxed)
{
	int r = may_begin(db);

	if (r != OK)
		return r;
	if (db->mode == DB_READ_ONLY)
		return fail(ERR_INTERNAL, "the database is open for reading");
	if ((r = set_relaxed(db, relaxed)) != OK)
		return r;
	r = dbfile_lock(db->lock_fd);
	if (r != OK)
		return r;
	r = dbfile_exec(db->sqlite, "BEGIN IMMEDIATE");
	if (r != OK) {
		flock(db->lock_fd, LOCK_UN);
		return r;
	}
	db->writing = true;
	db->note[0] = '\0';
	db->wakes = false;
	db->write_began = monotonic();
	return OK;
}

int
db_begin(struct db *db)
{
	return start(db, false);
}

int
db_begin_relaxed(struct db *db)
{
	return start(db, true);
}

static void
finish(struct db *db)
{
	if (db->writing) {
		flock(db->lock_fd, LOCK_UN);
		db->write_took = monotonic() - db->write_began;
	}
	db->writing = false;
}

void
db_give_way(struct db *db)
{
	int64_t pause = 2 * db->write_took;

	if (pause > DB_SECOND / 5)
		pause = DB_SECOND / 5;
	nanosleep(&(struct timespec){ .tv_nsec = (long)pause }, NULL);
}

void
db_note(struct db *db, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(db->note, sizeof db->note, fmt, ap);
	va_end(ap);
}

void
db_wake(struct db *db)
{
	db->wakes = true;
}

int
db_commit(struct db *db)
{
	int r;

	/* SQLite ends a transaction by itself when, say, the disk is full */
	if (db->owner != getpid() || !db_in_transaction(db))
		r = fail(ERR_INTERNAL, "no transaction to commit");
	else
		r = dbfile_exec(db->sqlite, "COMMIT");
	if (r != OK)
		db_rollback(db);
	finish(db);
	if (r == OK && db->note[0] != '\0')
		log_line(LOG_INFO, "%s", db->note);
	if (r == OK && db->wakes)
		wake_worker();
	/* whether it works does not matter: another commit tries again */
	if (r == OK && db->log_pages >= DB_LOG_PAGES)
		sqlite3_wal_checkpoint_v2(
		    db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return r;
}

int
db_shrink_log(struct db *db)
{
	int r, pages = 0;

	if (db_in_transaction(db))
		return fail(ERR_INTERNAL, "a transaction is open");
	r = sqlite3_wal_checkpoint_v2(
	    db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, NULL);
	if (r != SQLITE_OK || pages < DB_LOG_LARGE)
		return OK;
	sqlite3_busy_timeout(db->sqlite, DB_SHRINK_MS);
	r = sqlite3_wal_checkpoint_v2(
	    db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(db->sqlite, DBFILE_BUSY_MS);
	if (r == SQLITE_BUSY)
		log_line(LOG_WARN,
		    "the log of the database has %d pages and cannot be cut: "
		    "a program has been reading for long",
		    pages);
	return r == SQLITE_OK || r == SQLITE_BUSY
	    ? OK
	    : fail(ERR_DB, "database: %s (checkpoint)",
		  sqlite3_errmsg(db->sqlite));
}

void
db_rollback(struct db *db)
{
	if (db == NULL || db->owner != getpid())
		return;
	if (db->sqlite != NULL && db_in_transaction(db))
		dbfile_exec(db->sqlite, "ROLLBACK");
	finish(db);
}

int
db_end(struct db *db, int r)
{
	if (r == OK)
		return db_commit(db);
	db_rollback(db);
	return r;
}

int
db_file_schema_number(const char *path, int *out)
{
	sqlite3 *sqlite = NULL;
	int r;

	*out = 0;
	r = dbfile_open(path, SQLITE_OPEN_READONLY, &sqlite);
	if (r == OK)
		r = dbfile_schema_number(sqlite, out);
	sqlite3_close(sqlite);
	return r;
}

int
db_settle(const char *path)
{
	sqlite3 *sqlite = NULL;
	struct buf wal;
	int r;

	buf_init(&wal, 4096);
	r = dbfile_open(path, SQLITE_OPEN_READWRITE, &sqlite);
	if (r == OK)
		r = dbfile_exec(sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
	/* the last one that closes it takes the log away */
	sqlite3_close(sqlite);
	if (r == OK)
		r = buf_printf(&wal, "%s-wal", path);
	if (r == OK && access(buf_str(&wal), F_OK) == 0)
		r = fail(ERR_BUSY, "%s is in use: stop the programs", path);
	buf_release(&wal);
	return r;
}

static int
is_late(void *deadline)
{
	return monotonic() >= *(const int64_t *)deadline;
}

int
db_integrity_check(struct db *db, int seconds)
{
	int64_t deadline = monotonic() + seconds * DB_SECOND;
	int r;

	sqlite3_progress_handler(
	    db->sqlite, DB_CHECK_STEPS, is_late, &deadline);
	r = dbfile_expect(db->sqlite, "PRAGMA integrity_check(1)", "ok");
	if (r == OK)
		r = dbfile_expect(db->sqlite, "PRAGMA foreign_key_check", "");
	sqlite3_progress_handler(db->sqlite, 0, NULL, NULL);
	return r;
}

int
db_has_log(struct db *db, bool *out)
{
	return dbfile_has_log(db->sqlite, out);
}

int
db_copy(struct db *db, const char *path)
{
	sqlite3 *copy = NULL;
	int r;

	if ((r = dbfile_copy(db->sqlite, path)) != OK)
		return r;
	r = dbfile_open(path, SQLITE_OPEN_READONLY, &copy);
	if (r == OK)
		r = dbfile_expect(copy, "PRAGMA quick_check(1)", "ok");
	sqlite3_close(copy);
	if (r != OK)
		unlink(path);
	return r;
}

int
db_in_use(const char *path, bool *out)
{
	return dbfile_in_use(path, out);
}

int
db_index_fits(struct db *db, bool *out)
{
	int r = dbindex_check(db->sqlite);

	*out = r == OK;
	return r == ERR_CONFLICT ? OK : r;
}

int
db_index_rebuild(struct db *db)
{
	return dbindex_rebuild(db->sqlite);
}
