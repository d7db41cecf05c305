/*
 * The database: one SQLite file, opened by many processes.
 *
 * Every write happens between db_begin() and db_commit(). The functions of the
 * family files never open a transaction themselves: the caller decides what
 * belongs together. A connection must not cross fork(): using it in another
 * process is refused with ERR_INTERNAL.
 *
 * Conventions of all files in this folder:
 * - Rows are structs. Bounded columns are character arrays. Longer ones are
 *   `const char *` or `struct blob`: borrowed from the caller when a row is
 *   written, and pointing into the row's `memory` after a load. x_release()
 *   frees that memory and may be called on a zeroed or released row.
 * - A time is seconds since 1970; 0 stands for NULL. Stamps and the checks of
 *   expiry use clock_now().
 * - An empty text or blob stands for NULL where the column may be NULL.
 * - ERR_NOT_FOUND: no such row within the given scope. ERR_CONFLICT: a
 *   compare-and-set found the row in another state; nothing was changed.
 *   ERR_DB, ERR_BUSY, ERR_NOMEM: as anywhere. Only those three and ERR_INTERNAL
 *   are logged here; the others are answers, and the caller says what they
 *   mean.
 * - Lists come as struct x_list: `rows`, `n`, and, where the function counts,
 *   `total`; freed by x_list_release().
 * - `search` is a part of a text an administrator typed; NULL or "" finds all.
 *   Upper and lower case are the same.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

struct db;

enum db_mode {
	DB_READ_ONLY,
	/* synchronous=NORMAL: for what a client simply repeats */
	DB_RELAXED,
	/* synchronous=FULL: for what must outlive a power cut */
	DB_DURABLE,
};

/* Room for columns that many tables share, with the NUL. */
#define DB_ID_TEXT      SECRET_ID_TEXT
#define DB_SERIAL_TEXT  65
#define DB_UDID_TEXT    65
#define DB_ADDRESS_TEXT 64
#define DB_VERSION_TEXT 33
#define DB_NAME_TEXT    129
#define DB_ACTOR_TEXT   129

/*
 * Opens an existing database of this program's schema number. ERR_SCHEMA when
 * it is of another number or another program's file, ERR_DB when it cannot be
 * opened. The caller closes with db_close(); NULL is fine there.
 */
int db_open(const char *path, enum db_mode mode, struct db **out);
void db_close(struct db *db);

/*
 * Starts the one write transaction: waits for its turn on the lock file
 * PATH.lock, fairly, then takes SQLite's write lock. Keep it short: no
 * cryptography and no network inside. ERR_BUSY when others keep the lock for 6
 * seconds, or SQLite's for 2. ERR_INTERNAL when one is open already or the
 * database is DB_READ_ONLY.
 */
int db_begin(struct db *db);

/*
 * A line for the log, at info, once the transaction is committed: what was
 * done, and not what was only tried. The last one of a transaction counts.
 */
void db_note(struct db *db, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Wakes attestmdm-worker (base/wake.h) once the transaction is committed, so that
 * it does not wait for its timetable to find the rows written here.
 */
void db_wake(struct db *db);

/*
 * db_begin(), for what need not survive a power cut: db_commit() then does not
 * wait for the disk, whatever the mode. Use it for everything that a client
 * without proof of identity can cause, so that such clients cannot make the
 * server flush the disk.
 */
int db_begin_relaxed(struct db *db);

/* On failure the transaction is rolled back and nothing was written. */
int db_commit(struct db *db);

/* Drops what was written since db_begin(); no-op without a transaction. */
void db_rollback(struct db *db);

/*
 * Ends the transaction of work that came to `r`: commits when that is OK, else
 * rolls back. Returns r, or why the commit failed. The usual shape is
 *
 *	if ((r = db_begin(db)) == OK)
 *		r = db_end(db, work(db));
 */
int db_end(struct db *db, int r);

/*
 * Between the write transactions of a long run: waits twice as long as the last
 * one was open (0.2 s at most), so that others get their turn without a queue.
 */
void db_give_way(struct db *db);

/*
 * Moves what the write-ahead log holds into the database and cuts the log when
 * it grew over 16 MiB, which takes a moment without readers. Not inside a
 * transaction. OK, with a warning logged, when a reader has been at work for
 * too long.
 */
int db_shrink_log(struct db *db);

/*
 * Is it in WAL mode, in which readers and a writer do not wait for each other?
 * Each db_open() that may write sets it. ERR_DB.
 */
int db_has_log(struct db *db, bool *out);

/* True between db_begin() and its end. */
bool db_in_transaction(const struct db *db);

/* The schema number that this program was built for. */
int db_schema_number(void);

/* The schema number of a file, 0 for an empty one. ERR_SCHEMA, ERR_DB. */
int db_file_schema_number(const char *path, int *out);

/*
 * Brings the database at `path` to this program's schema, creating the file
 * (mode 0660) when it is absent. Before an existing database is changed it is
 * copied to PATH.schema-N with N its old number; an earlier copy of that name
 * becomes PATH.schema-N.1, or the next number. All steps are one transaction,
 * and a run that was killed is simply repeated. Then takes activities from
 * before there was a chain into it (activity_chain.h). OK when there was nothing
 * to do. ERR_SCHEMA when the file is newer or not ours.
 */
int db_migrate(const char *path);

/*
 * Writes what the write-ahead log holds into the file itself and leaves nothing
 * beside it, so that the file can be moved. ERR_BUSY when another process has
 * it open; ERR_DB.
 */
int db_settle(const char *path);

/*
 * Writes a copy of the database as it is at this moment, one file of mode 0600
 * that is synced and checked; what was at `path` before is gone. Others write
 * meanwhile. ERR_IO, ERR_DB: no file is left.
 */
int db_copy(struct db *db, const char *path);

/*
 * Does any process have the database at `path` open? *out is false when there
 * is no such file. This process must not have it open itself: asking would drop
 * its locks. ERR_IO.
 */
int db_in_use(const char *path, bool *out);

/*
 * SQLite's own check of the whole file; ERR_DB with its words in the log. It is
 * stopped after `seconds`, because the write-ahead log grows while it reads:
 * then ERR_BUSY, unlogged, and what it read until then is sound.
 */
int db_integrity_check(struct db *db, int seconds);

/*
 * Does the index of host_index (schema/README) fit the texts? In a write
 * transaction. ERR_DB.
 */
int db_index_fits(struct db *db, bool *out);

/* Makes that index anew, in a write transaction. ERR_DB. */
int db_index_rebuild(struct db *db);

#endif
