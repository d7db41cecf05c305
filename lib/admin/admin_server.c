#include "admin/admin_server.h"

#include "store/restored.h"

int
admin_server_note_backup(const struct admin_actor *actor, const char *file)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SERVER)) == OK)
		r = db_end(
		    actor->db, admin_actor_record(actor, "backup", file));
	return r;
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
