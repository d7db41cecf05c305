/* Settings as an administrator or GitOps changes them. */
#ifndef ADMIN_SETTING_H
#define ADMIN_SETTING_H

#include "admin/admin_actor.h"
#include "store/settings.h"

struct admin_setting {
	const char *name;
	const char *value;
};

/* Why a setting cannot be had in the tier "free"; takes its name. */
#define ADMIN_SETTING_NEEDS_PREMIUM                                            \
	"setting %s needs tier = premium in [license] of the configuration"

/*
 * Sets `n` settings, all or none. In GitOps mode only the role gitops, or an
 * administrator with `override`, sets what GitOps manages. When sign-in is
 * switched on or off, the profile at Apple Business is assigned to devices again.
 * ERR_NOT_FOUND, ERR_LICENSE, ERR_GITOPS, ERR_FIELD, ERR_SIGN_IN_UNSET as
 * settings_check(); ERR_ROLE.
 */
int admin_setting_set(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override);

/*
 * The same if `still`, unless it is NULL, returns OK for `arg`: in the
 * transaction, before anything is set. Otherwise its code.
 */
int admin_setting_set_if(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override,
    int (*still)(void *arg), void *arg);

/* What admin_setting_set() does, in a transaction that the caller has begun. */
int admin_setting_put(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override);

/* Refuses what admin_setting_set() would, and changes nothing. */
int admin_setting_check(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override);

#endif
