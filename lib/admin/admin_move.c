#include "admin/admin_move.h"

#include <stdio.h>

#include "admin/admin_preview.h"
#include "base/log.h"
#include "store/jobs.h"

static int
record(const struct admin_actor *actor, const char *what, int64_t n)
{
	char detail[128];

	snprintf(detail, sizeof detail, "%s: %lld hosts", what, (long long)n);
	return admin_actor_record(actor, "renew.move", detail);
}

/* How many hosts would be moved by the present settings. */
static int
count(const struct admin_actor *actor, int64_t *out)
{
	struct admin_preview preview;
	bool required;
	int r;

	*out = 0;
	if ((r = settings_get_bool(actor->db, actor->conf,
		 SETTINGS_REQUIRE_ATTESTATION, &required)) != OK)
		return r;
	if (!required)
		return fail(ERR_FIELD,
		    "turn \"Require hardware attestation\" on first");
	if ((r = admin_preview_soon(actor, NULL, 0, &preview)) != OK)
		return r;
	*out = preview.acme - preview.attested;
	return *out > 0 ? OK : fail(ERR_CONFLICT, "no host needs to be moved");
}

static int
start(const struct admin_actor *actor, int64_t planned)
{
	int r = moves_begin(actor->db, actor->name, planned);

	if (r == ERR_CONFLICT)
		return fail(r, "hosts are being moved already");
	if (r != OK ||
	    (r = record(actor, "started", planned)) != OK ||
	    (r = jobs_run_now(actor->db, "move")) != OK)
		return r;
	db_wake(actor->db);
	return OK;
}

int
admin_move_start(const struct admin_actor *actor, int64_t *planned)
{
	int r;

	*planned = 0;
	if ((r = admin_actor_check(actor, ADMIN_CHANGE_HOSTS)) != OK ||
	    (r = count(actor, planned)) != OK ||
	    (r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) != OK)
		return r;
	return db_end(actor->db, start(actor, *planned));
}

static int
cancel(const struct admin_actor *actor)
{
	struct move m;
	int r = moves_load(actor->db, &m);

	if (r == OK)
		r = moves_end(actor->db, m.started_at, actor->name);
	if (r == ERR_NOT_FOUND || r == ERR_CONFLICT)
		return fail(ERR_CONFLICT, "no hosts are being moved");
	return r == OK ? record(actor, "cancelled after", m.opened) : r;
}

int
admin_move_cancel(const struct admin_actor *actor)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_HOSTS)) != OK)
		return r;
	return db_end(actor->db, cancel(actor));
}

int
admin_move_note(struct db *db, const struct move *m, const char *by)
{
	int r = db_begin(db);

	if (r != OK)
		return r;
	r = moves_note(db, m);
	if (r == OK && by != NULL)
		r = moves_end(db, m->started_at, by);
	return db_end(db, r);
}
