#include "store/activities.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/stmt.h"

#define DETAIL_TEXT 2001
#define KEEP        (INT64_C(2) * 365 * 86400)

/* Strangers cause these: no more are kept, of each action. */
#define REFUSALS 2000

enum { ADD, TRIM, LIST, PURGE };

static const char *const texts[] = {
	[ADD] = "INSERT INTO activities (at, actor, action, detail)"
		" VALUES (?1, ?2, ?3, ?4)",
	[TRIM] = "DELETE FROM activities WHERE action = ?1 AND id <= (SELECT id"
		 " FROM activities WHERE action = ?1"
		 " ORDER BY id DESC LIMIT 1 OFFSET ?2)",
	[LIST] = "SELECT id, at, actor, action, detail FROM activities"
		 " WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[PURGE] =
	    "DELETE FROM activities WHERE id IN (SELECT id FROM activities"
	    " WHERE at < ?1 ORDER BY at LIMIT ?2)",
};

STMT_FAMILY(activities, texts);

static void
read_activity(struct stmt *s, void *out)
{
	struct activity *a = out;

	a->id = stmt_get_int(s);
	a->at = stmt_get_int(s);
	stmt_get_text(s, a->actor, sizeof(a->actor));
	stmt_get_text(s, a->action, sizeof(a->action));
	a->detail = stmt_get_string(s);
	a->memory = stmt_take_memory(s);
}

int
activities_add(
    struct db *db, const char *actor, const char *action, const char *detail)
{
	struct stmt s;

	stmt_start(&s, db, STMT_activities, ADD);
	stmt_put_int(&s, clock_now());
	stmt_put_cut(&s, actor, DB_ACTOR_TEXT);
	stmt_put_cut(&s, action, DB_NAME_TEXT);
	stmt_put_cut(&s, detail, DETAIL_TEXT);
	return stmt_run(&s);
}

int
activities_add_refusal(
    struct db *db, const char *actor, const char *action, const char *detail)
{
	struct stmt s;
	int code = activities_add(db, actor, action, detail);

	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_activities, TRIM);
	stmt_put_text(&s, action);
	stmt_put_int(&s, REFUSALS);
	return stmt_run(&s);
}

int
activities_list(
    struct db *db, int64_t before, int limit, struct activity_list *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_activities, LIST);
	stmt_put_int(&s, before != 0 ? before : INT64_MAX);
	stmt_put_int(&s, limit);
	out->rows = stmt_rows(&s, read_activity, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		activities_list_release(out);
	return code;
}

void
activities_list_release(struct activity_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->rows[i].memory);
	free(list->rows);
	*list = (struct activity_list){ 0 };
}

int
activities_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_activities, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
