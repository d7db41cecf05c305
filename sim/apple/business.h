/*
 * A stand-in for the device enrollment service of Apple Business: HTTPS with
 * JSON, OAuth 1.0a sessions whose token rotates, lists in pages, profiles and
 * their assignment. Everything that it was asked is in DIR/requests.log, each
 * definition of a profile in DIR/profiles.log, each device that a profile was
 * assigned to or taken from in DIR/assignments.log.
 *
 * A script's answers are for a path such as /devices/sync. In addition to
 * "answer" and "times" they have either
 *
 *	status, and error (a word), body, retry_after (seconds), location
 *
 * or do: "stall" (no answer), "close" (the connection ends), "freeze",
 * "truncate" (half an answer), "drip" (a byte every `milliseconds`, 100 if
 * absent), "huge" (`megabytes` of JSON, 100 if absent), "empty" (a list without
 * devices, though there are some). An answer for a serial number, or for
 * "serials", has the `result` of its assignment: FAILED, NOT_ACCESSIBLE, or
 * THROTTLED with retry_after_seconds.
 *
 * Other lines change devices, with "account" unless it is the first one:
 *
 *	{"add":SERIAL, …}, {"modify":SERIAL, …}, {"delete":SERIAL},
 *	{"record":SERIAL, …} (only notes a change)
 *
 * where "count" and "first" make many serial numbers of a prefix, "op_type" and
 * "op_date" (seconds since 1970) say how the change is written, and other
 * members go into the record. {"now":"expire"} ends all sessions, {"now":
 * "restart"} makes them unknown. {"set":NAME,"value":V} switches:
 *
 *	rotate        a new session token with every so many answers (10); 0:
 *never session       seconds for which a session is good (180) page most
 *devices in a page (1000) verbs         PUT, POST or both, to assign (both)
 *	quoted        1: words of errors are in quotes
 *	mixed_case    0: op_type is always lower case
 *	duplicates    1: records come twice
 *	unknown_keys  0: none in records
 *	terms         1: new terms have to be accepted
 */
#ifndef BUSINESS_H
#define BUSINESS_H

/* What it begins with. */
struct business_plan {
	const char *dir;
	const char *accounts; /* names with commas; devices are in the first */
	const char *prefix;   /* of their serial numbers, as a fleet has them */
	long first;
	long devices;
	long port;
};

/* Serves until SIGTERM. */
int business_run(const struct business_plan *plan);

#endif
