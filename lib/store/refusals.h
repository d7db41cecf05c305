/*
 * Refused devices in the activity log ("device.refuse").
 *
 * Anybody can cause any number of refusals, and an entry of the chain is never
 * changed or removed. So there are at most two for each day (UTC), code and device:
 * one at the first refusal, with its reason and address, and, if there were more,
 * one with their number, which the worker adds once the day is over.
 *
 * A device has entries of its own only if it proved its identity: by its enrollment,
 * its certificate or a message that Apple's device CA vouches for. All others count
 * as one device with no serial number, so that strangers add some dozens of entries a
 * day, however many they are. So do devices beyond the first REFUSALS_DEVICES rows of
 * a day, lest a change of settings that refuses all hosts, or hosts that were taken
 * over, fill the log. The event log (store/events.h) has each refusal, for as long as
 * its bounds allow.
 */
#ifndef STORE_REFUSALS_H
#define STORE_REFUSALS_H

#include "store/events.h"

#define REFUSALS_DEVICES 1000

/*
 * In the write transaction that adds the row: notes a refusal. Adds an activity
 * when it is the first of its day, code and device.
 */
int refusals_note(struct db *db, const struct event_row *row);

/*
 * In a write transaction. Takes at most `limit` counts of days before that of `now`:
 * adds an activity for each that is above 1, and deletes it. *deleted is their
 * number.
 */
int refusals_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
