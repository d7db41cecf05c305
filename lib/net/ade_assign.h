/*
 * Gives the devices of one account of Apple Business the enrollment profile
 * that is wanted: defines it there when it changed (profiles cannot be edited),
 * and assigns it to each device that has another one (Apple: "Define a
 * Profile", "Assign a Profile").
 *
 * What is about to be assigned is noted first, so that after a run that was
 * killed, or whose answer was lost, the service is asked what became of it and
 * no device is assigned twice.
 */
#ifndef NET_ADE_ASSIGN_H
#define NET_ADE_ASSIGN_H

#include "net/ade_service.h"
#include "store/ade_accounts.h"

/* code is OK when nothing is left to do at once. */
typedef void ade_assign_done(void *arg, int code);

struct ade_assign {
	struct ade_service *service;
	struct db *db;
	/* as stored */
	struct ade_account account;
	struct buf definition;
	uint8_t sha256[SECRET_SHA256];
	/* those that the call under way is about */
	struct ade_device_list batch;
	char after[DB_SERIAL_TEXT];
	/* PUT was refused */
	bool by_post;
	ade_assign_done *done;
	void *arg;
};

/*
 * Is there something to assign now, or is the profile of that account not the
 * one that is wanted? False while nobody approved it. ERR_CONFIG, ERR_DB,
 * ERR_NOMEM.
 */
int ade_assign_is_due(struct db *db, const struct conf *conf,
    const struct ade_account *account, bool *out);

/*
 * Assigns; otherwise as ade_sync_start(). The caller does not free `a` before
 * done(arg, code), which comes exactly once.
 */
void ade_assign_start(struct ade_assign *a, struct ade_service *service,
    struct db *db, const struct ade_account *account, ade_assign_done *done,
    void *arg);

/* As ade_sync_failed(). */
int ade_assign_failed(struct db *db, const struct ade_account *account,
    int code, const char *reason, int64_t retry_after);

#endif
