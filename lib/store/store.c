#include "store/store.h"

#include "store/alarms.h"
#include "store/activities.h"
#include "store/browsers.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/enrollment_links.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/nonces.h"
#include "store/sessions.h"
#include "store/events.h"

/* Rows in one transaction: so few that it takes a few milliseconds. */
#define BATCH 100

typedef int purge_fn(struct db *, int64_t, int, int *);

static purge_fn *const purges[] = {
	nonces_purge,
	sessions_purge,
	browsers_purge,
	certificates_purge,
	enrollment_links_purge,
	events_purge,
	commands_purge,
	hosts_purge,
	activities_purge,
	alarms_purge,
};

/* One transaction of `purge`, or of enrollments_purge() when that is NULL. */
static int
purge_step(
    struct db *db, purge_fn *purge, int64_t now, int *deleted, bool *more)
{
	int seen = 0, code;

	*deleted = 0;
	if ((code = db_begin(db)) != OK)
		return code;
	if (purge != NULL) {
		code = purge(db, now, BATCH, deleted);
		seen = *deleted;
	} else {
		code = enrollments_purge(db, now, BATCH, deleted, &seen);
	}
	if (code == OK)
		code = db_commit(db);
	else
		db_rollback(db);
	*more = seen >= BATCH;
	return code;
}

static int
purge_all(struct db *db, purge_fn *purge, int64_t now, int64_t *deleted)
{
	bool more = true;
	int step, code;

	while (more) {
		code = purge_step(db, purge, now, &step, &more);
		if (code != OK)
			return code;
		*deleted += step;
		if (more)
			db_give_way(db);
	}
	return OK;
}

int
store_purge(struct db *db, int64_t now, int64_t *deleted)
{
	size_t i;
	int code;

	*deleted = 0;
	for (i = 0; i < sizeof(purges) / sizeof(purges[0]); i++)
		if ((code = purge_all(db, purges[i], now, deleted)) != OK)
			return code;
	/* enrollments, after the certificates, which refer to them */
	if ((code = purge_all(db, NULL, now, deleted)) != OK)
		return code;
	return db_shrink_log(db);
}
