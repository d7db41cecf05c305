/*
 * Files that an older version laid out otherwise, brought to where they belong.
 */
#ifndef BIN_UPGRADE_H
#define BIN_UPGRADE_H

#include "bin/cli.h"
#include "bin/owners.h"

/*
 * Who owns the installation, by where its database is now. ERR_FIELD when it
 * was installed and system users of this version are missing.
 */
int upgrade_owners(const struct conf *conf, struct owners *out);

/*
 * Moves the database out of the state folder and the revocation lists into
 * their authorities' folders, and gives all to the owners of this version. Can
 * be repeated after an interruption at any point; says what it does. The
 * programs must not run. ERR_USAGE when an installation's files are to be given
 * away and the caller is not root, ERR_BUSY when something has the database
 * open, ERR_IO.
 */
int upgrade_files(struct cli *cli, const struct owners *owners);

#endif
