#include "store/store.h"

#include "store/accounts.h"
#include "store/alarms.h"
#include "store/audits.h"
#include "store/certificates.h"
#include "store/commands.h"
#include "store/enrollment_links.h"
#include "store/enrollments.h"
#include "store/hosts.h"
#include "store/nonces.h"
#include "store/orders.h"
#include "store/sessions.h"
#include "store/trails.h"

/* Small enough that a transaction takes a few milliseconds. */
#define BATCH 500

typedef int purge_fn(struct db *, int64_t, int, int *);

/* Children before parents: orders, their accounts, then the enrollments. */
static purge_fn *const purges[] = {
	nonces_purge,
	sessions_purge,
	orders_purge,
	accounts_purge,
	certificates_purge,
	enrollments_purge,
	enrollment_links_purge,
	trails_purge,
	commands_purge,
	hosts_purge,
	audits_purge,
	alarms_purge,
};

static int
purge_batch(struct db *db, purge_fn *purge, int64_t now, int *deleted)
{
	int code;

	*deleted = 0;
	code = db_begin(db);
	if (code == OK)
		code = purge(db, now, BATCH, deleted);
	if (code == OK)
		code = db_commit(db);
	else
		db_rollback(db);
	return code;
}

int
store_purge(struct db *db, int64_t now, int64_t *deleted)
{
	int batch, code = OK;

	*deleted = 0;
	for (size_t i = 0; i < sizeof(purges) / sizeof(purges[0]); i++) {
		do {
			code = purge_batch(db, purges[i], now, &batch);
			if (code != OK)
				return code;
			*deleted += batch;
		} while (batch == BATCH);
	}
	return OK;
}
