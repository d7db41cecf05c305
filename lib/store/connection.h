/* A connection to SQLite, for db.c, sql.c and rowmac.c. */
#ifndef STORE_CONNECTION_H
#define STORE_CONNECTION_H

#include <sqlite3.h>
#include <sys/types.h>

#include "store/db.h"

struct prepared;

struct db {
	sqlite3 *sqlite;
	int lock_fd;
	pid_t owner;
	enum db_mode mode;
	bool writing;
	/* commits do not wait for the disk at the moment, though mode is
	 * DB_DURABLE */
	bool relaxed;
	/* nanoseconds: when the last write began, how long it was open */
	int64_t write_began;
	int64_t write_took;
	/* of the write-ahead log, after the last commit */
	int log_pages;
	/* see db_wake() */
	bool wakes;
	/* what is logged when the transaction is committed */
	char note[512];
	/* see rowmac.h */
	bool has_row_key;
	uint8_t row_key[SECRET_SHA256];
	/* see sql.h */
	/* see sql_work() */
	int64_t work;
	struct prepared *prepared;
	size_t prepared_count;
};

/* Finalizes the prepared statements. */
void sql_forget(struct db *db);

#endif
