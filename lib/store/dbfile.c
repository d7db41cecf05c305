#include "store/dbfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "store/dbindex.h"
#include "store/dbvfs.h"

/* The database is the group's; a copy belongs to whoever asked for it. */
#define MODE      0660
#define COPY_MODE 0600

static int
fail_sqlite(sqlite3 *sqlite, const char *what)
{
	int r = sqlite3_errcode(sqlite);

	/* of dbvfs.c alone: SQLite's own VFS for Unix never returns it */
	if (sqlite3_extended_errcode(sqlite) == SQLITE_IOERR_ACCESS)
		return fail(ERR_DB,
		    "database: a -journal file beside it names a file to "
		    "delete, which SQLite does not write for us: keep it to "
		    "find out who did, and restore a backup");
	return fail(r == SQLITE_BUSY ? ERR_BUSY : ERR_DB, "database: %s (%s)",
	    sqlite3_errmsg(sqlite), what);
}

int
dbfile_exec(sqlite3 *sqlite, const char *sql)
{
	if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail_sqlite(sqlite, sql);
	return OK;
}

int
dbfile_open(const char *path, int flags, sqlite3 **out)
{
	const char *vfs = dbvfs_name();
	int r;

	*out = NULL;
	if (vfs == NULL)
		return fail(ERR_DB, "SQLite has no VFS for Unix");
	r = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOFOLLOW, vfs);
	if (*out == NULL)
		return fail(ERR_NOMEM, "no memory for a connection");
	if (sqlite3_extended_errcode(*out) == SQLITE_CANTOPEN_SYMLINK)
		return fail(
		    ERR_DB, "%s is a symbolic link, not a database", path);
	if (r != SQLITE_OK)
		return fail_sqlite(*out, path);
	sqlite3_extended_result_codes(*out, 1);
	sqlite3_busy_timeout(*out, DBFILE_BUSY_MS);
	sqlite3_db_config(*out, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	r = dbfile_exec(
	    *out, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF");
	return r == OK ? dbindex_connect(*out) : r;
}

static int
pragma(sqlite3 *sqlite, const char *sql, int *out)
{
	sqlite3_stmt *st = NULL;
	int r = OK;

	*out = 0;
	if (sqlite3_prepare_v2(sqlite, sql, -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		r = fail_sqlite(sqlite, sql);
	else
		*out = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return r;
}

int
dbfile_expect(sqlite3 *sqlite, const char *sql, const char *wanted)
{
	sqlite3_stmt *st = NULL;
	const char *text = "";
	int r = OK, rc;

	if (sqlite3_prepare_v2(sqlite, sql, -1, &st, NULL) != SQLITE_OK)
		return fail_sqlite(sqlite, sql);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(st, 0);
	if (rc == SQLITE_INTERRUPT)
		r = ERR_BUSY;
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		r = fail_sqlite(sqlite, sql);
	else if (text == NULL || strcmp(text, wanted) != 0)
		r = fail(ERR_DB, "database: %s: %s", sql, text);
	sqlite3_finalize(st);
	return r;
}

int
dbfile_has_log(sqlite3 *sqlite, bool *out)
{
	sqlite3_stmt *st = NULL;
	int r = OK;

	*out = false;
	if (sqlite3_prepare_v2(sqlite, "PRAGMA journal_mode", -1, &st, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		r = fail_sqlite(sqlite, "journal_mode");
	else
		*out = sqlite3_stricmp((const char *)sqlite3_column_text(st, 0),
			   "wal") == 0;
	sqlite3_finalize(st);
	return r;
}

int
dbfile_schema_number(sqlite3 *sqlite, int *out)
{
	int application, tables, number, r;

	*out = 0;
	r = pragma(sqlite, "PRAGMA application_id", &application);
	if (r == OK)
		r = pragma(sqlite, "PRAGMA user_version", &number);
	if (r == OK)
		r = pragma(
		    sqlite, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r != OK)
		return r;
	if (application == 0 && number == 0 && tables == 0)
		return OK;
	if (application != DBFILE_APPLICATION_ID || number <= 0)
		return fail(
		    ERR_SCHEMA, "this file is not a database of this program");
	*out = number;
	return OK;
}

static int
make(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0 && errno == EEXIST)
		return ERR_EXISTS;
	/* whatever the umask */
	if (fd < 0 || fchmod(fd, mode) != 0) {
		int r = fail(ERR_IO, "%s: %s", path, strerror(errno));

		if (fd >= 0) {
			close(fd);
			unlink(path);
		}
		return r;
	}
	close(fd);
	return OK;
}

int
dbfile_create(const char *path)
{
	return make(path, MODE);
}

static int
sync_path(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	int r = OK;

	if (fd < 0 || fsync(fd) != 0)
		r = fail(ERR_IO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

int
dbfile_sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct buf folder;
	int r;

	buf_init(&folder, 4096);
	r = slash == NULL
	    ? buf_printf(&folder, ".")
	    : buf_printf(&folder, "%.*s/", (int)(slash - path), path);
	if (r == OK)
		r = sync_path(buf_str(&folder), O_DIRECTORY);
	buf_release(&folder);
	return r;
}

/*
 * SQLite's online backup, in a single step: more steps start over at each
 * write.
 */
static int
copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int r;

	if (backup == NULL)
		return fail_sqlite(to, "backup");
	r = sqlite3_backup_step(backup, -1);
	if (sqlite3_backup_finish(backup) != SQLITE_OK || r != SQLITE_DONE)
		return fail_sqlite(to, "backup");
	/* so that the copy is one file, with no log beside it */
	return dbfile_exec(to, "PRAGMA journal_mode = DELETE");
}

int
dbfile_copy(sqlite3 *sqlite, const char *path)
{
	sqlite3 *to = NULL;
	int r;

	if (unlink(path) != 0 && errno != ENOENT)
		return fail(ERR_IO, "%s: %s", path, strerror(errno));
	if ((r = make(path, COPY_MODE)) != OK)
		return r;
	if ((r = dbfile_open(path, SQLITE_OPEN_READWRITE, &to)) == OK)
		r = copy_pages(sqlite, to);
	sqlite3_close(to);
	if (r == OK)
		r = sync_path(path, O_NOFOLLOW | O_NONBLOCK);
	if (r != OK)
		unlink(path);
	return r;
}

int
dbfile_open_lock(const char *path, int *out)
{
	struct buf name;
	int r;

	*out = -1;
	buf_init(&name, 4096);
	r = buf_printf(&name, "%s.lock", path);
	if (r == OK)
		r = dbfile_create(buf_str(&name));
	if (r == ERR_EXISTS)
		r = OK;
	if (r == OK) {
		*out = open(buf_str(&name), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (*out < 0)
			r = fail(
			    ERR_IO, "%s: %s", buf_str(&name), strerror(errno));
	}
	buf_release(&name);
	return r;
}

int
dbfile_lock(int fd)
{
	return lockfile_take(fd, DBFILE_LOCK_MS);
}

int
dbfile_in_use(const char *path, bool *out)
{
	/* SHARED_FIRST and SHARED_SIZE of SQLite's file format */
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 0x40000002,
		.l_len = 510 };
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = OK;

	*out = false;
	if (fd < 0)
		return errno == ENOENT
		    ? OK
		    : fail(ERR_IO, "%s: %s", path, strerror(errno));
	if (fcntl(fd, F_GETLK, &lock) != 0)
		r = fail(ERR_IO, "%s: %s", path, strerror(errno));
	*out = r == OK && lock.l_type != F_UNLCK;
	close(fd);
	return r;
}
