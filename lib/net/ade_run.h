/*
 * The two jobs about Apple Business, for all accounts one after the other: the
 * device lists, and the assignments. They share the sessions, so one waits for
 * the other.
 *
 * An account rests for ADE_RUN_REST seconds after each list and after each
 * assignment, whatever its row says: any program can write the row, and Apple
 * limits an organization that asks too often.
 */
#ifndef NET_ADE_RUN_H
#define NET_ADE_RUN_H

#include "base/conf.h"
#include "net/net.h"
#include "store/db.h"

#define ADE_RUN_REST 30

struct ade_run;

/* ERR_NOMEM. What is given is borrowed. */
int ade_run_new(struct net *net, struct db *db, const struct conf *conf,
    struct ade_run **out);

/* After net_close(): calls under way never end. NULL is fine. */
void ade_run_free(struct ade_run *run);

/* `text` says what was done, or which account failed and why. */
typedef void ade_run_done(void *arg, int code, const char *text);

/*
 * Fetches the lists of the accounts that are due, assigns what is due. What
 * fails is stored with its account and logged; the others go on, and done()
 * gets the first failure. It comes exactly once, perhaps before the return.
 * Must not be called again before.
 */
void ade_run_sync(struct ade_run *run, ade_run_done *done, void *arg);
void ade_run_assign(struct ade_run *run, ade_run_done *done, void *arg);

/*
 * Does an account that is due rest? It is left out of a run that begins now.
 * Errors of the database.
 */
int ade_run_sync_rests(struct ade_run *run, bool *out);
int ade_run_assign_rests(struct ade_run *run, bool *out);

#endif
