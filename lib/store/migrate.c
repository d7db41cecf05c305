#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "store/db.h"
#include "store/dbfile.h"
#include "store/schema.h"

/* VACUUM INTO takes an empty file, so that the mode can be set before. */
static int
migrate_copy(sqlite3 *sqlite, const char *path, int from)
{
	sqlite3_stmt *st = NULL;
	struct buf name;
	int code;

	buf_init(&name, 4096);
	code = buf_printf(&name, "%s.schema-%d", path, from);
	if (code == OK)
		code = dbfile_create(buf_str(&name));
	if (code == ERR_EXISTS)
		fail(code, "%s is there already: move it away first",
		    buf_str(&name));
	if (code != OK)
		goto done;
	if (sqlite3_prepare_v2(sqlite, "VACUUM INTO ?1", -1, &st, NULL) !=
		SQLITE_OK ||
	    sqlite3_bind_text(st, 1, buf_str(&name), -1, SQLITE_TRANSIENT) !=
		SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_DONE) {
		code = fail(ERR_DB, "copying to %s: %s", buf_str(&name),
		    sqlite3_errmsg(sqlite));
		unlink(buf_str(&name));
	}
done:
	sqlite3_finalize(st);
	buf_release(&name);
	return code;
}

static int
migrate_mark(sqlite3 *sqlite)
{
	char sql[96];

	/* PRAGMA takes no parameters; both numbers are our constants */
	snprintf(sql, sizeof(sql),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d",
	    DBFILE_APPLICATION_ID, schema_steps_count);
	return dbfile_exec(sqlite, sql);
}

static int
migrate_steps(sqlite3 *sqlite, int from)
{
	int code;

	code = dbfile_exec(sqlite, "BEGIN IMMEDIATE");
	for (int i = from; code == OK && i < schema_steps_count; i++) {
		log_line(LOG_NOTICE, "schema step %s", schema_steps[i].name);
		code = dbfile_exec(sqlite, schema_steps[i].sql);
	}
	if (code == OK)
		code = migrate_mark(sqlite);
	if (code == OK)
		code = dbfile_exec(sqlite, "COMMIT");
	if (code != OK && !sqlite3_get_autocommit(sqlite))
		dbfile_exec(sqlite, "ROLLBACK");
	return code;
}

static int
migrate_file(sqlite3 *sqlite, const char *path)
{
	int code, from;

	code = dbfile_schema_number(sqlite, &from);
	if (code != OK || from == schema_steps_count)
		return code;
	if (from > schema_steps_count)
		return fail(ERR_SCHEMA, "%s has schema %d, newer than %d", path,
		    from, schema_steps_count);
	if (from > 0)
		code = migrate_copy(sqlite, path, from);
	if (code == OK)
		code = dbfile_exec(sqlite, "PRAGMA journal_mode = WAL");
	return code == OK ? migrate_steps(sqlite, from) : code;
}

int
db_migrate(const char *path)
{
	sqlite3 *sqlite = NULL;
	int lock = -1;
	int code;

	code = dbfile_create(path);
	if (code == OK || code == ERR_EXISTS)
		code = dbfile_open_lock(path, &lock);
	/* held to the end: no program writes between the copy and the change */
	if (code == OK)
		code = dbfile_lock(lock);
	if (code == OK)
		code = dbfile_open(path, SQLITE_OPEN_READWRITE, &sqlite);
	if (code == OK)
		code = migrate_file(sqlite, path);
	sqlite3_close(sqlite);
	if (lock >= 0)
		close(lock);
	return code;
}
