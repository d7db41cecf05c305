#include "store/store.h"

#include "store/alarms.h"
#include "store/activities.h"
#include "store/browsers.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/enrollment_links.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/logins.h"
#include "store/nonces.h"
#include "store/sessions.h"
#include "store/events.h"

/* Rows in one transaction: so few that it takes a few milliseconds. */
#define BATCH 100

typedef int purge_fn(struct db *, int64_t, int, int *);

static purge_fn *const purges[] = {
	nonces_purge,
	sessions_purge,
	logins_purge,
	browsers_purge,
	certificates_purge,
	enrollment_links_purge,
	events_purge,
	commands_purge,
	hosts_purge,
	activities_purge,
	alarms_purge,
};

static int
purge_all(struct db *db, purge_fn *purge, int64_t now, int64_t *deleted)
{
	int gone, r;

	for (;;) {
		if ((r = db_begin(db)) == OK)
			r = db_end(db, purge(db, now, BATCH, &gone));
		if (r != OK)
			return r;
		*deleted += gone;
		if (gone < BATCH)
			return OK;
		db_give_way(db);
	}
}

static int
purge_enrollments(struct db *db, int64_t now, int64_t *deleted)
{
	int gone, seen, r;

	for (;;) {
		if ((r = db_begin(db)) == OK)
			r = db_end(db,
			    enrollments_purge(db, now, BATCH, &gone, &seen));
		if (r != OK)
			return r;
		*deleted += gone;
		if (seen < BATCH)
			return OK;
		db_give_way(db);
	}
}

int
store_purge(struct db *db, int64_t now, int64_t *deleted)
{
	int r = OK;

	*deleted = 0;
	for (size_t i = 0; i < sizeof purges / sizeof purges[0] && r == OK; i++)
		r = purge_all(db, purges[i], now, deleted);
	/* after the certificates, which refer to them */
	if (r == OK)
		r = purge_enrollments(db, now, deleted);
	return r == OK ? db_shrink_log(db) : r;
}
