#include "store/store.h"

#include "store/alarms.h"
#include "store/activities.h"
#include "store/api_tokens.h"
#include "store/browsers.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/daily.h"
#include "store/enrollment_links.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/logins.h"
#include "store/nonces.h"
#include "store/refusals.h"
#include "store/sessions.h"
#include "store/sign_ins.h"
#include "store/events.h"

/* Rows in one transaction: so few that it takes a few milliseconds. */
#define BATCH 100

typedef int purge_fn(struct db *, int64_t, int, int *);

static purge_fn *const purges[] = {
	nonces_purge,
	sessions_purge,
	sign_ins_purge,
	logins_purge,
	browsers_purge,
	certificates_purge,
	enrollment_links_purge,
	commands_purge,
	hosts_purge,
	refusals_purge,
	alarms_purge,
	api_tokens_purge,
	daily_purge,
};

#define TABLES (sizeof purges / sizeof purges[0])

/* Behind the others: refusals add activities, certificates refer to enrollments. */
enum { EVENTS = TABLES, ACTIVITIES, ENROLLMENTS };

/* *seen below BATCH: there are no more. */
static int
purge_batch(struct db *db, const struct conf *conf, int64_t now, size_t table,
    int *deleted, int *seen)
{
	int r;

	if (table == ENROLLMENTS)
		return enrollments_purge(db, now, BATCH, deleted, seen);
	r = table == EVENTS
	    ? events_purge(db, now, conf->event_days, BATCH, deleted)
	    : table == ACTIVITIES
	    ? activities_purge(db, now, conf->activity_days, BATCH, deleted)
	    : purges[table](db, now, BATCH, deleted);
	*seen = *deleted;
	return r;
}

/* The day's figures are those of its last run. */
static int
end(struct db *db, int64_t now)
{
	int r;

	if ((r = db_begin_relaxed(db)) == OK)
		r = db_end(db, daily_note_hosts(db, now));
	return r == OK ? db_shrink_log(db) : r;
}

int
store_purge_step(struct db *db, const struct conf *conf, int64_t now,
    struct store_purge *at, bool *more)
{
	int deleted = 0, seen = 0, r;

	*more = at->table <= ENROLLMENTS;
	if (!*more)
		return end(db, now);
	if ((r = db_begin_relaxed(db)) == OK)
		r = db_end(db,
		    purge_batch(db, conf, now, at->table, &deleted, &seen));
	if (r != OK)
		return r;
	at->deleted += deleted;
	if (seen < BATCH)
		at->table++;
	return OK;
}

int
store_purge(
    struct db *db, const struct conf *conf, int64_t now, int64_t *deleted)
{
	struct store_purge at = { 0 };
	bool more;
	int r;

	while ((r = store_purge_step(db, conf, now, &at, &more)) == OK && more)
		db_give_way(db);
	*deleted = at.deleted;
	return r;
}
