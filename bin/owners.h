/*
 * Who owns the files of an installation: one system user for most programs, one
 * for each certification authority, one for the admin pages, one for the
 * worker, and their common group. In a demonstration (init --single-user) one
 * user owns them all.
 */
#ifndef BIN_OWNERS_H
#define BIN_OWNERS_H

#include <stdbool.h>
#include <sys/types.h>

#define OWNERS_GROUP "attestmdm"

enum owner {
	OWNER_ROOT,
	/* every program without a CA key */
	OWNER_PROGRAMS,
	/* acme-finalize and the revocation list of its CA */
	OWNER_ACME,
	/* scep and the revocation list of its CA */
	OWNER_SCEP,
	/* admin-settings and admin-api */
	OWNER_ADMIN,
	/* attestmdm-worker, the one program that talks to Apple */
	OWNER_WORKER,
	OWNERS,
};

struct owners {
	bool single_user;
	uid_t user[OWNERS];
	gid_t group;
};

/* "root", "attestmdm", "attestmdm-acme" and so on. */
const char *owners_name(enum owner owner);

/* ERR_NOT_FOUND, which is logged, when users or group are missing. */
int owners_load(bool single_user, struct owners *out);

/*
 * The owners of an existing installation: its system users when the folder of
 * the database (or the database itself) is attestmdm's, else the caller alone.
 * ERR_NOT_FOUND when an installation's users are missing.
 */
int owners_find(const char *database, struct owners *out);

/*
 * Sets owner, group and mode of a file or folder; in a demonstration only the
 * mode. ERR_IO, also for a symbolic link or a file with several hard links.
 */
int owners_give(const struct owners *o, const char *path, enum owner owner,
    mode_t mode);

/*
 * Does the mode of this file let `owner` do all of `want` (R_OK, W_OK, X_OK)?
 * False also when it is absent.
 */
bool owners_may(
    const struct owners *o, const char *path, enum owner owner, int want);

/*
 * In a child process of root: becomes this user for good, with the groups of
 * that user. ERR_IO. Does nothing in a demonstration.
 */
int owners_become(const struct owners *o, enum owner owner);

#endif
