#include "admin/admin_server.h"

#include <stdio.h>

#include "store/restored.h"

static int
note(const struct admin_actor *actor, const char *action, const char *file)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) == OK)
		r = db_end(actor->db, admin_actor_record(actor, action, file));
	return r;
}

int
admin_server_note_backup(const struct admin_actor *actor, const char *file)
{
	return note(actor, "backup", file);
}

int
admin_server_note_ca(const struct admin_actor *actor, const char *certificate)
{
	return note(actor, "ca.renew", certificate);
}

int
admin_server_restored(const struct admin_actor *actor, const char *file)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) != OK)
		return r;
	if ((r = restored_void(actor->db)) == OK)
		r = admin_actor_record(actor, "restore", file);
	return db_end(actor->db, r);
}

int
admin_server_note_migrate(
    const struct admin_actor *actor, int before, int after)
{
	char from[16], to[16];
	int r;

	snprintf(from, sizeof from, "schema %d", before);
	snprintf(to, sizeof to, "schema %d", after);
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) == OK)
		r = db_end(actor->db,
		    admin_actor_note(actor,
			&(struct activity_note){ .action = "migrate",
			    .before = from,
			    .after = to }));
	return r;
}
