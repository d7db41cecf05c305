#include "store/audits.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/stmt.h"

#define DETAIL_TEXT 2001
#define KEEP        (INT64_C(2) * 365 * 86400)

/* Strangers cause these: no more are kept, of each action. */
#define REFUSALS 2000

enum { ADD, TRIM, LIST, PURGE };

static const char *const texts[] = {
	[ADD] = "INSERT INTO audit (at, actor, action, detail)"
		" VALUES (?1, ?2, ?3, ?4)",
	[TRIM] = "DELETE FROM audit WHERE action = ?1 AND id <= (SELECT id"
		 " FROM audit WHERE action = ?1"
		 " ORDER BY id DESC LIMIT 1 OFFSET ?2)",
	[LIST] = "SELECT id, at, actor, action, detail FROM audit"
		 " WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
	[PURGE] = "DELETE FROM audit WHERE id IN (SELECT id FROM audit"
		  " WHERE at < ?1 ORDER BY at LIMIT ?2)",
};

STMT_FAMILY(audits, texts);

static void
read_audit(struct stmt *s, void *out)
{
	struct audit *a = out;

	a->id = stmt_get_int(s);
	a->at = stmt_get_int(s);
	stmt_get_text(s, a->actor, sizeof(a->actor));
	stmt_get_text(s, a->action, sizeof(a->action));
	a->detail = stmt_get_string(s);
	a->memory = stmt_take_memory(s);
}

int
audits_add(
    struct db *db, const char *actor, const char *action, const char *detail)
{
	struct stmt s;

	stmt_start(&s, db, STMT_audits, ADD);
	stmt_put_int(&s, clock_now());
	stmt_put_cut(&s, actor, DB_ACTOR_TEXT);
	stmt_put_cut(&s, action, DB_NAME_TEXT);
	stmt_put_cut(&s, detail, DETAIL_TEXT);
	return stmt_run(&s);
}

int
audits_add_refusal(
    struct db *db, const char *actor, const char *action, const char *detail)
{
	struct stmt s;
	int code = audits_add(db, actor, action, detail);

	if (code != OK)
		return code;
	stmt_start(&s, db, STMT_audits, TRIM);
	stmt_put_text(&s, action);
	stmt_put_int(&s, REFUSALS);
	return stmt_run(&s);
}

int
audits_list(struct db *db, int64_t before, int limit, struct audit_list *out)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_audits, LIST);
	stmt_put_int(&s, before != 0 ? before : INT64_MAX);
	stmt_put_int(&s, limit);
	out->rows = stmt_rows(&s, read_audit, sizeof(*out->rows), &out->n);
	code = stmt_end(&s);
	if (code != OK)
		audits_list_release(out);
	return code;
}

void
audits_list_release(struct audit_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->rows[i].memory);
	free(list->rows);
	*list = (struct audit_list){ 0 };
}

int
audits_purge(struct db *db, int64_t now, int limit, int *deleted)
{
	struct stmt s;

	stmt_start(&s, db, STMT_audits, PURGE);
	stmt_put_int(&s, now - KEEP);
	stmt_put_int(&s, limit);
	return stmt_purge(&s, deleted);
}
