#include "admin/admin_actor.h"

#include "base/log.h"

#define MAY(role) (1U << ADMIN_ROLE_##role)

static const unsigned permissions[] = {
	[ADMIN_CHANGE_SETTINGS] = MAY(ADMIN) | MAY(GITOPS),
	[ADMIN_CHANGE_HOSTS] = MAY(ADMIN) | MAY(MAINTAINER),
	[ADMIN_CHANGE_ADMINS] = MAY(ADMIN),
	[ADMIN_CHANGE_SERVER] = MAY(ADMIN),
};

bool
admin_actor_may(enum admin_role role, enum admin_permission permission)
{
	return (permissions[permission] & 1U << role) != 0;
}

int
admin_actor_check(
    const struct admin_actor *actor, enum admin_permission permission)
{
	if (!admin_actor_may(actor->role, permission))
		return fail(ERR_ROLE, "the role of %s does not permit this",
		    actor->name);
	return OK;
}

static int
check_again(const struct admin_actor *actor)
{
	int r = OK;

	if (actor->session != NULL)
		r = sessions_check(actor->db, actor->session);
	else if (actor->token != NULL)
		r = api_tokens_check(actor->db, actor->token);
	if (r == ERR_SESSION || r == ERR_TOKEN)
		return fail(r,
		    "the session or token of %s has ended or changed its role "
		    "meanwhile",
		    actor->name);
	return r;
}

int
admin_actor_begin(
    const struct admin_actor *actor, enum admin_permission permission)
{
	int r;

	if ((r = admin_actor_check(actor, permission)) != OK ||
	    (r = db_begin(actor->db)) != OK)
		return r;
	if ((r = check_again(actor)) != OK)
		db_rollback(actor->db);
	return r;
}

int
admin_actor_note(
    const struct admin_actor *actor, const struct activity_note *note)
{
	struct activity_note whole = *note;

	whole.actor = actor->name;
	return activities_add(actor->db, &whole);
}

int
admin_actor_record(
    const struct admin_actor *actor, const char *action, const char *detail)
{
	return admin_actor_note(actor,
	    &(struct activity_note){ .action = action, .detail = detail });
}

int
admin_actor_each(const struct admin_actor *actor,
    enum admin_permission permission, const char *const *names, int n,
    int (*one)(const struct admin_actor *actor, const char *name))
{
	int i, r;

	if ((r = admin_actor_begin(actor, permission)) != OK)
		return r;
	for (i = 0; i < n && r == OK; i++)
		r = one(actor, names[i]);
	return db_end(actor->db, r);
}
