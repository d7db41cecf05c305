#include "store/commands.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/pushes.h"
#include "store/sql.h"

#define KEEP (INT64_C(180) * 86400)
#define OPEN " state IN ('queued', 'sent', 'notnow')"
/* to be sent, or sent again after NotNow, though not in this connection */
#define WAITS " state IN ('queued', 'notnow') AND not_now_this_connection = 0"
#define ONE   " WHERE host_id = $1 AND uuid = $2"

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
	PURGE,
};

#define NEXT_OF(which)                                                         \
	"SELECT {columns} FROM commands WHERE host_id = $1"                    \
	" AND" OPEN " AND not_now_this_connection = 0"                         \
	" AND generation = (SELECT h.generation FROM hosts h"                  \
	" WHERE h.id = $1)" which                                              \
	" ORDER BY CASE state WHEN 'sent' THEN 0 ELSE 1 END,"                  \
	" CASE state WHEN 'sent' THEN sent_at ELSE 0 END,"                     \
	" priority DESC, seq LIMIT 1"

static const char *const texts[] = {
	[HOST_TAKES] = "SELECT CASE WHEN state IN ('pending', 'enrolled')"
		       " THEN generation ELSE -1 END"
		       " FROM hosts WHERE id = $1",
	[ENQUEUE] = "INSERT INTO commands {new row}",
	[NEXT] = NEXT_OF(""),
	[NEXT_BY_HEADER] = NEXT_OF(" AND needs_client_certificate = 0"),
	[FIRST_OF] = "SELECT {columns} FROM commands WHERE host_id = $1"
		     " AND request_type = $2 AND" WAITS
		     " AND generation = (SELECT h.generation FROM hosts h"
		     " WHERE h.id = $1) ORDER BY seq LIMIT 1",
	[LOAD_WAITING] = "SELECT {columns} FROM commands" ONE " AND" WAITS,
	[LAST_SENT] = "SELECT {columns} FROM commands WHERE host_id = $1"
		      " AND state = 'sent' ORDER BY sent_at DESC, seq DESC"
		      " LIMIT 1",
	[UNREADABLE] = "UPDATE commands SET unreadable = unreadable + 1,"
		       " note = $3" ONE " AND state = 'sent'"
		       " RETURNING unreadable",
	[MARK_SENT] =
	    "UPDATE commands SET state = 'sent', sent_at = $3" ONE " AND" OPEN,
	[IDLE] = "UPDATE commands SET not_now_this_connection = 0"
		 " WHERE host_id = $1 AND state = 'notnow'"
		 " AND not_now_this_connection <> 0",
	[NOT_NOW] = "UPDATE commands SET state = 'notnow', not_now_at = $3,"
		    " not_now_count = not_now_count + 1,"
		    " not_now_this_connection = 1" ONE
		    " AND state IN ('sent', 'notnow')",
	/* also of a cancelled command: the device did execute it */
	[RESULT] = "UPDATE commands SET state = $3, result = $4,"
		   " error_chain = $5, not_now_this_connection = 0,"
		   " completed_at = COALESCE(completed_at, $6), note = $7" ONE
		   " AND sent_at IS NOT NULL",
	[WAS_SENT] = "SELECT 1 FROM commands" ONE " AND sent_at IS NOT NULL",
	[CANCEL_ALL] = "UPDATE commands SET state = 'cancelled'"
		       " WHERE host_id = $1 AND" OPEN,
	[CANCEL] = "UPDATE commands SET state = 'cancelled'" ONE " AND" OPEN,
	[FORGET] = "UPDATE commands SET plist = $3" ONE,
	[LOAD] = "SELECT {columns} FROM commands" ONE,
	[FIND] = "SELECT {columns} FROM commands WHERE uuid = $1"
		 " ORDER BY seq LIMIT 1",
	[LIST] = "SELECT {brief} FROM commands WHERE host_id = $1"
		 " AND seq < $2 ORDER BY seq DESC LIMIT $3",
	/* the same expressions as in the index commands_by_end, to use it */
	[PURGE] = "DELETE FROM commands WHERE seq IN (SELECT seq FROM commands"
		  " WHERE state NOT IN ('queued', 'sent', 'notnow')"
		  " AND COALESCE(completed_at, created_at) < $1"
		  " ORDER BY COALESCE(completed_at, created_at) LIMIT $2)",
};

static const char *const states[] = {
	[COMMAND_QUEUED] = "queued",
	[COMMAND_SENT] = "sent",
	[COMMAND_NOT_NOW] = "notnow",
	[COMMAND_ACKNOWLEDGED] = "acknowledged",
	[COMMAND_ERROR] = "error",
	[COMMAND_FORMAT_ERROR] = "formaterror",
	[COMMAND_CANCELLED] = "cancelled",
};

#define ROW struct command

static const struct column columns[] = {
	{ "uuid", TEXT(uuid) },
	{ "host_id", TEXT(host_id) },
	{ "generation", INT(generation) },
	{ "seq", INT(seq), .read_only = true },
	{ "request_type", TEXT(request_type) },
	{ "plist", BLOB(plist), .large = true },
	{ "priority", INT(priority) },
	{ "state", WORD(state, states) },
	{ "created_at", TIME(created_at) },
	{ "created_by", TEXT(created_by) },
	{ "sent_at", TIME(sent_at), .read_only = true },
	{ "not_now_at", TIME(not_now_at), .read_only = true },
	{ "not_now_count", INT(not_now_count), .read_only = true },
	{ "completed_at", TIME(completed_at), .read_only = true },
	{ "needs_client_certificate", INT(needs_client_certificate) },
	{ "result", BLOB(result), .read_only = true, .large = true },
	{ "error_chain", STRING(error_chain), .read_only = true },
	{ "note", TEXT(note), .read_only = true },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(commands, texts, &table);

const char *
commands_state_name(enum command_state state)
{
	return states[state];
}

bool
commands_is_waiting(enum command_state state)
{
	return state == COMMAND_QUEUED || state == COMMAND_SENT ||
	    state == COMMAND_NOT_NOW;
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
	int r;

	r = sql_integer(db, texts[HOST_TAKES], WITH(datum_text(host_id)), out);
	return r == OK && *out < 0 ? ERR_CONFLICT : r;
}

int
commands_enqueue(struct db *db, const struct command *in)
{
	struct command row = *in;
	int r;

	if (in->plist.n > COMMANDS_PLIST_MAX)
		return ERR_TOO_LARGE;
	r = host_generation(db, in->host_id, &row.generation);
	if (r != OK)
		return r;
	row.state = COMMAND_QUEUED;
	row.created_at = clock_now();
	r = sql_insert(db, texts[ENQUEUE], &table, &row);
	if (r == ERR_EXISTS)
		return ERR_CONFLICT;
	return r == OK ? pushes_want(db, in->host_id) : r;
}

int
commands_next(struct db *db, const char *host_id, struct command *out)
{
	return sql_one(db, texts[NEXT], &table, WITH(datum_text(host_id)), out);
}

int
commands_next_by_header(struct db *db, const char *host_id, struct command *out)
{
	return sql_one(
	    db, texts[NEXT_BY_HEADER], &table, WITH(datum_text(host_id)), out);
}

int
commands_first_of(struct db *db, const char *host_id, const char *request_type,
    struct command *out)
{
	return sql_one(db, texts[FIRST_OF], &table,
	    WITH(datum_text(host_id), datum_text(request_type)), out);
}

int
commands_load_waiting(
    struct db *db, const char *host_id, const char *uuid, struct command *out)
{
	return sql_one(db, texts[LOAD_WAITING], &table,
	    WITH(datum_text(host_id), datum_text(uuid)), out);
}

int
commands_mark_sent(struct db *db, const struct command *c)
{
	return sql_change(db, texts[MARK_SENT],
	    WITH(datum_text(c->host_id), datum_text(c->uuid),
		datum_int(clock_now())),
	    ERR_CONFLICT);
}

int
commands_last_sent(struct db *db, const char *host_id, struct command *out)
{
	return sql_one(
	    db, texts[LAST_SENT], &table, WITH(datum_text(host_id)), out);
}

int
commands_count_unreadable(
    struct db *db, const struct command *c, const char *note, int64_t *count)
{
	int r;

	r = sql_integer(db, texts[UNREADABLE],
	    WITH(datum_text(c->host_id), datum_text(c->uuid),
		datum_text_or_null(note)),
	    count);
	return r == ERR_NOT_FOUND ? ERR_CONFLICT : r;
}

int
commands_idle(struct db *db, const char *host_id)
{
	return sql_run(db, texts[IDLE], WITH(datum_text(host_id)));
}

static int
store_not_now(struct db *db, const struct command_result *result)
{
	bool sent;
	int r;

	r = sql_change(db, texts[NOT_NOW],
	    WITH(datum_text(result->host_id), datum_text(result->uuid),
		datum_int(clock_now())),
	    ERR_NOT_FOUND);
	if (r != ERR_NOT_FOUND)
		return r;
	r = sql_exists(db, texts[WAS_SENT],
	    WITH(datum_text(result->host_id), datum_text(result->uuid)), &sent);
	return r == OK && !sent ? ERR_NOT_FOUND : r;
}

int
commands_store_result(struct db *db, const struct command_result *result)
{
	if (result->state == COMMAND_NOT_NOW)
		return store_not_now(db, result);
	assert(result->state == COMMAND_ACKNOWLEDGED ||
	    result->state == COMMAND_ERROR ||
	    result->state == COMMAND_FORMAT_ERROR);
	return sql_change(db, texts[RESULT],
	    WITH(datum_text(result->host_id), datum_text(result->uuid),
		datum_text(states[result->state]),
		datum_blob_or_null(result->plist),
		datum_text_or_null(result->error_chain), datum_int(clock_now()),
		datum_text_or_null(result->note)),
	    ERR_NOT_FOUND);
}

int
commands_cancel_all(struct db *db, const char *host_id, int *cancelled)
{
	int r, n;

	r = sql_count_changed(
	    db, texts[CANCEL_ALL], WITH(datum_text(host_id)), &n);
	if (cancelled != NULL)
		*cancelled = n;
	return r;
}

int
commands_cancel(struct db *db, const char *host_id, const char *uuid)
{
	return sql_change(db, texts[CANCEL],
	    WITH(datum_text(host_id), datum_text(uuid)), ERR_CONFLICT);
}

int
commands_forget(struct db *db, const char *host_id, const char *uuid)
{
	return sql_run(db, texts[FORGET],
	    WITH(datum_text(host_id), datum_text(uuid),
		datum_blob(blob_str(""))));
}

int
commands_load(
    struct db *db, const char *host_id, const char *uuid, struct command *out)
{
	return sql_one(db, texts[LOAD], &table,
	    WITH(datum_text(host_id), datum_text(uuid)), out);
}

int
commands_find(struct db *db, const char *uuid, struct command *out)
{
	return sql_one(db, texts[FIND], &table, WITH(datum_text(uuid)), out);
}

int
commands_list(struct db *db, const char *host_id, const char *cursor,
    int limit, struct command_list *out)
{
	struct cursor at = { .number = INT64_MAX };
	int r;

	*out = (struct command_list){ .n = 0 };
	if ((r = cursor_read(cursor, "m", &at)) != OK ||
	    (r = sql_rows(db, texts[LIST], &table,
		 WITH(datum_text(host_id), datum_int(at.number),
		     datum_int(limit + 1)),
		 &out->rows, &out->n)) != OK ||
	    out->n <= (size_t)limit)
		return r;
	commands_release(&out->rows[--out->n]);
	at = (struct cursor){ .number = out->rows[out->n - 1].seq };
	cursor_write("m", &at, out->next);
	return OK;
}

void
commands_list_release(struct command_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct command_list){ 0 };
}

int
commands_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	return sql_count_changed(db, texts[PURGE],
	    WITH(datum_int(now - KEEP), datum_int(limit)), deleted);
}
