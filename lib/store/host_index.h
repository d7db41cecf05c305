/* The text by which each host is found, in the engine's index (schema/README). */
#ifndef STORE_HOST_INDEX_H
#define STORE_HOST_INDEX_H

#include "store/db.h"

/* After a host was made, or its names or UDID changed; else does nothing. */
int host_index_put(struct db *db, const char *host_id);

/* Before a host is deleted. */
int host_index_remove(struct db *db, const char *host_id);

/*
 * How many hosts are not found by what their rows say, or counted wrongly. Reads
 * all of them.
 */
int host_index_check(struct db *db, int64_t *wrong);

/*
 * Makes texts and counts what they should be, and the index anew if it does not
 * fit the texts. *mended tells how much was wrong. In a transaction of its own.
 */
int host_index_mend(struct db *db, int64_t *mended);

#endif
