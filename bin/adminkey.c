#include "bin/adminkey.h"

#include <unistd.h>

#include "base/log.h"
#include "ca/file.h"
#include "store/admins.h"
#include "store/rowmac.h"

static int
adminkey_authenticate(struct db *db)
{
	int r;

	if ((r = db_begin(db)) != OK)
		return r;
	if ((r = admins_authenticate_all(db)) == OK)
		r = db_commit(db);
	db_rollback(db);
	return r;
}

/* The file comes last: a run that finds none starts over. */
static int
adminkey_make(
    const struct conf *conf, const struct owners *owners, struct db *db)
{
	uint8_t key[ROWMAC_KEY];
	int r;

	secret_random(key, sizeof(key));
	rowmac_set_key(db, key);
	if ((r = adminkey_authenticate(db)) == OK &&
	    (r = file_create(conf->admin_key, blob_of(key, sizeof(key)),
		 0600)) == OK)
		r = owners_give(owners, conf->admin_key, OWNER_ADMIN, 0600);
	secret_wipe(key, sizeof(key));
	return r;
}

int
adminkey_prepare(const struct conf *conf, const struct owners *owners,
    struct db *db, bool *made)
{
	*made = access(conf->admin_key, F_OK) != 0;
	return *made ? adminkey_make(conf, owners, db)
		     : rowmac_load(db, conf->admin_key);
}
