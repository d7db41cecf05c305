/*
 * Who acts on the server, and what that role may do. Every act in lib/admin
 * takes the actor, checks the role, and writes its rows and its activity in one
 * transaction. Failures are logged, with a reason for people.
 */
#ifndef ADMIN_ACTOR_H
#define ADMIN_ACTOR_H

#include <stdbool.h>

#include "base/conf.h"
#include "store/activities.h"
#include "store/admin_role.h"
#include "store/api_tokens.h"
#include "store/db.h"
#include "store/sessions.h"

/* What an act changes; a table in admin_actor.c has the roles for each. */
enum admin_permission {
	ADMIN_CHANGE_SETTINGS,
	/* hosts, certificates, commands, renewals, links, assignments */
	ADMIN_CHANGE_HOSTS,
	/* administrators, API tokens, sessions */
	ADMIN_CHANGE_ADMINS,
	/* the installation: set up, back up, restore */
	ADMIN_CHANGE_SERVER,
};

struct admin_actor {
	const struct conf *conf;
	struct db *db;
	/*
	 * an administrator's name, "token:NAME" or "cli:USER"; NULL: this
	 * program itself, for which the role is ADMIN_ROLE_ADMIN
	 */
	const char *name;
	enum admin_role role;
	/* with which it signed in; both NULL for the tool and for programs */
	const struct session *session;
	const struct api_token *token;
};

/* May this role do that? */
bool admin_actor_may(enum admin_role role, enum admin_permission permission);

/* ERR_ROLE when the actor's role does not have this permission. */
int admin_actor_check(
    const struct admin_actor *actor, enum admin_permission permission);

/*
 * Checks the role and begins the transaction of an act, which db_end() ends; after a
 * failure there is none. In it, session and token are checked again: either may have
 * ended, or have another role, since the request was authenticated. ERR_ROLE,
 * ERR_SESSION, ERR_TOKEN.
 */
int admin_actor_begin(
    const struct admin_actor *actor, enum admin_permission permission);

/*
 * Adds the activity of an act inside its transaction. Who did it comes from
 * *actor, the rest from *note.
 */
int admin_actor_note(
    const struct admin_actor *actor, const struct activity_note *note);

/* The same for one that concerns no device and replaces no value. */
int admin_actor_record(
    const struct admin_actor *actor, const char *action, const char *detail);

/* Calls `one` for each of `n` names in one transaction: all of them or none. */
int admin_actor_each(const struct admin_actor *actor,
    enum admin_permission permission, const char *const *names, int n,
    int (*one)(const struct admin_actor *actor, const char *name));

#endif
