/*
 * The move of hosts to attested certificates that an administrator starts: one
 * at a time, done by the worker, and how far it is.
 */
#ifndef STORE_MOVES_H
#define STORE_MOVES_H

#include "store/db.h"

#define MOVES_ERROR_TEXT 256

struct move {
	int64_t started_at;
	char started_by[DB_ACTOR_TEXT];
	/* hosts that qualified when it began */
	int64_t planned;
	/* renewals that were opened, and hosts at which that failed */
	int64_t opened;
	int64_t failed;
	/* of the last failure */
	char last_error[MOVES_ERROR_TEXT];
	/* the last serial number that was looked at; "" at first */
	char after[DB_SERIAL_TEXT];
	/* when the worker resumes */
	int64_t next_at;
	/* 0: it is under way */
	int64_t ended_at;
	/* "" when it came to its end */
	char cancelled_by[DB_ACTOR_TEXT];
};

/* The last one. ERR_NOT_FOUND: there was none. */
int moves_load(struct db *db, struct move *out);

/* Begins one for `planned` hosts. ERR_CONFLICT: one is under way. */
int moves_begin(struct db *db, const char *actor, int64_t planned);

/*
 * Stores opened, failed, last_error, after and next_at of the one that is under
 * way and was started at m->started_at. ERR_CONFLICT: it is over.
 */
int moves_note(struct db *db, const struct move *m);

/*
 * The one under way that was started then is over; by an actor, or at its end
 * (""). ERR_CONFLICT: it is over already.
 */
int moves_end(struct db *db, int64_t started_at, const char *actor);

#endif
