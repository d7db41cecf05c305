#include "bin/adminkey.h"

#include <unistd.h>

#include "base/log.h"
#include "ca/file.h"
#include "store/admins.h"
#include "store/rowmac.h"

/* The file comes last: a run that finds none starts over. */
static int
make(const struct conf *conf, const struct owners *owners, struct db *db,
    bool believe)
{
	uint8_t key[ROWMAC_KEY];
	int r = OK;

	secret_random(key, sizeof key);
	rowmac_set_key(db, key);
	if (believe)
		r = admins_authenticate_all(db);
	if (r == OK &&
	    (r = file_create(
		 conf->admin_key, blob_of(key, sizeof key), 0600)) == OK)
		r = owners_give(owners, conf->admin_key, OWNER_ADMIN, 0600);
	secret_wipe(key, sizeof key);
	return r;
}

int
adminkey_prepare(const struct conf *conf, const struct owners *owners,
    struct db *db, bool believe, bool *made)
{
	*made = access(conf->admin_key, F_OK) != 0;
	return *made ? make(conf, owners, db, believe)
		     : rowmac_load(db, conf->admin_key);
}

int
adminkey_try(const struct conf *conf, struct db *db, bool *readable)
{
	*readable = access(conf->admin_key, R_OK) == 0;
	return *readable ? rowmac_load(db, conf->admin_key) : OK;
}

const char *
adminkey_word(bool readable, bool authentic)
{
	if (!readable)
		return "unknown";
	return authentic ? "yes" : "no";
}
