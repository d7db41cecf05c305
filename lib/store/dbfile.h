/* SQLite's file beneath struct db; nobody outside this folder includes it. */
#ifndef STORE_DBFILE_H
#define STORE_DBFILE_H

#include <sqlite3.h>
#include <stdbool.h>

/* PRAGMA application_id of our files: "AtMD". */
#define DBFILE_APPLICATION_ID 0x41744d44

/*
 * How long SQLite waits for its own locks. Programs that write wait for their
 * turn at the lock file, so this is for those that move the log into the
 * database, and for another program's ways of locking.
 */
#define DBFILE_BUSY_MS 2000

/*
 * How long a transaction waits for the lock file. Both together, twice, stay
 * below the 20 seconds of a request (web/fastcgi.h): also a request with two
 * transactions is answered with an error that a client can act on.
 */
#define DBFILE_LOCK_MS 6000

/*
 * Opens the file, by dbvfs.h, and sets what every connection needs, all but
 * `synchronous`. The caller closes with sqlite3_close(), on failure too.
 * ERR_DB, also when the file is a symbolic link.
 */
int dbfile_open(const char *path, int flags, sqlite3 **out);

/* Runs constant SQL. ERR_DB, ERR_BUSY. */
int dbfile_exec(sqlite3 *sqlite, const char *sql);

/*
 * ERR_DB unless the first row's first column, or "" without one, is `wanted`;
 * ERR_BUSY, unlogged, when a progress handler stopped it.
 */
int dbfile_expect(sqlite3 *sqlite, const char *sql, const char *wanted);

/* Is it in WAL mode? ERR_DB. */
int dbfile_has_log(sqlite3 *sqlite, bool *out);

/* 0 for an empty file; ERR_SCHEMA when it is not ours. */
int dbfile_schema_number(sqlite3 *sqlite, int *out);

/*
 * Writes a whole copy of the database as it is at this moment to a new file of
 * mode 0600, and syncs it; what was at `path` before is gone. Reads in one
 * transaction; writers go on meanwhile. ERR_IO, ERR_DB: no file is left.
 */
int dbfile_copy(sqlite3 *sqlite, const char *path);

/*
 * Does another process have this database open? Only for a process that does
 * not: closing the file here would drop that process's own locks on it. ERR_IO.
 */
int dbfile_in_use(const char *path, bool *out);

/*
 * Syncs the folder of `path`: a new or changed name survives a power cut.
 * ERR_IO.
 */
int dbfile_sync_folder(const char *path);

/* Opens PATH.lock, making it for the common group; ERR_IO. */
int dbfile_open_lock(const char *path, int *out);

/* Waits at most DBFILE_LOCK_MS for the lock file; ERR_BUSY. */
int dbfile_lock(int fd);

/* Creates an empty file of mode 0660; ERR_EXISTS, ERR_IO. */
int dbfile_create(const char *path);

#endif
