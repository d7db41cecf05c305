/* A host, the push that it is due, and what becomes of it. */
#ifndef UNIT_PUSHFIX_H
#define UNIT_PUSHFIX_H

#include "store/pushes.h"
#include "unit/storefix.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

struct pushfix {
	struct db *db;
	struct host host;
	/* the last one that was taken or loaded */
	struct push push;
};

/* The enrolled host S1 of topic t; and one for which the command A waits. */
struct pushfix pushfix_host(void **state);
struct pushfix pushfix_queued(void **state);

/* Seconds until its push is due; -1: none is. */
int64_t pushfix_due(struct pushfix *f);

void pushfix_load(struct pushfix *f);

/* A command for it, by its UUID, and for any host. */
void pushfix_queue(struct pushfix *f, const char *uuid);
void pushfix_queue_for(
    struct db *db, const struct host *host, const char *uuid);

/* Takes what is due, which is one push or none. */
bool pushfix_take(struct pushfix *f);

/* What came of it: 200 for PUSH_ACCEPTED, else 500; or 410 since then. */
void pushfix_store(struct pushfix *f, enum push_outcome outcome);
void pushfix_store_dead(struct pushfix *f, int64_t since);

/* It is taken, and that came of it. */
void pushfix_send(struct pushfix *f, enum push_outcome outcome);

void pushfix_token_update(struct pushfix *f, const char *token);

/* How many hosts that were silent for long are due now. */
int pushfix_want_silent(struct pushfix *f);

int pushfix_alarms(struct db *db, const char *kind);

#endif
