/*
 * The one-time challenges of SCEP profiles (RFC 8894 section 2.4). A challenge
 * belongs to one enrollment, which says for which purpose and device it is and
 * until when it lives; the caller looks at both in one transaction.
 */
#ifndef STORE_SCEP_CHALLENGES_H
#define STORE_SCEP_CHALLENGES_H

#include "store/db.h"

/* 32 letters and digits (190 bits) with NUL. */
#define SCEP_CHALLENGES_TEXT             33
#define SCEP_CHALLENGES_TRANSACTION_TEXT 256

struct scep_challenge {
	char enrollment_id[DB_ID_TEXT];
	int64_t created_at;
	/* 0: not used yet, and the rest is empty */
	int64_t used_at;
	char transaction_id[SCEP_CHALLENGES_TRANSACTION_TEXT];
	uint8_t spki_sha256[SECRET_SHA256];
};

/*
 * Makes the challenge of an enrollment and stores its SHA-256. The caller wipes
 * the text. ERR_CONFLICT when the enrollment has one already.
 */
int scep_challenges_create(
    struct db *db, const char *enrollment_id, char out[SCEP_CHALLENGES_TEXT]);

/* By the challenge as a client sent it, of any length. ERR_NOT_FOUND. */
int scep_challenges_load(
    struct db *db, struct blob challenge, struct scep_challenge *out);

/* That of an enrollment. ERR_NOT_FOUND. */
int scep_challenges_load_by_enrollment(
    struct db *db, const char *enrollment_id, struct scep_challenge *out);

/*
 * Unused → used, with the transaction and key it was used for. ERR_CONFLICT
 * when it was used already.
 */
int scep_challenges_use(struct db *db, const char *enrollment_id,
    const char *transaction_id, const uint8_t spki_sha256[SECRET_SHA256]);

#endif
