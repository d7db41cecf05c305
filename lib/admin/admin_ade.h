/*
 * Which devices are assigned to us in Apple Business, as an administrator says
 * so: lists of serial numbers, and devices that are not ours any more.
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
	/* the first of them when nothing was imported for it; else 0 */
	long refused;
};

/*
 * Assigns the devices of a list: CSV with or without a heading, or JSON as
 * Apple's device list and its changes have them, which also remove devices. All
 * of the list is read before anything is written. Then it is written in steps,
 * so that others get their turn; what was cut short is repeated, with the same
 * result. `text` is changed. ERR_FIELD: a line without a serial number, unless
 * `skip_bad`; ERR_MALFORMED; ERR_ROLE.
 */
int admin_ade_import(const struct admin_actor *actor, struct buf *text,
    bool skip_bad, struct admin_ade_result *out);

/* Removes devices, all or none. ERR_FIELD; ERR_NOT_FOUND: not assigned. */
int admin_ade_remove(
    const struct admin_actor *actor, const char *const *serials, int n);

#endif
