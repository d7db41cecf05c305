#include "store/dbvfs.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define NAME "attestmdm"

static sqlite3_vfs *unix_vfs;

/* What SQLite makes beside a database. */
static bool
is_beside(const char *path)
{
	static const char *const ends[] = { "-journal", "-wal", "-shm" };
	size_t i, n = strlen(path), m;

	for (i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		m = strlen(ends[i]);
		if (n > m && strcmp(path + n - m, ends[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Only a transaction over several databases has a super-journal, and there is
 * no ATTACH here. Whoever may write beside the database can still leave a
 * journal that names one, anywhere: rolling that journal back deletes it.
 */
static int
open_nofollow(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
    int *out_flags)
{
	(void)vfs;
	if (flags & SQLITE_OPEN_SUPER_JOURNAL) {
		file->pMethods = NULL;
		log_line(LOG_ERROR, "the journal of the database names %s", path);
		return SQLITE_CANTOPEN;
	}
	return unix_vfs->xOpen(unix_vfs, path, file, flags, out_flags);
}

static int delete (sqlite3_vfs *vfs, const char *path, int sync)
{
	(void)vfs;
	if (!is_beside(path)) {
		log_line(LOG_ERROR, "not deleted for the database: %s", path);
		return SQLITE_IOERR_DELETE;
	}
	return unix_vfs->xDelete(unix_vfs, path, sync);
}

/* A rollback looks for the super-journal before it changes anything. */
static int
access_nofollow(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	(void)vfs;
	*out = 0;
	if (!is_beside(path)) {
		log_line(LOG_ERROR, "the journal of the database names %s", path);
		return SQLITE_IOERR_ACCESS;
	}
	return unix_vfs->xAccess(unix_vfs, path, flags, out);
}

/* SQLite's own would refuse links in the path of the folder, too. */
static int
full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX], real[PATH_MAX], whole[PATH_MAX];
	int n;

	(void)vfs;
	n = slash == NULL ? snprintf(folder, sizeof folder, ".")
			  : snprintf(folder, sizeof folder, "%.*s/",
				(int)(slash - path), path);
	if ((size_t)n >= sizeof folder ||
	    realpath(folder, real) == NULL)
		return SQLITE_CANTOPEN;
	n = snprintf(whole, sizeof whole, "%s/%s", real,
	    slash == NULL ? path : slash + 1);
	if ((size_t)n >= sizeof whole)
		return SQLITE_CANTOPEN;
	return unix_vfs->xFullPathname(unix_vfs, whole, size, out);
}

const char *
dbvfs_name(void)
{
	static sqlite3_vfs vfs;

	if (sqlite3_vfs_find(NAME) != NULL)
		return NAME;
	/* by its name: a default that somebody registered may be another */
	if ((unix_vfs = sqlite3_vfs_find("unix")) == NULL)
		return NULL;
	vfs = *unix_vfs;
	vfs.pNext = NULL;
	vfs.zName = NAME;
	vfs.xOpen = open_nofollow;
	vfs.xDelete = delete;
	vfs.xAccess = access_nofollow;
	vfs.xFullPathname = full_path;
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? NAME : NULL;
}
