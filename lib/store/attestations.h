/* What Apple attested: the evidence of each decision. Never deleted. */
#ifndef STORE_ATTESTATIONS_H
#define STORE_ATTESTATIONS_H

#include "store/db.h"

struct attestation_row {
	char order_id[DB_ID_TEXT];
	char enrollment_id[DB_ID_TEXT];
	char serial[DB_SERIAL_TEXT];
	char udid[DB_UDID_TEXT];
	/* SubjectPublicKeyInfo of the attested key, DER */
	struct blob spki;
	uint8_t spki_sha256[SECRET_SHA256];
	/* the attestation's leaf certificate, DER */
	struct blob leaf;
	int64_t leaf_not_before;
	int64_t leaf_not_after;
	/* the attestation object as the device sent it; empty in rows from
	 * before it was kept */
	struct blob object;
	char os_version[DB_VERSION_TEXT];
	char sepos_version[DB_VERSION_TEXT];
	char llb_version[DB_VERSION_TEXT];
	char software_update_device_id[DB_NAME_TEXT];
	/* "enabled", "disabled" or "unknown" */
	char sip[17];
	char secure_boot[17];
	/* "none", "allowed" or "unknown" */
	char kernel_extensions[17];
	int64_t verified_at;
	void *memory;
};

/*
 * Keeps the evidence for an order; verified_at becomes now. ERR_ATT_KEY_REUSE
 * when the key was attested before, whenever and for whomever. ERR_CONFLICT
 * when the order has its evidence already.
 */
int attestations_insert(struct db *db, const struct attestation_row *a);

/* The caller releases *out. */
int attestations_load_by_order(
    struct db *db, const char *order_id, struct attestation_row *out);

void attestations_release(struct attestation_row *a);

/* Was this key ever attested to us? */
int attestations_spki_known(
    struct db *db, const uint8_t spki_sha256[SECRET_SHA256], bool *out);

#endif
