/*
 * Who acts on the server, and what that role may do. Every act in lib/admin
 * takes the actor, checks the role, and writes its rows and its activity in one
 * transaction. Failures are logged, with a reason for people.
 */
#ifndef ADMIN_ACTOR_H
#define ADMIN_ACTOR_H

#include "base/conf.h"
#include "store/db.h"

enum admin_role {
	/* reads only */
	ADMIN_ROLE_OBSERVER,
	/* manages hosts and their enrollment */
	ADMIN_ROLE_MAINTAINER,
	ADMIN_ROLE_ADMIN,
	/* changes settings, also what GitOps manages */
	ADMIN_ROLE_GITOPS,
};

/* What acts change; admin_actor.c has the table of roles for each. */
enum admin_permission {
	ADMIN_CHANGE_SETTINGS,
	/* hosts, certificates, commands, renewals, links, assignments */
	ADMIN_CHANGE_HOSTS,
	/* administrators and their passwords */
	ADMIN_CHANGE_ADMINS,
	/* the installation: set up, back up, restore */
	ADMIN_CHANGE_SERVER,
};

struct admin_actor {
	const struct conf *conf;
	struct db *db;
	/* an administrator's name, or "cli:USER" */
	const char *name;
	enum admin_role role;
};

/* ERR_ROLE when the actor's role does not have this permission. */
int admin_actor_check(
    const struct admin_actor *actor, enum admin_permission permission);

/*
 * Checks the role and begins the transaction of an act, which db_end() ends.
 * ERR_ROLE.
 */
int admin_actor_begin(
    const struct admin_actor *actor, enum admin_permission permission);

/* Adds the activity of an act inside its transaction. */
int admin_actor_record(
    const struct admin_actor *actor, const char *action, const char *detail);

/* Does `one` to each of `n` names in one transaction: to all, or to none. */
int admin_actor_each(const struct admin_actor *actor,
    enum admin_permission permission, const char *const *names, int n,
    int (*one)(const struct admin_actor *actor, const char *name));

#endif
