#include "store/rowmac.h"

#include <string.h>

#include "base/log.h"
#include "store/connection.h"

#define FIELDS_MAX 4096

void
rowmac_set_key(struct db *db, const uint8_t key[ROWMAC_KEY])
{
	memcpy(db->row_key, key, ROWMAC_KEY);
	db->has_row_key = true;
}

bool
rowmac_has_key(const struct db *db)
{
	return db->has_row_key;
}

int
rowmac_load(struct db *db, const char *path)
{
	uint8_t key[ROWMAC_KEY];
	int r;

	if ((r = secret_load(path, key, sizeof key)) == OK)
		rowmac_set_key(db, key);
	secret_wipe(key, sizeof key);
	return r;
}

int
rowmac_make(const struct db *db, const char *label, const struct blob *fields,
    size_t n, uint8_t out[SECRET_SHA256])
{
	struct buf text;
	size_t i;
	int r;

	if (!db->has_row_key)
		return fail(ERR_CRYPTO, "the administrators' key is missing");
	buf_init(&text, FIELDS_MAX);
	buf_printf(&text, "%s:", label);
	/* Each with its length, so that no two lists give the same text. */
	for (i = 0; i < n; i++) {
		buf_printf(&text, "%zu:", fields[i].n);
		buf_add_blob(&text, fields[i]);
	}
	if ((r = buf_status(&text)) == OK)
		secret_hmac_sha256(
		    blob_of(db->row_key, ROWMAC_KEY), buf_blob(&text), out);
	buf_wipe(&text);
	return r;
}
