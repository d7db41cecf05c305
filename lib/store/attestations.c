#include "store/attestations.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/stmt.h"

enum { INSERT, LOAD_BY_ORDER, SPKI_KNOWN };

#define COLUMNS                                                                \
	"order_id, enrollment_id, serial, udid, spki, spki_sha256, leaf,"      \
	" leaf_not_before, leaf_not_after, os_version, sepos_version,"         \
	" llb_version, software_update_device_id, sip, secure_boot,"           \
	" kernel_extensions, verified_at, object"

static const char *const texts[] = {
	[INSERT] = "INSERT INTO attestations (" COLUMNS
		   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		   " ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
		   " ON CONFLICT (spki_sha256) DO NOTHING",
	[LOAD_BY_ORDER] = "SELECT " COLUMNS " FROM attestations"
			  " WHERE order_id = ?1",
	[SPKI_KNOWN] = "SELECT 1 FROM attestations WHERE spki_sha256 = ?1",
};

STMT_FAMILY(attestations, texts);

static void
read_attestation(struct stmt *s, void *out)
{
	struct attestation_row *a = out;

	stmt_get_text(s, a->order_id, sizeof(a->order_id));
	stmt_get_text(s, a->enrollment_id, sizeof(a->enrollment_id));
	stmt_get_text(s, a->serial, sizeof(a->serial));
	stmt_get_text(s, a->udid, sizeof(a->udid));
	a->spki = stmt_get_blob(s);
	stmt_get_bytes(s, a->spki_sha256, sizeof(a->spki_sha256));
	a->leaf = stmt_get_blob(s);
	a->leaf_not_before = stmt_get_int(s);
	a->leaf_not_after = stmt_get_int(s);
	stmt_get_text(s, a->os_version, sizeof(a->os_version));
	stmt_get_text(s, a->sepos_version, sizeof(a->sepos_version));
	stmt_get_text(s, a->llb_version, sizeof(a->llb_version));
	stmt_get_text(s, a->software_update_device_id,
	    sizeof(a->software_update_device_id));
	stmt_get_text(s, a->sip, sizeof(a->sip));
	stmt_get_text(s, a->secure_boot, sizeof(a->secure_boot));
	stmt_get_text(s, a->kernel_extensions, sizeof(a->kernel_extensions));
	a->verified_at = stmt_get_int(s);
	a->object = stmt_get_blob(s);
	a->memory = stmt_take_memory(s);
}

int
attestations_insert(struct db *db, const struct attestation_row *a)
{
	struct stmt s;
	int code;

	stmt_start(&s, db, STMT_attestations, INSERT);
	stmt_put_text(&s, a->order_id);
	stmt_put_text(&s, a->enrollment_id);
	stmt_put_text(&s, a->serial);
	stmt_put_text(&s, a->udid);
	stmt_put_blob(&s, a->spki);
	stmt_put_digest(&s, a->spki_sha256);
	stmt_put_blob(&s, a->leaf);
	stmt_put_int(&s, a->leaf_not_before);
	stmt_put_int(&s, a->leaf_not_after);
	stmt_put_text(&s, a->os_version);
	stmt_put_text(&s, a->sepos_version);
	stmt_put_text(&s, a->llb_version);
	stmt_put_text(&s, a->software_update_device_id);
	stmt_put_text(&s, a->sip);
	stmt_put_text(&s, a->secure_boot);
	stmt_put_text(&s, a->kernel_extensions);
	stmt_put_int(&s, clock_now());
	stmt_put_blob_or_null(&s, a->object);
	code = stmt_change(&s, ERR_ATT_KEY_REUSE);
	return code == ERR_EXISTS ? ERR_CONFLICT : code;
}

static int
load(struct db *db, int which, const char *key, struct attestation_row *out)
{
	struct stmt s;

	stmt_start(&s, db, STMT_attestations, which);
	stmt_put_text(&s, key);
	return stmt_one(&s, read_attestation, out, sizeof(*out));
}

int
attestations_load_by_order(
    struct db *db, const char *order_id, struct attestation_row *out)
{
	return load(db, LOAD_BY_ORDER, order_id, out);
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
	struct stmt s;

	stmt_start(&s, db, STMT_attestations, SPKI_KNOWN);
	stmt_put_digest(&s, spki_sha256);
	return stmt_exists(&s, out);
}
