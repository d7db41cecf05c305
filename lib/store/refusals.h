/*
 * Refused devices in the activity log ("device.refuse").
 *
 * Anybody may be refused as often as he likes, and no entry of the chain can be
 * taken back or changed. So there are two at most for each day (UTC), code and
 * device: one at the first refusal, with its reason and address, and, if there
 * were more, one with their number, which the worker adds once the day is over. A
 * device counts by itself only when
 * it proved to be it: by its enrollment, its certificate or a message that Apple's
 * device CA vouches for; all others count together, so that strangers add some
 * dozens of entries a day, however many they are. So do devices beyond the first
 * REFUSALS_DEVICES rows of a day, lest a change of settings that refuses all
 * hosts, or hosts that were taken over, fill the log. The event log
 * (store/events.h) has each refusal by itself, for as long as its bounds allow.
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
 * In a write transaction. Adds an activity for what was refused more than once on
 * days that are over, and deletes their rows, at most `limit`.
 */
int refusals_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
