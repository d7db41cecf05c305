#include "admin/admin_account.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/admins.h"

/* Can this one sign in, and do everything then? */
static bool
has_full_access(const struct admin *a)
{
	return a->authentic && a->disabled_at == 0 &&
	    a->role == ADMIN_ROLE_ADMIN;
}

/* In the transaction that disables `name` or takes its role admin away. */
static int
check_not_last(const struct admin_actor *actor, const char *name)
{
	bool is_one = false, are_others = false;
	struct admin_list list;
	int r;

	if ((r = admins_list(actor->db, &list)) != OK)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		if (!has_full_access(&list.rows[i]))
			continue;
		if (strcmp(list.rows[i].name, name) == 0)
			is_one = true;
		else
			are_others = true;
	}
	admins_list_release(&list);
	if (is_one && !are_others)
		return fail(ERR_LAST_ADMIN,
		    "%s is the last administrator with the role admin", name);
	return OK;
}

/* Records the act if `r`, what the store returned for `name`, is OK; else says why. */
static int
finish(const struct admin_actor *actor, int r, const char *action,
    const char *name)
{
	switch (r) {
	case OK:
		return admin_actor_record(actor, action, name);
	case ERR_EXISTS:
		return fail(r, "there is an administrator %s already", name);
	case ERR_NOT_FOUND:
		return fail(r, "there is no administrator %s", name);
	case ERR_FIELD:
		return fail(
		    r, "\"%s\" cannot be an administrator's name", name);
	case ERR_UNCONFIRMED:
		return fail(r,
		    "attestmdm did not write the row of %s: give the role "
		    "again with --role",
		    name);
	default:
		return r;
	}
}

/* The same for an act that gives a role. */
static int
finish_role(const struct admin_actor *actor, int r, const char *action,
    const char *name, enum admin_role role)
{
	char detail[ADMINS_NAME_TEXT + 32];

	if (r != OK)
		return finish(actor, r, action, name);
	snprintf(detail, sizeof detail, "%s: %s", name, admin_role_name(role));
	return admin_actor_record(actor, action, detail);
}

int
admin_account_create(const struct admin_actor *actor, const char *name,
    enum admin_role role, const char *hash)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_ADMINS)) != OK)
		return r;
	r = admins_create(actor->db, name, role, hash);
	return db_end(
	    actor->db, finish_role(actor, r, "admin.add", name, role));
}

int
admin_account_set_password(const struct admin_actor *actor, const char *name,
    const enum admin_role *role, const char *hash)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_ADMINS)) != OK)
		return r;
	r = role != NULL && *role != ADMIN_ROLE_ADMIN
	    ? check_not_last(actor, name)
	    : OK;
	if (r == OK)
		r = admins_set_password(actor->db, name, role, hash);
	if (role != NULL)
		r = finish_role(actor, r, "admin.password", name, *role);
	else
		r = finish(actor, r, "admin.password", name);
	return db_end(actor->db, r);
}

int
admin_account_set_role(
    const struct admin_actor *actor, const char *name, enum admin_role role)
{
	int r;

	if ((r = admin_actor_begin(actor, ADMIN_CHANGE_ADMINS)) != OK)
		return r;
	r = role != ADMIN_ROLE_ADMIN ? check_not_last(actor, name) : OK;
	if (r == OK)
		r = admins_set_role(actor->db, name, role);
	return db_end(
	    actor->db, finish_role(actor, r, "admin.role", name, role));
}

static int
disable(const struct admin_actor *actor, const char *name)
{
	int r = check_not_last(actor, name);

	if (r == OK)
		r = admins_disable(actor->db, name);
	return finish(actor, r, "admin.disable", name);
}

static int
enable(const struct admin_actor *actor, const char *name)
{
	return finish(
	    actor, admins_enable(actor->db, name), "admin.enable", name);
}

int
admin_account_disable(
    const struct admin_actor *actor, const char *const *names, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_ADMINS, names, n, disable);
}

int
admin_account_enable(
    const struct admin_actor *actor, const char *const *names, int n)
{
	return admin_actor_each(actor, ADMIN_CHANGE_ADMINS, names, n, enable);
}
