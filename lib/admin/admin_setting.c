#include "admin/admin_setting.h"

#include "base/log.h"

static int
set_one(const struct admin_actor *actor, enum settings_origin origin,
    const struct admin_setting *s)
{
	int r = settings_set(
	    actor->db, actor->conf, origin, s->name, s->value, actor->name);

	switch (r) {
	case ERR_NOT_FOUND:
		return fail(r, "there is no setting %s", s->name);
	case ERR_LICENSE:
		return fail(r, ADMIN_SETTING_NEEDS_PREMIUM, s->name);
	case ERR_GITOPS:
		return fail(r,
		    "setting %s is managed by GitOps in %s; change it there",
		    s->name, actor->conf->repository_url);
	case ERR_FIELD:
		return fail(
		    r, "setting %s cannot be \"%s\"", s->name, s->value);
	default:
		return r;
	}
}

int
admin_setting_set(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override)
{
	enum settings_origin origin = actor->role == ADMIN_ROLE_GITOPS
	    ? SETTINGS_BY_GITOPS
	    : override ? SETTINGS_BY_OVERRIDE
		       : SETTINGS_BY_ADMIN;
	size_t i;
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SETTINGS)) != OK)
		return r;
	for (i = 0; i < n && r == OK; i++)
		r = set_one(actor, origin, &all[i]);
	return db_end(actor->db, r);
}
