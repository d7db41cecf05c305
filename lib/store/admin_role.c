#include "store/admin_role.h"

#include <string.h>

#include "base/log.h"

const char *const admin_role_words[ADMIN_ROLES] = {
	[ADMIN_ROLE_OBSERVER] = "observer",
	[ADMIN_ROLE_MAINTAINER] = "maintainer",
	[ADMIN_ROLE_ADMIN] = "admin",
	[ADMIN_ROLE_GITOPS] = "gitops",
};

const char *
admin_role_name(enum admin_role role)
{
	return admin_role_words[role];
}

int
admin_role_find(const char *name, enum admin_role *out)
{
	*out = ADMIN_ROLE_OBSERVER;
	for (int i = 0; i < ADMIN_ROLES; i++) {
		if (strcmp(admin_role_words[i], name) != 0)
			continue;
		*out = (enum admin_role)i;
		return OK;
	}
	return fail(ERR_FIELD,
	    "there is no role \"%s\": it is observer, maintainer, admin or "
	    "gitops",
	    name);
}
