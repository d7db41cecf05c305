#include "admin/admin_setting.h"

#include "base/log.h"

static enum settings_origin
origin_of(const struct admin_actor *actor, bool override)
{
	if (actor->role == ADMIN_ROLE_GITOPS)
		return SETTINGS_BY_GITOPS;
	return override ? SETTINGS_BY_OVERRIDE : SETTINGS_BY_ADMIN;
}

/* What the store said, for people. */
static int
explain(const struct admin_actor *actor, const struct admin_setting *s, int r)
{
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
	return admin_setting_set_if(actor, all, n, override, NULL, NULL);
}

static int
set_one(const struct admin_actor *actor, enum settings_origin origin,
    const struct admin_setting *s)
{
	return explain(actor, s,
	    settings_set(actor->db, actor->conf, origin, s->name, s->value,
		actor->name));
}

int
admin_setting_set_if(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override,
    int (*still)(void *arg), void *arg)
{
	enum settings_origin origin = origin_of(actor, override);
	size_t i;
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SETTINGS)) != OK)
		return r;
	if (still != NULL)
		r = still(arg);
	for (i = 0; i < n && r == OK; i++)
		r = set_one(actor, origin, &all[i]);
	return db_end(actor->db, r);
}

int
admin_setting_check(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override)
{
	enum settings_origin origin = origin_of(actor, override);
	size_t i;
	int r = admin_actor_check(actor, ADMIN_CHANGE_SETTINGS);

	for (i = 0; i < n && r == OK; i++)
		r = explain(actor, &all[i],
		    settings_check(
			actor->conf, origin, all[i].name, all[i].value));
	return r;
}
