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
 * Sets `n` settings, all or none. In GitOps mode the role gitops sets what
 * GitOps manages; so does an administrator with `override`. ERR_NOT_FOUND,
 * ERR_LICENSE, ERR_GITOPS, ERR_FIELD as settings_check(); ERR_ROLE.
 */
int admin_setting_set(const struct admin_actor *actor,
    const struct admin_setting *all, size_t n, bool override);

#endif
