/*
 * The state folder: where everything lies, and to whom it belongs.
 *
 *	STATE/                  root      keys, certificates, nonce.key, admin.key
 *	STATE/db/               attestmdm the database; its group may write
 *	STATE/apple/            root      secrets for Apple's services, each file
 *	                                  attestmdm-worker's alone
 *	STATE/public/           root      what nginx serves as /crl/
 *	STATE/public/acme/      attestmdm-acme  its list, and the lock for it
 *	STATE/public/scep/      attestmdm-scep  likewise
 *
 * Only root may rename or delete in STATE, STATE/apple and STATE/public: a
 * program that is taken over can replace neither a key nor the list of another
 * authority.
 */
#ifndef BIN_LAYOUT_H
#define BIN_LAYOUT_H

#include "base/conf.h"
#include "bin/owners.h"

/* Makes the folders that are missing, with owner and mode. ERR_IO. */
int layout_make(const struct owners *o, const char *state);

/*
 * Gives the folders of an installation to their owners, whoever had them
 * before: for root. The state folder itself keeps its owner when the
 * configuration puts the database right into it. ERR_IO.
 */
int layout_settle_folders(const struct owners *o, const struct conf *conf);

/*
 * The same for database, keys and certificates, as far as they exist. ERR_IO.
 */
int layout_settle_files(const struct owners *o, const struct conf *conf);

/* Gives the database and what lies beside it to the programs. ERR_IO. */
int layout_settle_database(const struct owners *o, const char *database);

/* Does the configuration put the database right into the state folder? */
bool layout_shares_state(const struct conf *conf);

#endif
