#include "store/context.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "store/alarms.h"
#include "store/events.h"
#include "store/push_certificate.h"

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
 * Two codes mean that the sender may be another device than it says. Whoever
 * causes them has a signed MachineInfo, a link, a challenge or a certificate of
 * ours, and the serial number is assigned to us or has a host, so that there is
 * one alarm for each at most. Without a topic nobody can enroll: that is one
 * alarm for all.
 */
static void
note_alarm(struct context *c, int code, const char *reason)
{
	if (code == ERR_NO_TOPIC)
		push_certificate_note_missing(c->db);
	if (c->serial[0] == '\0')
		return;
	if (code == ERR_ENROLL_DOWNGRADE)
		alarms_note(c->db, ALARM_DOWNGRADE_REFUSED, c->serial,
		    c->serial, reason);
	if (code == ERR_ENROLL_OTHER_DEVICE)
		alarms_note(c->db, ALARM_HELD_FOR_REVIEW, c->serial, c->serial,
		    reason);
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
		r = context_end(c, r);
	}
	if (r != OK)
		log_line(LOG_WARN, "a refusal is missing in the event log");
	/* On its own, so that neither takes the other with it. */
	note_alarm(c, code, reason);
	return code;
}
