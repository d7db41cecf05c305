/* The activity log as an administrator searches and exports it. */
#ifndef ADMIN_ACTIVITY_H
#define ADMIN_ACTIVITY_H

#include "base/buf.h"
#include "store/activities.h"

/*
 * One end of a period, in seconds since 1970: "2026-11-23", a day in UTC, or
 * "2026-11-23T21:30:00Z" (RFC 3339). With `is_end` a day is included: *out is its
 * end. NULL and "" are 0. ERR_FIELD.
 */
int admin_activity_time(const char *text, bool is_end, int64_t *out);

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
