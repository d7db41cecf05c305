/*
 * The activity log: who did what, when, from where, to which device, with the
 * value before and after. Entries are only added, and each is chained to the one
 * before by a hash (activity_chain.h).
 *
 * What anybody may cause, such as a wrong password, stands in the same list but
 * outside of the chain, so that it can be bounded.
 */
#ifndef STORE_ACTIVITIES_H
#define STORE_ACTIVITIES_H

#include "store/db.h"

/* Of each of before, after and detail; what is longer is cut. */
#define ACTIVITIES_TEXT 2001

/* Room for the id of a request. */
#define ACTIVITIES_REQUEST_TEXT 65

/* What is added; NULL texts are "". */
struct activity_note {
	/*
	 * an administrator's name, "cli:USER", or, when NULL, "program:NAME" with
	 * the name of this program
	 */
	const char *actor;
	/* "setting.set": a noun, a dot and what was done; or one word, "login" */
	const char *action;
	/* of the device that it concerns */
	const char *serial;
	/* the value or the state, where one was changed */
	const char *before;
	const char *after;
	/* for people */
	const char *detail;
};

struct activity {
	int64_t id;
	/* seconds since 1970 */
	int64_t at;
	char actor[DB_ACTOR_TEXT];
	char remote[DB_ADDRESS_TEXT];
	/* nginx's id of the request, as the log has it, or "" */
	char request[ACTIVITIES_REQUEST_TEXT];
	char action[DB_NAME_TEXT];
	char serial[DB_SERIAL_TEXT];
	const char *before;
	const char *after;
	const char *detail;
	/* false: outside of the chain */
	bool chained;
	uint8_t hash[SECRET_SHA256];
	void *memory;
};

struct activity_list {
	struct activity *rows;
	size_t n;
	/* rows that are left out, because a field has the wrong type or size */
	size_t damaged;
};

/* What a list is about; a member that is NULL, "" or 0 leaves nothing out. */
struct activity_filter {
	const char *actor;
	/* "host.block", or "host" for "host" and all that begins with "host." */
	const char *action;
	const char *serial;
	/* seconds since 1970: not before `from`, and before `to` */
	int64_t from;
	int64_t to;
	/* only ids below this one */
	int64_t before_id;
	/* rows; 0 and more than ACTIVITIES_LIST_MAX are that many */
	int limit;
};

/*
 * In a write transaction. Adds the entry at the end of the chain, with the present
 * time, and the id and the client address of the current request (log_request()).
 */
int activities_add(struct db *db, const struct activity_note *note);

/*
 * In a write transaction. The same outside of the chain, for what anybody may
 * cause: the newest 2000 of an action are kept. The action, and no other, ends in
 * ACTIVITIES_REFUSED.
 */
#define ACTIVITIES_REFUSED ".refused"
int activities_add_refusal(struct db *db, const struct activity_note *note);

/*
 * In a write transaction. Adds "host.withdraw-mark": the host with this serial
 * number counted as attested and no longer does, for this reason. `actor` as in
 * struct activity_note.
 */
int activities_add_withdrawn(
    struct db *db, const char *actor, const char *serial, const char *reason);

/* What activities_list() returns at most. */
#define ACTIVITIES_LIST_MAX 1000

/*
 * Newest first, by id. The caller releases *out. An entry has the time that the
 * clock showed when it was written: one from while the clock was wrong may be
 * missing from a list with `from` or `to`. With an actor or an action, reads at most
 * `limit` rows of each action, however many entries there are.
 */
int activities_list(struct db *db, const struct activity_filter *filter,
    struct activity_list *out);

/*
 * Oldest first, at most `limit` with ids above `after`, in the chain and outside of
 * it. The caller releases *out.
 */
int activities_list_after(
    struct db *db, int64_t after, int limit, struct activity_list *out);
void activities_list_release(struct activity_list *list);

/*
 * The names of all actions in the log, each once and sorted, at most
 * ACTIVITIES_ACTIONS_MAX; *n is their number.
 */
#define ACTIVITIES_ACTIONS_MAX 200
int activities_actions(struct db *db,
    char out[ACTIVITIES_ACTIONS_MAX][DB_NAME_TEXT], size_t *n);

/*
 * In a write transaction. Deletes at most `limit` entries that are more than `days`
 * days old at `now`, oldest first, and never the newest entry. Stores where the
 * chain then begins, for activity_chain_verify().
 */
int activities_purge(
    struct db *db, int64_t now, int days, int limit, int *deleted);

#endif
