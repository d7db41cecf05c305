/* Which rows of the event log give way to which; events.h says the rules. */
#ifndef STORE_EVENT_POOLS_H
#define STORE_EVENT_POOLS_H

#include "store/events.h"

/* Fills in the pool of what is to be added, its key there, and the network. */
int event_pools_find(
    struct db *db, const struct event *e, struct event_row *row);

/* Deletes what gives way to a row that was added. */
int event_pools_trim(struct db *db, const struct event_row *row);

#endif
