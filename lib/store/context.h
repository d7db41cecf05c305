/*
 * The request in hand: what every step of it needs, and how it is recorded in
 * the event log. A program fills it in when a request arrives; whoever finds
 * out which enrollment or device it is about adds that.
 */
#ifndef STORE_CONTEXT_H
#define STORE_CONTEXT_H

#include <stdbool.h>

#include "base/conf.h"
#include "store/db.h"

struct context {
	const struct conf *conf;
	struct db *db;
	const char *remote_address;
	/* for the event log: "profile", "order", "authenticate", … */
	const char *step;
	/* "" until the sender has proved that it is its own */
	char enrollment_id[DB_ID_TEXT];
	char serial[DB_SERIAL_TEXT];
	/* a serial number that the sender gave and nothing proves, see events.h
	 */
	char claimed[DB_SERIAL_TEXT];
	/* Apple's device CA vouches for who gave `serial`, see events.h */
	bool is_signed;
	/* its outcome is in the event log */
	bool logged;
};

/*
 * The request's transaction, as db_begin() and db_end(). What was logged in one
 * that failed is not logged.
 */
int context_begin(struct context *c);
int context_end(struct context *c, int r);

/*
 * Adds what the step came to, inside the open transaction: OK, or a refusal
 * that the transaction itself records. `reason` is for people; NULL is "".
 */
int context_log(struct context *c, int code, const char *reason);

/*
 * Ends a refused request: rolls back, then adds the refusal with log_reason()
 * to the event log in a transaction of its own, which does not wait for the
 * disk. ERR_ENROLL_DOWNGRADE and ERR_ENROLL_OTHER_DEVICE then raise the alarm of
 * the serial number. Does nothing when the outcome is logged already. Returns
 * `code`; a failure here only warns.
 */
int context_refuse(struct context *c, int code);

/* The same; `also` does its part of the refusal in that transaction. */
int context_refuse_with(
    struct context *c, int code, int (*also)(void *arg), void *arg);

#endif
