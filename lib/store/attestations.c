#include "store/attestations.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/sql.h"

enum { INSERT, LOAD_BY_ORDER, SPKI_KNOWN };

static const char *const texts[] = {
	[INSERT] = "INSERT INTO attestations {new row}"
		   " ON CONFLICT (spki_sha256) DO NOTHING",
	[LOAD_BY_ORDER] = "SELECT {columns} FROM attestations"
			  " WHERE order_id = $1",
	[SPKI_KNOWN] = "SELECT 1 FROM attestations WHERE spki_sha256 = $1",
};

#define ROW struct attestation_row

static const struct column columns[] = {
	{ "order_id", TEXT(order_id) },
	{ "enrollment_id", TEXT(enrollment_id) },
	{ "serial", TEXT(serial) },
	{ "udid", TEXT(udid) },
	{ "spki", BLOB(spki) },
	{ "spki_sha256", DIGEST(spki_sha256) },
	{ "leaf", BLOB(leaf) },
	{ "leaf_not_before", INT(leaf_not_before) },
	{ "leaf_not_after", INT(leaf_not_after) },
	{ "os_version", TEXT(os_version) },
	{ "sepos_version", TEXT(sepos_version) },
	{ "llb_version", TEXT(llb_version) },
	{ "software_update_device_id", TEXT(software_update_device_id) },
	{ "sip", TEXT(sip) },
	{ "secure_boot", TEXT(secure_boot) },
	{ "kernel_extensions", TEXT(kernel_extensions) },
	{ "verified_at", TIME(verified_at) },
	{ "object", BLOB_OR_NULL(object) },
};

static const struct table table = TABLE_WITH_MEMORY(columns);

SQL_FAMILY(attestations, texts, &table);

int
attestations_insert(struct db *db, const struct attestation_row *a)
{
	struct attestation_row row = *a;
	int r;

	row.verified_at = clock_now();
	r = sql_insert(db, texts[INSERT], &table, &row);
	if (r == ERR_NOT_FOUND)
		r = ERR_ATT_KEY_REUSE;
	return r == ERR_EXISTS ? ERR_CONFLICT : r;
}

int
attestations_load_by_order(
    struct db *db, const char *order_id, struct attestation_row *out)
{
	return sql_one(
	    db, texts[LOAD_BY_ORDER], &table, WITH(datum_text(order_id)), out);
}

void
attestations_release(struct attestation_row *a)
{
	free(a->memory);
	*a = (struct attestation_row){ 0 };
}

int
attestations_spki_known(
    struct db *db, const uint8_t spki_sha256[SECRET_SHA256], bool *out)
{
	return sql_exists(
	    db, texts[SPKI_KNOWN], WITH(datum_digest(spki_sha256)), out);
}
