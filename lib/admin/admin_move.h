/* "Move hosts to attested certificates now": started, watched and stopped. */
#ifndef ADMIN_MOVE_H
#define ADMIN_MOVE_H

#include "admin/admin_actor.h"
#include "store/moves.h"

/*
 * Has the worker renew every host that qualifies for an attested certificate and
 * has none, [renewal] per_run of them a minute; *planned is how many there are.
 * ERR_FIELD: attestation is not required. ERR_CONFLICT: a move is under way, or no
 * host qualifies. ERR_ROLE.
 */
int admin_move_start(const struct admin_actor *actor, int64_t *planned);

/*
 * Stops it; renewals that were opened go on. ERR_CONFLICT: none is under way;
 * ERR_ROLE.
 */
int admin_move_cancel(const struct admin_actor *actor);

/*
 * For the worker: stores the progress, and, unless `by` is NULL, that the move has
 * ended: "" when it is complete, else who stopped it. ERR_CONFLICT: it has ended
 * already.
 */
int admin_move_note(struct db *db, const struct move *m, const char *by);

#endif
