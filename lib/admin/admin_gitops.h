/*
 * The settings as a repository has them (GitOps): always all that GitOps
 * manages, each under a path that follows from the table of settings
 * (store/settings.c): what is "mdm.x" in JSON is "controls.x" in a file.
 */
#ifndef ADMIN_GITOPS_H
#define ADMIN_GITOPS_H

#include "admin/admin_actor.h"
#include "store/settings.h"
#include "wire/in_yaml.h"

#define ADMIN_GITOPS_SETTINGS_MAX 32
/* Room for a path, such as "controls.minimum_os_versions.macos". */
#define ADMIN_GITOPS_PATH_TEXT 80

struct admin_gitops_value {
	const struct settings_entry *entry;
	/* in a file */
	char path[ADMIN_GITOPS_PATH_TEXT];
	char text[SETTINGS_VALUE_TEXT];
	/* where a file gives it; line 0: nowhere */
	struct in_yaml_place at;
	/* false: the server does not have this setting */
	bool known;
};

/* In the order of the table. */
struct admin_gitops {
	struct admin_gitops_value all[ADMIN_GITOPS_SETTINGS_MAX];
	size_t n;
};

/* All settings with their defaults. */
void admin_gitops_defaults(struct admin_gitops *out);

/* The values that hold now, from the database. */
int admin_gitops_load(
    struct db *db, const struct conf *conf, struct admin_gitops *out);

/*
 * May a file be applied to a server of this tier that has `present`? The reason
 * names the place. ERR_LICENSE when it wants what tier "free" lacks,
 * ERR_NOT_FOUND when it gives a setting that the server does not have.
 */
int admin_gitops_check(const struct admin_gitops *wanted,
    const struct admin_gitops *present, bool premium);

/* Would setting number i change? */
bool admin_gitops_differs(const struct admin_gitops *wanted,
    const struct admin_gitops *present, size_t i);

/*
 * Sets what differs, all or nothing, and adds the activity "gitops.apply".
 * ERR_ROLE for all but the role gitops; ERR_CONFLICT when `present`, from
 * admin_gitops_load(), does not hold any more.
 */
int admin_gitops_apply(const struct admin_actor *actor,
    const struct admin_gitops *wanted, const struct admin_gitops *present);

/* Writes a tree; names are parts of paths. */
struct admin_gitops_writer {
	void (*open)(void *arg, const char *name);
	void (*value)(
	    void *arg, const char *name, const struct admin_gitops_value *v);
	void (*close)(void *arg);
	void *arg;
};

/*
 * Writes the chosen settings as a tree: as in JSON, or else as in a file. Each
 * inner part of a path is opened once.
 */
void admin_gitops_walk(const struct admin_gitops *settings,
    const bool chosen[ADMIN_GITOPS_SETTINGS_MAX], bool json,
    const struct admin_gitops_writer *writer);

#endif
