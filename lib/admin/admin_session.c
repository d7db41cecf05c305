#include "admin/admin_session.h"

#include "base/log.h"

static int
end(const struct admin_actor *actor, const char *id)
{
	struct session s;
	int r;

	r = sessions_find(actor->db, id, &s);
	if (r == ERR_NOT_FOUND)
		return fail(r, "there is no session %s", id);
	if (r != OK || (r = sessions_end(actor->db, &s)) != OK)
		return r;
	return admin_actor_record(actor, "session.revoke", s.admin);
}

int
admin_session_end(
    const struct admin_actor *actor, const char *const *ids, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_ADMINS, ids, n, end);
}

static int
end_all(const struct admin_actor *actor, const char *name, int *ended)
{
	struct admin a;
	int r;

	r = admins_load(actor->db, name, &a);
	secret_wipe(&a, sizeof a);
	if (r == ERR_NOT_FOUND)
		return fail(r, "there is no administrator %s", name);
	if (r != OK || (r = sessions_end_all(actor->db, name, ended)) != OK ||
	    *ended == 0)
		return r;
	return admin_actor_record(actor, "session.revoke", name);
}

int
admin_session_end_all(
    const struct admin_actor *actor, const char *name, int *ended)
{
	int r;

	*ended = 0;
	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_ADMINS)) == OK)
		r = db_end(actor->db, end_all(actor, name, ended));
	if (r != OK)
		*ended = 0;
	return r;
}
