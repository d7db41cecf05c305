/*
 * The device list of one account of Apple Business: a full fetch, then the
 * changes since its cursor (Apple: "Get a List of Devices", "Sync the List of
 * Devices"). Each page and the cursor after it are stored in one transaction,
 * so that a run that was killed goes on where it was.
 *
 * A device is taken away by a record of deletion, or by a full fetch that ended
 * without it; when more than one in twenty of the account went in seven days,
 * none is, until an administrator says so.
 */
#ifndef NET_ADE_SYNC_H
#define NET_ADE_SYNC_H

#include "net/ade_service.h"
#include "store/ade_accounts.h"

/* Between two runs, and between two full fetches. */
#define ADE_SYNC_SECONDS  1800
#define ADE_FETCH_SECONDS INT64_C(604800)
/* Devices that are asked for at once, unless the service wants less. */
#define ADE_SYNC_PAGE 1000

/* code is OK when the list is up to date. */
typedef void ade_sync_done(void *arg, int code);

struct ade_sync {
	struct ade_service *service;
	struct db *db;
	/* as stored */
	struct ade_account account;
	int64_t page_max;
	/* the cursor was refused once, and a full fetch began */
	bool restarted;
	int pages;
	ade_sync_done *done;
	void *arg;
};

/*
 * Synchronizes the account of that row; `service` has its token. All that comes
 * of it is stored, logged once, and raises or closes the account's alarms,
 * before done(arg, code) comes exactly once, later.
 */
void ade_sync_start(struct ade_sync *sync, struct ade_service *service,
    struct db *db, const struct ade_account *account, ade_sync_done *done,
    void *arg);

/*
 * Stores that a run failed, or could not begin, and raises an alarm, unless the
 * failure may pass by itself and happened less than three times in a row.
 * `reason` is a sentence, which is logged; "" when the failure was logged where
 * it was noticed. `retry_after` is in seconds, 0 when the service asks for
 * none. Returns `code`.
 */
int ade_sync_failed(struct db *db, const struct ade_account *account, int code,
    const char *reason, int64_t retry_after);

/*
 * The reason of a failure as its account keeps it, from a `reason` as above;
 * `run` names what failed, in the log.
 */
void ade_sync_explain(const char *run, const char *account, int code,
    const char *reason, char out[ADE_ERROR_TEXT]);

/*
 * When to try again after this many failures in a row: from 30 seconds to 30
 * minutes, with some chance, so that servers do not come all at once; an hour
 * for what an administrator has to do first.
 */
int64_t ade_sync_next_try(int code, int failures, int64_t retry_after);

/*
 * Has a time come that ade_sync_next_try() or an answer of Apple's set? So has one
 * that is further ahead than it can be: the clock was wrong when it was set.
 */
bool ade_sync_has_come(int64_t at);

#endif
