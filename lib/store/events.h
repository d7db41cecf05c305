/*
 * The event log of every attempt to enroll and of what a device did later, step
 * by step: the only diagnosis an administrator gets, for the device shows its
 * user nothing.
 *
 * It is bounded, however much anybody sends. With an enrollment, which only its
 * device knows, or from no address, which is our own doing: the newest 50 rows
 * per enrollment (or serial number) of one step with one code. All other rows
 * come from senders who did not prove who they are, and are kept in three
 * pools:
 *
 * - signed: the serial number is assigned to us or has a host, and stands in a
 *   message that a key signed which Apple's device CA vouches for. Per serial
 *   number EVENTS_PER_SERIAL rows, of which the network with the most gives way
 *   first, and of one network, step and code the newest 10.
 * - known: as before, but the sender merely names the serial number.
 * - unknown: all others. Per network the newest EVENTS_PER_NETWORK rows.
 *
 * Each pool has about EVENTS_POOL rows at most; beyond that the serial number
 * or network with the most rows gives way first, or the oldest rows when none
 * has 16. A row takes less than 1,250 bytes with its indexes, so that a pool
 * takes less than 25 MB. A network is a /24 of IPv4 or a /48 of IPv6.
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "base/network.h"
#include "store/db.h"

#define EVENTS_REASON_TEXT 512
#define EVENTS_PER_SERIAL  100
#define EVENTS_PER_NETWORK 1000
#define EVENTS_POOL        20000

enum event_pool {
	EVENT_POOL_NONE,
	EVENT_POOL_SIGNED,
	EVENT_POOL_KNOWN,
	EVENT_POOL_UNKNOWN,
};

enum event_outcome { EVENT_OK, EVENT_REFUSED, EVENT_FAILED };

/* What is added; NULL texts are "". */
struct event {
	const char *enrollment_id;
	const char *serial;
	/*
	 * The serial number that a sender who proved nothing gave. It only
	 * decides which pool the row counts in; the row is not listed under it.
	 * NULL: `serial` decides. Not stored.
	 */
	const char *claimed;
	/* Apple's device CA vouches for whoever named the serial number. */
	bool is_signed;
	/* "profile", "account", "order", "challenge", "finalize", … */
	const char *step;
	enum event_outcome outcome;
	/* OK or the code of err.def; stored by its name */
	int code;
	/* for people, usually log_reason(); cut at 500 bytes */
	const char *reason;
	const char *remote_address;
};

struct event_row {
	int64_t id;
	int64_t at;
	char enrollment_id[DB_ID_TEXT];
	char serial[DB_SERIAL_TEXT];
	char step[33];
	enum event_outcome outcome;
	/* name from err.def without ERR_, or "" */
	char code[33];
	char reason[EVENTS_REASON_TEXT];
	char remote_address[DB_ADDRESS_TEXT];
	enum event_pool pool;
	/* the serial number or network by which the pool bounds it */
	char pool_key[DB_SERIAL_TEXT];
	char network[NETWORK_TEXT];
};

struct event_list {
	struct event_row *rows;
	size_t n;
	/* of events_list_refusals(): what `before` has to be for the next page;
	 * 0: this is the last */
	int64_t next;
};

/* What a step that ended with this code is: OK, refused, or failed by a fault of
 * ours or of the device. */
enum event_outcome events_outcome(int code);

const char *events_outcome_name(enum event_outcome outcome);
const char *events_pool_name(enum event_pool pool);

/* Adds a row, at the time of now. */
int events_add(struct db *db, const struct event *e);

/*
 * events_add() in a transaction of its own, for the answer to a refusal, when
 * the request's own transaction is over. Does not wait for the disk, so that
 * refusals are cheap: the log has them too. ERR_INTERNAL inside a transaction.
 */
int events_note(struct db *db, const struct event *e);

/* Oldest first, all there are. */
int events_list_by_enrollment(
    struct db *db, const char *enrollment_id, struct event_list *out);

/* Was the last step of this enrollment refused, or did it fail? */
int events_ended_badly(struct db *db, const char *enrollment_id, bool *out);

/* Newest first, with and without enrollment. */
int events_list_by_serial(
    struct db *db, const char *serial, int limit, struct event_list *out);

/* Refusals, and as many failures, that are searched for one page. */
#define EVENTS_LOOKED_AT 2000

/*
 * Refusals and failures, newest first, ids below `before` only (0: from the
 * newest); `search` in serial number, step, code, reason and address, of the
 * newest EVENTS_LOOKED_AT. `next` goes on, also when none of them matched.
 */
int events_list_refusals(struct db *db, const char *search, int64_t before,
    int limit, struct event_list *out);
void events_list_release(struct event_list *list);

/* Deletes at most `limit` rows older than `days` days. */
int events_purge(
    struct db *db, int64_t now, int days, int limit, int *deleted);

#endif
