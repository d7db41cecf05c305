#include "admin/admin_setting.h"

#include "admin/admin_business.h"
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
	case ERR_SIGN_IN_UNSET:
		return fail(r,
		    "setting %s needs issuer and client_id in [sign_in] of the "
		    "configuration",
		    s->name);
	case ERR_FIELD:
		return fail(
		    r, "setting %s cannot be \"%s\"", s->name, s->value);
	default:
		return r;
	}
}

/* It decides what the profile at Apple Business says. */
static int
must_sign_in(const struct admin_actor *actor, bool *out)
{
	return settings_get_bool(
	    actor->db, actor->conf, SETTINGS_SIGN_IN, out);
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
admin_setting_put(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override)
{
	enum settings_origin origin = origin_of(actor, override);
	bool before, after;
	size_t i;
	int r;

	if ((r = must_sign_in(actor, &before)) != OK)
		return r;
	for (i = 0; i < n && r == OK; i++)
		r = set_one(actor, origin, &all[i]);
	if (r == OK && (r = must_sign_in(actor, &after)) == OK &&
	    before != after)
		r = admin_business_assign_anew(actor);
	return r;
}

int
admin_setting_set_if(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override,
    int (*still)(void *arg), void *arg)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_SETTINGS)) != OK)
		return r;
	r = still != NULL ? still(arg) : OK;
	if (r == OK)
		r = admin_setting_put(actor, all, n, override);
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
