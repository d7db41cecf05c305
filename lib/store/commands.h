/*
 * The queue of commands. Each is delivered at least once: it stays until its
 * result comes. Within one connection (since the last Idle) a command that
 * answered NotNow in it is not sent again.
 */
#ifndef STORE_COMMANDS_H
#define STORE_COMMANDS_H

#include "store/cursor.h"
#include "store/db.h"

#define COMMANDS_UUID_TEXT SECRET_UUID_TEXT
#define COMMANDS_PLIST_MAX (1024 * 1024)
#define COMMANDS_NOTE_TEXT 256

enum command_state {
	COMMAND_QUEUED,
	COMMAND_SENT,
	COMMAND_NOT_NOW,
	COMMAND_ACKNOWLEDGED,
	COMMAND_ERROR,
	COMMAND_FORMAT_ERROR,
	COMMAND_CANCELLED,
};

struct command {
	char uuid[COMMANDS_UUID_TEXT];
	char host_id[DB_ID_TEXT];
	int64_t generation;
	int64_t seq;
	char request_type[DB_NAME_TEXT];
	/* the whole property list as it is sent */
	struct blob plist;
	/* higher goes first */
	int priority;
	enum command_state state;
	int64_t created_at;
	char created_by[DB_ACTOR_TEXT];
	int64_t sent_at;
	int64_t not_now_at;
	int not_now_count;
	int64_t completed_at;
	/* only for a host that shows its certificate in TLS */
	bool needs_client_certificate;
	struct blob result;
	/* JSON array, or "" */
	const char *error_chain;
	/* what is unusual about the result, for an administrator, or "" */
	char note[COMMANDS_NOTE_TEXT];
	void *memory;
};

struct command_list {
	struct command *rows;
	size_t n;
	/* "" after the last page */
	char next[CURSOR_TEXT];
};

/* What a device answered. */
struct command_result {
	const char *host_id;
	const char *uuid;
	/* acknowledged, error, format error or not now */
	enum command_state state;
	/* n is 0 when the result is not stored */
	struct blob plist;
	/* JSON array or NULL */
	const char *error_chain;
	/* as in struct command; NULL or "" for none */
	const char *note;
};

/* The words of the table: "queued", "sent", "notnow", … */
const char *commands_state_name(enum command_state state);

/* Has it no answer yet, and may one come? */
bool commands_is_waiting(enum command_state state);

/*
 * Queues in's uuid, host_id, request_type, plist, priority, created_by and
 * needs_client_certificate for the host's present generation, and wants a push
 * for it. ERR_NOT_FOUND: no such host. ERR_CONFLICT: the host is not enrolled
 * (nor pending), or the uuid is taken. ERR_TOO_LARGE: over COMMANDS_PLIST_MAX.
 */
int commands_enqueue(struct db *db, const struct command *in);

/*
 * The command to send next: first those that were sent and never answered, in
 * turn; then the highest priority, then the oldest; never one that answered
 * NotNow in this connection. ERR_NOT_FOUND when there is nothing to do. The
 * caller releases *out, and calls commands_mark_sent() in the same transaction.
 */
int commands_next(struct db *db, const char *host_id, struct command *out);

/*
 * commands_next() for a device that Mdm-Signature alone identifies: leaves out
 * what needs_client_certificate.
 */
int commands_next_by_header(
    struct db *db, const char *host_id, struct command *out);

/*
 * The oldest command of this type that waits, whatever else there is: it was
 * not sent yet, or answered NotNow in an earlier connection. ERR_NOT_FOUND. The
 * caller releases *out.
 */
int commands_first_of(struct db *db, const char *host_id,
    const char *request_type, struct command *out);

/* The same for one command. */
int commands_load_waiting(
    struct db *db, const char *host_id, const char *uuid, struct command *out);

/* queued, sent or not now → sent. Else ERR_CONFLICT. */
int commands_mark_sent(struct db *db, const struct command *c);

/*
 * The command that was sent last and has no answer yet: a report without a
 * CommandUUID is about that one. ERR_NOT_FOUND. The caller releases *out.
 */
int commands_last_sent(struct db *db, const char *host_id, struct command *out);

/*
 * Notes that an answer to a command could not be read, and why; *count is how
 * many such answers it has had. ERR_CONFLICT unless it is sent and unanswered.
 */
int commands_count_unreadable(struct db *db, const struct command *c,
    const char *note, int64_t *count);

/* The device said Idle: a new connection, NotNow answers count no more. */
int commands_idle(struct db *db, const char *host_id);

/*
 * Stores an answer. ERR_NOT_FOUND when this host was never sent that command.
 * A second answer replaces the first result but keeps its time; a NotNow after
 * an answer changes nothing.
 */
int commands_store_result(struct db *db, const struct command_result *r);

/* Everything unanswered of a host → cancelled. `cancelled` may be NULL. */
int commands_cancel_all(struct db *db, const char *host_id, int *cancelled);

/* One unanswered command → cancelled, else ERR_CONFLICT. */
int commands_cancel(struct db *db, const char *host_id, const char *uuid);

/*
 * Erases the property list of a command that is not to be sent any more and
 * holds a secret. OK also without such a command.
 */
int commands_forget(struct db *db, const char *host_id, const char *uuid);

/* The caller releases *out. */
int commands_load(
    struct db *db, const char *host_id, const char *uuid, struct command *out);
void commands_release(struct command *c);

/* By uuid alone, for administrators. */
int commands_find(struct db *db, const char *uuid, struct command *out);

/*
 * Newest first, without plist and result. `cursor` is `next` of the page before;
 * NULL and "": from the beginning. ERR_FIELD: it is none.
 */
int commands_list(struct db *db, const char *host_id, const char *cursor,
    int limit, struct command_list *out);
void commands_list_release(struct command_list *list);

/* Deletes at most `limit` that ended 180 days ago. */
int commands_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
