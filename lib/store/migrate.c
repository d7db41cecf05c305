#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/aside.h"
#include "base/log.h"
#include "store/activity_chain.h"
#include "store/db.h"
#include "store/dbfile.h"
#include "store/dbindex.h"
#include "store/schema.h"

/*
 * The copy gets its name only when it is whole and on the disk. A run that is
 * killed leaves a file named .new, which the next run overwrites. An earlier copy
 * stays, under another name.
 */
static int
copy_first(sqlite3 *sqlite, const char *path, int from)
{
	struct buf copy, beside;
	int r;

	buf_init(&copy, 4096);
	buf_init(&beside, 4096);
	r = buf_printf(&copy, "%s.schema-%d", path, from);
	if (r == OK)
		r = buf_printf(&beside, "%s.new", buf_str(&copy));
	if (r == OK)
		r = dbfile_copy(sqlite, buf_str(&beside));
	if (r == OK)
		r = aside_put(AT_FDCWD, buf_str(&copy), "");
	if (r == OK && rename(buf_str(&beside), buf_str(&copy)) != 0)
		r = fail(ERR_IO, "%s: %s", buf_str(&copy), strerror(errno));
	if (r == OK)
		r = dbfile_sync_folder(buf_str(&copy));
	buf_release(&beside);
	buf_release(&copy);
	return r;
}

static int
mark(sqlite3 *sqlite)
{
	char sql[96];

	/* PRAGMA takes no parameters; both numbers are our constants */
	snprintf(sql, sizeof sql,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d",
	    DBFILE_APPLICATION_ID, schema_steps_count);
	return dbfile_exec(sqlite, sql);
}

static int
steps(sqlite3 *sqlite, int from)
{
	int r;

	r = dbfile_exec(sqlite, "BEGIN IMMEDIATE");
	if (r == OK)
		r = dbindex_make_table(sqlite);
	for (int i = from; r == OK && i < schema_steps_count; i++) {
		log_line(LOG_NOTICE, "schema step %s", schema_steps[i].name);
		r = dbfile_exec(sqlite, schema_steps[i].sql);
	}
	if (r == OK)
		r = dbindex_make_triggers(sqlite);
	if (r == OK)
		r = mark(sqlite);
	if (r == OK)
		r = dbfile_exec(sqlite, "COMMIT");
	if (r != OK && !sqlite3_get_autocommit(sqlite))
		dbfile_exec(sqlite, "ROLLBACK");
	return r;
}

static int
file(sqlite3 *sqlite, const char *path)
{
	int r, from;

	r = dbfile_schema_number(sqlite, &from);
	if (r != OK || from == schema_steps_count)
		return r;
	if (from > schema_steps_count)
		return fail(ERR_SCHEMA, "%s has schema %d, newer than %d", path,
		    from, schema_steps_count);
	if (from > 0)
		r = copy_first(sqlite, path, from);
	if (r == OK)
		r = dbfile_exec(sqlite, "PRAGMA journal_mode = WAL");
	return r == OK ? steps(sqlite, from) : r;
}

/* Activities from before there was a chain, whatever comes after. */
static int
chain_activities(const char *path)
{
	struct db *db;
	int r, taken = 0;

	if ((r = db_open(path, DB_DURABLE, &db)) == OK)
		r = activity_chain_adopt(db, &taken);
	db_close(db);
	if (r == OK && taken > 0)
		log_line(
		    LOG_NOTICE, "%d activities are in the chain now", taken);
	return r;
}

int
db_migrate(const char *path)
{
	sqlite3 *sqlite = NULL;
	int lock = -1;
	int r;

	r = dbfile_create(path);
	if (r == OK || r == ERR_EXISTS)
		r = dbfile_open_lock(path, &lock);
	/* held to the end: no program writes between the copy and the change */
	if (r == OK)
		r = dbfile_lock(lock);
	if (r == OK)
		r = dbfile_open(path, SQLITE_OPEN_READWRITE, &sqlite);
	if (r == OK)
		r = file(sqlite, path);
	sqlite3_close(sqlite);
	if (lock >= 0)
		close(lock);
	return r == OK ? chain_activities(path) : r;
}
