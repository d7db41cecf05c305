/*
 * Devices assigned in Apple Business that an administrator, and not a
 * synchronization, adds and removes: from lists of serial numbers, and one by one.
 */
#ifndef ADMIN_ADE_H
#define ADMIN_ADE_H

#include "admin/admin_actor.h"
#include "base/buf.h"

/* What a list may hold, in bytes. */
#define ADMIN_ADE_LIST_MAX (32 * 1024 * 1024)

struct admin_ade_result {
	int assigned;
	int removed;
	/* lines or records without a serial number that were left out */
	int skipped;
	/*
	 * the number of the line or record, from 1, because of which nothing was
	 * imported; else 0
	 */
	long refused;
};

/*
 * Assigns the devices of a list: CSV with or without a heading, or JSON as
 * Apple's device list and its changes have them, which also remove devices. All
 * of the list is read before anything is written. It is written in several
 * transactions, so that other writers get their turn; after an interruption, run it
 * again, with the same result. `text` is overwritten. ERR_FIELD: a line without a
 * serial number, unless `skip_bad`; ERR_MALFORMED; ERR_ROLE.
 */
int admin_ade_import(const struct admin_actor *actor, struct buf *text,
    bool skip_bad, struct admin_ade_result *out);

/* Removes devices, all or none. ERR_FIELD; ERR_NOT_FOUND: not assigned. */
int admin_ade_remove(
    const struct admin_actor *actor, const char *const *serials, int n);

#endif
