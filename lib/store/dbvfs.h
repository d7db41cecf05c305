/* SQLite's access to files, bounded; nobody outside this folder includes it. */
#ifndef STORE_DBVFS_H
#define STORE_DBVFS_H

#include <sqlite3.h>

/*
 * The name of a VFS, registered at the first call, for every connection. It is
 * SQLite's own for Unix, except that
 * - of files beside a database it accesses and deletes only those that end in
 *   -journal, -wal or -shm, whatever a journal says, and opens no
 *   super-journal. That refuses a planted journal, which would have SQLite
 *   delete the file it names;
 * - links are followed in the path of the folder only: with
 *   SQLITE_OPEN_NOFOLLOW a database that is a symbolic link is refused, and
 *   one below a linked folder is not.
 * NULL when there is no memory.
 */
const char *dbvfs_name(void);

#endif
