/*
 * Who owns the files of an installation: two system users and their group, or
 * in a demonstration the one user who made it.
 */
#ifndef BIN_OWNERS_H
#define BIN_OWNERS_H

#include <stdbool.h>
#include <sys/types.h>

#define OWNERS_USER    "attestmdm"
#define OWNERS_CA_USER "attestmdm-ca"
#define OWNERS_GROUP   "attestmdm"

struct owners {
	bool single_user;
	uid_t programs;
	uid_t ca;
	gid_t group;
};

/* ERR_NOT_FOUND when users or group are missing. */
int owners_load(bool single_user, struct owners *out);

/*
 * Gives a file or folder away; in a demonstration only its mode is set. ERR_IO,
 * also when it is a link, or a file with another name besides.
 */
int owners_give(
    const struct owners *o, const char *path, uid_t user, mode_t mode);

/*
 * Does the mode of this file let a user of the group do all of `want` (R_OK,
 * W_OK, X_OK)? False also when it is absent.
 */
bool owners_may(const char *path, uid_t user, gid_t group, int want);

#endif
