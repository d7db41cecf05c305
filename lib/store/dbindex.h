/*
 * What schema/README asks of an engine for searching and counting hosts, as
 * SQLite does it; nobody outside this folder includes it.
 */
#ifndef STORE_DBINDEX_H
#define STORE_DBINDEX_H

#include <sqlite3.h>

/* Gives a connection the SQL function fold(), which is datum_fold(). ERR_DB. */
int dbindex_connect(sqlite3 *sqlite);

/* Makes the table host_index if there is none yet: before the steps. */
int dbindex_make_table(sqlite3 *sqlite);

/*
 * Makes the triggers that keep host_counts and ade_device_counts: after the
 * steps.
 */
int dbindex_make_triggers(sqlite3 *sqlite);

/*
 * Compares the index with the texts it is made of. ERR_CONFLICT, unlogged, when
 * it needs dbindex_rebuild(); ERR_DB.
 */
int dbindex_check(sqlite3 *sqlite);

/* Makes the index anew from the texts, in a transaction of the caller. */
int dbindex_rebuild(sqlite3 *sqlite);

#endif
