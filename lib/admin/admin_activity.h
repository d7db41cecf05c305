/* Activities as an administrator asks for them and takes them elsewhere. */
#ifndef ADMIN_ACTIVITY_H
#define ADMIN_ACTIVITY_H

#include "store/activities.h"
#include "wire/out_json.h"

/*
 * One end of a stretch of time: "2026-11-23", a day in UTC, or
 * "2026-11-23T21:30:00Z" (RFC 3339). `is_end`: the time before which entries are
 * wanted, so that a day counts as a whole. NULL and "" are 0. ERR_FIELD.
 */
int admin_activity_time(const char *text, bool is_end, int64_t *out);

/* Writes the members of an entry into the object that is open. */
void admin_activity_members(struct out_json *json, const struct activity *a);

/* Appends the entry as one JSON object, without a line end. ERR_NOMEM. */
int admin_activity_json(const struct activity *a, struct buf *out);

/*
 * Appends the entry as a syslog message (RFC 5424), without a line end: facility
 * 13, log audit; the host's name; "attestmdm"; the action as MSGID; and the JSON
 * object as the message. ERR_NOMEM.
 */
int admin_activity_syslog(
    const struct activity *a, const char *host, struct buf *out);

#endif
