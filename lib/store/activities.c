#include "store/activities.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/activity_chain.h"
#include "store/sql.h"

#define DAY INT64_C(86400)

/* How many entries of each action outside of the chain are kept. */
#define REFUSALS 2000

enum {
	ADD,
	TRIM,
	LIST,
	LIST_SERIAL,
	LIST_ACTION,
	LIST_ACTOR,
	LIST_AFTER,
	LIST_OLDEST,
	FIRST_FROM,
	LAST_BEFORE,
	NEXT_ACTION,
	NEXT_ACTION_OF,
	REMOVE,
	PURGE_OUTSIDE,
};

/* What all lists have: $1 the least id, $2 ids below it, $3 how many. */
#define WINDOW " id >= $1 AND id < $2"
#define NEWEST " ORDER BY id DESC LIMIT $3"

static const char *const texts[] = {
	[ADD] = "INSERT INTO activities {new row}",
	[TRIM] = "DELETE FROM activities WHERE action = $1 AND hash IS NULL"
		 " AND id <= (SELECT id FROM activities WHERE action = $1"
		 " ORDER BY id DESC LIMIT 1 OFFSET $2)",
	[LIST] = "SELECT {columns} FROM activities WHERE" WINDOW NEWEST,
	/* $4 serial number, $5 actor or '', $6 action or noun or '' */
	[LIST_SERIAL] =
	    "SELECT {columns} FROM activities WHERE serial = $4 AND" WINDOW
	    " AND ($5 = '' OR actor = $5) AND ($6 = '' OR action = $6"
	    " OR substr(action, 1, length($6) + 1) = $6 || '.')" NEWEST,
	[LIST_ACTION] =
	    "SELECT {columns} FROM activities WHERE action = $4 AND" WINDOW
	    NEWEST,
	[LIST_ACTOR] =
	    "SELECT {columns} FROM activities WHERE action = $4"
	    " AND actor = $5 AND" WINDOW NEWEST,
	[LIST_AFTER] = "SELECT {columns} FROM activities WHERE id > $1"
		       " ORDER BY id LIMIT $2",
	[LIST_OLDEST] = "SELECT {columns} FROM activities WHERE id > 0"
			" AND hash IS NOT NULL ORDER BY id LIMIT $1",
	[FIRST_FROM] = "SELECT id FROM activities WHERE at >= $1"
		       " ORDER BY at, id LIMIT 1",
	[LAST_BEFORE] = "SELECT id FROM activities WHERE at < $1"
			" ORDER BY at DESC, id DESC LIMIT 1",
	[NEXT_ACTION] = "SELECT action FROM activities WHERE action > $1"
			" ORDER BY action LIMIT 1",
	[NEXT_ACTION_OF] = "SELECT action FROM activities WHERE actor = $2"
			   " AND action > $1 ORDER BY action LIMIT 1",
	[REMOVE] = "DELETE FROM activities WHERE id <= $1 AND hash IS NOT NULL",
	/* an id is never given twice, so that the newest one stays */
	[PURGE_OUTSIDE] =
	    "DELETE FROM activities WHERE id IN (SELECT id FROM activities"
	    " WHERE at < $1 AND hash IS NULL AND id < $2"
	    " ORDER BY at LIMIT $3)",
};

#define ROW struct activity

static const struct column columns[] = {
	{ "id", INT(id) },
	{ "at", TIME(at) },
	{ "actor", TEXT(actor) },
	{ "remote", TEXT(remote) },
	{ "request", TEXT(request) },
	{ "action", TEXT(action) },
	{ "serial", TEXT_OR_NULL(serial) },
	{ "old_value", STRING(before) },
	{ "new_value", STRING(after) },
	{ "detail", STRING(detail) },
	{ "hash", DIGEST_OR_NULL(hash, chained) },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(activities, texts, &table);

static int
add(struct db *db, const struct activity_note *note, bool chained)
{
	char before[ACTIVITIES_TEXT], after[ACTIVITIES_TEXT];
	char detail[ACTIVITIES_TEXT];
	struct activity row = { .at = clock_now(), .before = before,
		.after = after, .detail = detail, .chained = chained };
	struct activity_tail tail;
	int r;

	if ((r = activity_chain_tail(db, &tail)) != OK)
		return r;
	row.id = tail.next_id;
	if (note->actor != NULL)
		COPY(row.actor, note->actor);
	else
		snprintf(row.actor, sizeof row.actor, "program:%s",
		    log_program());
	COPY(row.remote, log_request_address());
	COPY(row.request, log_request_id());
	COPY(row.action, note->action);
	COPY(row.serial, note->serial);
	COPY(before, note->before);
	COPY(after, note->after);
	COPY(detail, note->detail);
	if (chained &&
	    (r = activity_chain_hash(&row, tail.hash, row.hash)) != OK)
		return r;
	return sql_insert(db, texts[ADD], &table, &row);
}

int
activities_add(struct db *db, const struct activity_note *note)
{
	return add(db, note, true);
}

int
activities_add_refusal(struct db *db, const struct activity_note *note)
{
	int r = add(db, note, false);

	if (r != OK)
		return r;
	return sql_run(db, texts[TRIM],
	    WITH(datum_text(note->action), datum_int(REFUSALS)));
}

int
activities_add_withdrawn(
    struct db *db, const char *actor, const char *serial, const char *reason)
{
	return activities_add(db,
	    &(struct activity_note){ .actor = actor,
		.action = "host.withdraw-mark",
		.serial = serial,
		.before = "attested",
		.after = "not attested",
		.detail = reason });
}

/* The part of the log that is asked for: ids from `least` on, below `below`. */
struct window {
	int64_t least;
	int64_t below;
	int limit;
};

/* ERR_NOT_FOUND: there is no entry in that time. */
static int
find_window(
    struct db *db, const struct activity_filter *filter, struct window *out)
{
	int64_t last;
	int r = OK;

	out->least = 1;
	out->below = filter->before_id > 0 ? filter->before_id : INT64_MAX;
	out->limit = filter->limit > 0 && filter->limit < ACTIVITIES_LIST_MAX
	    ? filter->limit
	    : ACTIVITIES_LIST_MAX;
	if (filter->from != 0)
		r = sql_integer(db, texts[FIRST_FROM],
		    WITH(datum_int(filter->from)), &out->least);
	if (r != OK || filter->to == 0)
		return r;
	r = sql_integer(
	    db, texts[LAST_BEFORE], WITH(datum_int(filter->to)), &last);
	if (r == OK && last < out->below)
		out->below = last + 1;
	return r;
}

/* The next action in order after *action, of that actor or of anybody. */
static int
next_action(struct db *db, const char *actor, char action[DB_NAME_TEXT])
{
	char after[DB_NAME_TEXT];

	snprintf(after, sizeof after, "%s", action);
	if (actor == NULL)
		return sql_text(db, texts[NEXT_ACTION], WITH(datum_text(after)),
		    action, DB_NAME_TEXT);
	return sql_text(db, texts[NEXT_ACTION_OF],
	    WITH(datum_text(after), datum_text(actor)), action, DB_NAME_TEXT);
}

static bool
is_wanted(const char *action, const char *wanted)
{
	size_t n = wanted == NULL ? 0 : strlen(wanted);

	return n == 0 ||
	    (strncmp(action, wanted, n) == 0 &&
		(action[n] == '\0' || action[n] == '.'));
}

static int
newest_first(const void *a, const void *b)
{
	int64_t left = ((const struct activity *)a)->id;
	int64_t right = ((const struct activity *)b)->id;

	return (left < right) - (left > right);
}

/* Takes the rows of `more`, and keeps the newest `limit` of all. */
static int
merge(struct activity_list *all, struct activity_list *more, int limit)
{
	struct activity *rows;
	size_t i, n = all->n + more->n;

	if (more->n == 0)
		return OK;
	rows = reallocarray(all->rows, n, sizeof *rows);
	if (rows == NULL)
		return fail(ERR_NOMEM, "no memory for activities");
	memcpy(rows + all->n, more->rows, more->n * sizeof *rows);
	free(more->rows);
	*more = (struct activity_list){ 0 };
	qsort(rows, n, sizeof *rows, newest_first);
	for (i = (size_t)limit; i < n; i++)
		free(rows[i].memory);
	all->rows = rows;
	all->n = n < (size_t)limit ? n : (size_t)limit;
	return OK;
}

static bool
is_given(const char *text)
{
	return text != NULL && *text != '\0';
}

/*
 * One action after the other: an index has the entries of each in the order of ids,
 * but not those of several.
 */
static int
list_actions(struct db *db, const struct activity_filter *filter,
    struct window *w, struct activity_list *out)
{
	const char *actor = is_given(filter->actor) ? filter->actor : NULL;
	struct activity_list some = { 0 };
	char action[DB_NAME_TEXT] = "";
	int i, r = OK;

	for (i = 0; r == OK && i < ACTIVITIES_ACTIONS_MAX &&
	     (r = next_action(db, actor, action)) == OK;
	     i++) {
		if (!is_wanted(action, filter->action))
			continue;
		if ((r = sql_rows_that_fit(db,
			 texts[actor == NULL ? LIST_ACTION : LIST_ACTOR],
			 &table,
			 actor == NULL
			     ? WITH(datum_int(w->least), datum_int(w->below),
				   datum_int(w->limit), datum_text(action))
			     : WITH(datum_int(w->least), datum_int(w->below),
				   datum_int(w->limit), datum_text(action),
				   datum_text(actor)),
			 &some.rows, &some.n, &some.damaged)) != OK)
			return r;
		out->damaged += some.damaged;
		r = merge(out, &some, w->limit);
		/* the list is full: only newer entries can still enter it */
		if (r == OK && out->n == (size_t)w->limit)
			w->least = out->rows[out->n - 1].id + 1;
		activities_list_release(&some);
	}
	return r == ERR_NOT_FOUND ? OK : r;
}

static int
list(struct db *db, const struct activity_filter *filter, struct window *w,
    struct activity_list *out)
{
	if (is_given(filter->serial))
		return sql_rows_that_fit(db, texts[LIST_SERIAL], &table,
		    WITH(datum_int(w->least), datum_int(w->below),
			datum_int(w->limit), datum_text(filter->serial),
			datum_text(filter->actor), datum_text(filter->action)),
		    &out->rows, &out->n, &out->damaged);
	if (is_given(filter->actor) || is_given(filter->action))
		return list_actions(db, filter, w, out);
	return sql_rows_that_fit(db, texts[LIST], &table,
	    WITH(datum_int(w->least), datum_int(w->below), datum_int(w->limit)),
	    &out->rows, &out->n, &out->damaged);
}

int
activities_list(struct db *db, const struct activity_filter *filter,
    struct activity_list *out)
{
	struct window w;
	int r;

	*out = (struct activity_list){ 0 };
	if ((r = find_window(db, filter, &w)) == OK)
		r = list(db, filter, &w, out);
	if (r == ERR_NOT_FOUND)
		r = OK;
	if (r != OK)
		activities_list_release(out);
	return r;
}

int
activities_list_after(
    struct db *db, int64_t after, int limit, struct activity_list *out)
{
	return sql_rows_that_fit(db, texts[LIST_AFTER], &table,
	    WITH(datum_int(after), datum_int(limit)), &out->rows, &out->n,
	    &out->damaged);
}

void
activities_list_release(struct activity_list *list)
{
	columns_release(&table, list->rows, list->n);
	*list = (struct activity_list){ 0 };
}

int
activities_actions(struct db *db,
    char out[ACTIVITIES_ACTIONS_MAX][DB_NAME_TEXT], size_t *n)
{
	char action[DB_NAME_TEXT] = "";
	int r = OK;

	for (*n = 0; *n < ACTIVITIES_ACTIONS_MAX; ++*n) {
		if ((r = next_action(db, NULL, action)) != OK)
			break;
		memcpy(out[*n], action, DB_NAME_TEXT);
	}
	return r == ERR_NOT_FOUND ? OK : r;
}

/*
 * How many entries at the beginning of `list` may be deleted; its last one stays.
 * An entry from the future does not keep the old ones after it, but is not deleted
 * for its own sake: it may be the present clock that is wrong.
 */
static size_t
count_old(const struct activity_list *list, int64_t now, int days)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < list->n; i++) {
		if (list->rows[i].at < now - days * DAY)
			n = i + 1;
		else if (list->rows[i].at <= now)
			break;
	}
	return n;
}

static int
purge_chain(
    struct db *db, int64_t now, int days, int limit, int *deleted)
{
	struct activity_list list;
	size_t n;
	int r;

	if ((r = sql_rows_that_fit(db, texts[LIST_OLDEST], &table,
		 WITH(datum_int(limit + 1)), &list.rows, &list.n,
		 &list.damaged)) != OK)
		return r;
	n = count_old(&list, now, days);
	if (n > 0 &&
	    (r = activity_chain_cut(db, &list.rows[n - 1])) == OK)
		r = sql_count_changed(db, texts[REMOVE],
		    WITH(datum_int(list.rows[n - 1].id)), deleted);
	activities_list_release(&list);
	return r;
}

int
activities_purge(
    struct db *db, int64_t now, int days, int limit, int *deleted)
{
	struct activity_tail tail;
	int outside, r;

	*deleted = 0;
	if ((r = purge_chain(db, now, days, limit, deleted)) != OK ||
	    *deleted >= limit || (r = activity_chain_tail(db, &tail)) != OK)
		return r;
	r = sql_count_changed(db, texts[PURGE_OUTSIDE],
	    WITH(datum_int(now - days * DAY), datum_int(tail.next_id - 1),
		datum_int(limit - *deleted)),
	    &outside);
	*deleted += outside;
	return r;
}
