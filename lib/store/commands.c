#include "store/commands.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/stmt.h"

#define KEEP (INT64_C(180) * 86400)
#define OPEN " state IN ('queued', 'sent', 'notnow')"
/* to be sent, or sent again after NotNow, though not in this connection */
#define WAITS " state IN ('queued', 'notnow') AND not_now_this_connection = 0"
#define ONE   " WHERE host_id = ?1 AND uuid = ?2"

enum {
	HOST_TAKES,
	ENQUEUE,
	NEXT,
	NEXT_BY_HEADER,
	FIRST_OF,
	LOAD_WAITING,
	LAST_SENT,
	UNREADABLE,
	MARK_SENT,
	IDLE,
	NOT_NOW,
	RESULT,
	WAS_SENT,
	CANCEL_ALL,
	CANCEL,
	FORGET,
	LOAD,
	FIND,
	LIST,
	COUNT,
	PURGE,
};

#define BEFORE_PLIST "uuid, host_id, generation, seq, request_type,"
#define AFTER_PLIST                                                            \
	" priority, state, created_at, created_by, sent_at, not_now_at,"       \
	" not_now_count, completed_at, needs_client_certificate,"
#define COLUMNS BEFORE_PLIST " plist," AFTER_PLIST " result, error_chain, note"
#define BRIEF   BEFORE_PLIST " NULL," AFTER_PLIST " NULL, error_chain, note"
#define NEXT_OF(which)                                                         \
	"SELECT " COLUMNS " FROM commands WHERE host_id = ?1"                  \
	" AND" OPEN " AND not_now_this_connection = 0"                         \
	" AND generation = (SELECT h.generation FROM hosts h"                  \
	" WHERE h.id = ?1)" which                                              \
	" ORDER BY CASE state WHEN 'sent' THEN 0 ELSE 1 END,"                  \
	" CASE state WHEN 'sent' THEN sent_at ELSE 0 END,"                     \
	" priority DESC, seq LIMIT 1"

static const char *const texts[] = {
	[HOST_TAKES] = "SELECT CASE WHEN state IN ('pending', 'enrolled')"
		       " THEN generation ELSE -1 END"
		       " FROM hosts WHERE id = ?1",
	[ENQUEUE] = "INSERT INTO commands (uuid, host_id, generation,"
		    " request_type, plist, priority, state, created_at,"
		    " created_by, needs_client_certificate) VALUES (?1, ?2,"
		    " ?3, ?4, ?5, ?6, 'queued', ?7, ?8, ?9)",
	[NEXT] = NEXT_OF(""),
	[NEXT_BY_HEADER] = NEXT_OF(" AND needs_client_certificate = 0"),
	[FIRST_OF] = "SELECT " COLUMNS " FROM commands WHERE host_id = ?1"
		     " AND request_type = ?2 AND" WAITS
		     " AND generation = (SELECT h.generation FROM hosts h"
		     " WHERE h.id = ?1) ORDER BY seq LIMIT 1",
	[LOAD_WAITING] = "SELECT " COLUMNS " FROM commands" ONE " AND" WAITS,
	[LAST_SENT] = "SELECT " COLUMNS " FROM commands WHERE host_id = ?1"
		      " AND state = 'sent' ORDER BY sent_at DESC, seq DESC"
		      " LIMIT 1",
	[UNREADABLE] = "UPDATE commands SET unreadable = unreadable + 1,"
		       " note = ?3" ONE " AND state = 'sent'"
		       " RETURNING unreadable",
	[MARK_SENT] =
	    "UPDATE commands SET state = 'sent', sent_at = ?3" ONE " AND" OPEN,
	[IDLE] = "UPDATE commands SET not_now_this_connection = 0"
		 " WHERE host_id = ?1 AND state = 'notnow'"
		 " AND not_now_this_connection <> 0",
	[NOT_NOW] = "UPDATE commands SET state = 'notnow', not_now_at = ?3,"
		    " not_now_count = not_now_count + 1,"
		    " not_now_this_connection = 1" ONE
		    " AND state IN ('sent', 'notnow')",
	/* also of a cancelled command: the device did execute it */
	[RESULT] = "UPDATE commands SET state = ?3, result = ?4,"
		   " error_chain = ?5, not_now_this_connection = 0,"
		   " completed_at = COALESCE(completed_at, ?6), note = ?7" ONE
		   " AND sent_at IS NOT NULL",
	[WAS_SENT] = "SELECT 1 FROM commands" ONE " AND sent_at IS NOT NULL",
	[CANCEL_ALL] = "UPDATE commands SET state = 'cancelled'"
		       " WHERE host_id = ?1 AND" OPEN,
	[CANCEL] = "UPDATE commands SET state = 'cancelled'" ONE " AND" OPEN,
	[FORGET] = "UPDATE commands SET plist = ?3" ONE,
	[LOAD] = "SELECT " COLUMNS " FROM commands" ONE,
	[FIND] = STMT_SCANS "SELECT " COLUMNS " FROM commands WHERE uuid = ?1"
			    " ORDER BY seq LIMIT 1",
	[LIST] = "SELECT " BRIEF " FROM commands WHERE host_id = ?1"
		 " ORDER BY seq DESC LIMIT ?2 OFFSET ?3",
	[COUNT] = "SELECT count(*) FROM commands WHERE host_id = ?1",
	/* the same expressions as in the index commands_by_end, to use it */
	[PURGE] = "DELETE FROM commands WHERE seq IN (SELECT seq FROM commands"
		  " WHERE state NOT IN ('queued', 'sent', 'notnow')"
		  " AND COALESCE(completed_at, created_at) < ?1"
		  " ORDER BY COALESCE(completed_at, created_at) LIMIT ?2)",
};

STMT_FAMILY(commands, texts);

static const char *const states[] = {
	[COMMAND_QUEUED] = "queued",
	[COMMAND_SENT] = "sent",
	[COMMAND_NOT_NOW] = "notnow",
	[COMMAND_ACKNOWLEDGED] = "acknowledged",
	[COMMAND_ERROR] = "error",
	[COMMAND_FORMAT_ERROR] = "formaterror",
	[COMMAND_CANCELLED] = "cancelled",
};

const char *
commands_state_name(enum command_state state)
{
	return states[state];
}

static void
read_command(struct stmt *s, void *out)
{
	struct command *c = out;

	stmt_get_text(s, c->uuid, sizeof(c->uuid));
	stmt_get_text(s, c->host_id, sizeof(c->host_id));
	c->generation = stmt_get_int(s);
	c->seq = stmt_get_int(s);
	stmt_get_text(s, c->request_type, sizeof(c->request_type));
	c->plist = stmt_get_blob(s);
	c->priority = (int)stmt_get_int(s);
	c->state = (enum command_state)STMT_GET_WORD(s, states);
	c->created_at = stmt_get_int(s);
	stmt_get_text(s, c->created_by, sizeof(c->created_by));
	c->sent_at = stmt_get_int(s);
	c->not_now_at = stmt_get_int(s);
	c->not_now_count = (int)stmt_get_int(s);
	c->completed_at = stmt_get_int(s);
	c->needs_client_certificate = stmt_get_bool(s);
	c->result = stmt_get_blob(s);
	c->error_chain = stmt_get_string(s);
	stmt_get_text(s, c->note, sizeof(c->note));
	c->memory = stmt_take_memory(s);
}

void
commands_release(struct command *c)
{
	free(c->memory);
	*c = (struct command){ 0 };
}

static int
host_generation(struct db *db, const char *host_id, int64_t *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_commands, HOST_TAKES);
	stmt_put_text(&s, host_id);
	code = stmt_integer(&s, out);
	return code == OK && *out < 0 ? ERR_CONFLICT : code;
}

int
commands_enqueue(struct db *db, const struct command *in)
{
	struct stmt s;
	int64_t generation;
	int code;

	if (in->plist.n > COMMANDS_PLIST_MAX)
		return ERR_TOO_LARGE;
	code = host_generation(db, in->host_id, &generation);
	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_commands, ENQUEUE);
	stmt_put_text(&s, in->uuid);
	stmt_put_text(&s, in->host_id);
	stmt_put_int(&s, generation);
	stmt_put_text(&s, in->request_type);
	stmt_put_blob(&s, in->plist);
	stmt_put_int(&s, in->priority);
	stmt_put_int(&s, clock_now());
	stmt_put_text(&s, in->created_by);
	stmt_put_int(&s, in->needs_client_certificate);
	code = stmt_run(&s);
	return code == ERR_EXISTS ? ERR_CONFLICT : code;
}

static int
next(struct db *db, int which, const char *host_id, struct command *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_commands, which);
	stmt_put_text(&s, host_id);
	return stmt_one(&s, read_command, out, sizeof(*out));
}

int
commands_next(struct db *db, const char *host_id, struct command *out)
{
	return next(db, NEXT, host_id, out);
}

int
commands_next_by_header(
    struct db *db, const char *host_id, struct command *out)
{
	return next(db, NEXT_BY_HEADER, host_id, out);
}

int
commands_first_of(struct db *db, const char *host_id, const char *request_type,
    struct command *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_commands, FIRST_OF);
	stmt_put_text(&s, host_id);
	stmt_put_text(&s, request_type);
	return stmt_one(&s, read_command, out, sizeof(*out));
}

static void
start_one(struct stmt *s, struct db *db, int which, const char *host_id,
    const char *uuid)
{
	stmt_start(s, db, STMT_commands, which);
	stmt_put_text(s, host_id);
	stmt_put_text(s, uuid);
}

int
commands_load_waiting(
    struct db *db, const char *host_id, const char *uuid, struct command *out)
{
	struct stmt s;

	start_one(&s, db, LOAD_WAITING, host_id, uuid);
	return stmt_one(&s, read_command, out, sizeof(*out));
}

int
commands_mark_sent(struct db *db, const struct command *c)
{
	struct stmt s;

	start_one(&s, db, MARK_SENT, c->host_id, c->uuid);
	stmt_put_int(&s, clock_now());
	return stmt_change(&s, ERR_CONFLICT);
}

int
commands_last_sent(struct db *db, const char *host_id, struct command *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_commands, LAST_SENT);
	stmt_put_text(&s, host_id);
	return stmt_one(&s, read_command, out, sizeof(*out));
}

int
commands_count_unreadable(struct db *db, const struct command *c,
    const char *note, int64_t *count)
{
	struct stmt s;
	int code;

	start_one(&s, db, UNREADABLE, c->host_id, c->uuid);
	stmt_put_text_or_null(&s, note);
	code = stmt_integer(&s, count);
	return code == ERR_NOT_FOUND ? ERR_CONFLICT : code;
}

int
commands_idle(struct db *db, const char *host_id)
{
	struct stmt s;

	stmt_start(&s, db, STMT_commands, IDLE);
	stmt_put_text(&s, host_id);
	return stmt_run(&s);
}

static int
store_not_now(struct db *db, const struct command_result *r)
{
	struct stmt s;
	bool sent;
	int code;

	start_one(&s, db, NOT_NOW, r->host_id, r->uuid);
	stmt_put_int(&s, clock_now());
	code = stmt_change(&s, ERR_NOT_FOUND);
	if (code != ERR_NOT_FOUND)
		return code;
	start_one(&s, db, WAS_SENT, r->host_id, r->uuid);
	code = stmt_exists(&s, &sent);
	return code == OK && !sent ? ERR_NOT_FOUND : code;
}

int
commands_store_result(struct db *db, const struct command_result *r)
{
	struct stmt s;

	if (r->state == COMMAND_NOT_NOW)
		return store_not_now(db, r);
	assert(r->state == COMMAND_ACKNOWLEDGED || r->state == COMMAND_ERROR ||
	    r->state == COMMAND_FORMAT_ERROR);
	start_one(&s, db, RESULT, r->host_id, r->uuid);
	stmt_put_text(&s, states[r->state]);
	stmt_put_blob_or_null(&s, r->plist);
	stmt_put_text_or_null(&s, r->error_chain);
	stmt_put_int(&s, clock_now());
	stmt_put_text_or_null(&s, r->note);
	return stmt_change(&s, ERR_NOT_FOUND);
}

int
commands_cancel_all(struct db *db, const char *host_id, int *cancelled)
{
	struct stmt s;
	int code, n;

	stmt_start(&s, db, STMT_commands, CANCEL_ALL);
	stmt_put_text(&s, host_id);
	code = stmt_purge(&s, &n);
	if (cancelled != NULL)
		*cancelled = n;
	return code;
}

int
commands_cancel(struct db *db, const char *host_id, const char *uuid)
{
	struct stmt s;

	start_one(&s, db, CANCEL, host_id, uuid);
	return stmt_change(&s, ERR_CONFLICT);
}

int
commands_forget(struct db *db, const char *host_id, const char *uuid)
{
	struct stmt s;

	start_one(&s, db, FORGET, host_id, uuid);
	stmt_put_blob(&s, blob_str(""));
	return stmt_run(&s);
}

int
commands_load(
    struct db *db, const char *host_id, const char *uuid, struct command *out)
{
	struct stmt s;

	start_one(&s, db, LOAD, host_id, uuid);
	return stmt_one(&s, read_command, out, sizeof(*out));
}

int
commands_find(struct db *db, const char *uuid, struct command *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_commands, FIND);
	stmt_put_text(&s, uuid);
	return stmt_one(&s, read_command, out, sizeof(*out));
}

int
commands_list(struct db *db, const char *host_id, int offset, int limit,
    struct command_list *out)
{
	struct stmt s;
	int code;

	*out = (struct command_list){ 0 };
	stmt_start(&s, db, STMT_commands, COUNT);
	stmt_put_text(&s, host_id);
	code = stmt_integer(&s, &out->total);
	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_commands, LIST);
	stmt_put_text(&s, host_id);
	stmt_put_int(&s, limit);
	stmt_put_int(&s, offset);
	out->rows = stmt_rows(&s, read_command, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		commands_list_release(out);
	return code;
}

void
commands_list_release(struct command_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		commands_release(&list->rows[i]);
	free(list->rows);
	*list = (struct command_list){ 0 };
}

int
commands_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_commands, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
