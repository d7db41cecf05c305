#include "store/context.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "store/alarms.h"
#include "store/events.h"

int
context_begin(struct context *c)
{
	c->logged = false;
	return db_begin(c->db);
}

int
context_end(struct context *c, int r)
{
	r = db_end(c->db, r);
	if (r != OK)
		c->logged = false;
	return r;
}

int
context_log(struct context *c, int code, const char *reason)
{
	struct event e = {
		.enrollment_id = c->enrollment_id,
		.serial = c->serial,
		.claimed = c->claimed[0] == '\0' ? NULL : c->claimed,
		.is_signed = c->is_signed,
		.step = c->step,
		.outcome = code == OK ? EVENT_OK : events_outcome(code),
		.code = code,
		.reason = reason,
		.remote_address = c->remote_address,
	};
	int r = events_add(c->db, &e);

	c->logged = r == OK;
	return r;
}

/*
 * In the transaction. Both codes mean that the sender may be another device
 * than it says. They are about serial numbers that are known here, which bounds
 * the number of alarms.
 */
static int
raise_alarm(struct context *c, int code, const char *reason)
{
	if (c->serial[0] == '\0' ||
	    (code != ERR_ENROLL_DOWNGRADE && code != ERR_ENROLL_OTHER_DEVICE))
		return OK;
	return alarms_raise(c->db,
	    code == ERR_ENROLL_DOWNGRADE ? ALARM_DOWNGRADE_REFUSED
					 : ALARM_HELD_FOR_REVIEW,
	    c->serial, c->serial, reason);
}

int
context_refuse(struct context *c, int code)
{
	return context_refuse_with(c, code, NULL, NULL);
}

int
context_refuse_with(
    struct context *c, int code, int (*also)(void *arg), void *arg)
{
	char reason[EVENTS_REASON_TEXT];
	int r;

	/* What fails from here on must not replace the reason. */
	snprintf(reason, sizeof reason, "%s",
	    log_reason()[0] == '\0' ? err_text(code) : log_reason());
	if (db_in_transaction(c->db))
		context_end(c, code);
	/* Nobody waits for a busy database a second time. */
	if (c->logged || code == ERR_BUSY)
		return code;
	if ((r = db_begin_relaxed(c->db)) == OK) {
		if (also != NULL)
			r = also(arg);
		if (r == OK)
			r = context_log(c, code, reason);
		if (r == OK)
			r = raise_alarm(c, code, reason);
		r = context_end(c, r);
	}
	if (r != OK)
		log_line(LOG_WARN, "a refusal is missing in the event log");
	return code;
}
