/* The roles of administrators and API tokens, as rows and people name them. */
#ifndef STORE_ADMIN_ROLE_H
#define STORE_ADMIN_ROLE_H

enum admin_role {
	/* reads only */
	ADMIN_ROLE_OBSERVER,
	/* manages hosts and their enrollment */
	ADMIN_ROLE_MAINTAINER,
	ADMIN_ROLE_ADMIN,
	/* changes settings, also what GitOps manages */
	ADMIN_ROLE_GITOPS,
};

#define ADMIN_ROLES 4

/* The words of a column; see WORD() in columns.h. */
extern const char *const admin_role_words[ADMIN_ROLES];

/* "observer", "maintainer", "admin", "gitops" */
const char *admin_role_name(enum admin_role role);

/* ERR_FIELD, with its reason logged, when no role has this name. */
int admin_role_find(const char *name, enum admin_role *out);

#endif
