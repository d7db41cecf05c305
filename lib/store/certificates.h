/*
 * Identity certificates: every one that was ever signed here, but those that
 * certificates_purge() forgets, and to which device each belongs. The single
 * authority for who a device is.
 */
#ifndef STORE_CERTIFICATES_H
#define STORE_CERTIFICATES_H

#include "store/cursor.h"
#include "store/db.h"
#include "store/enrollments.h"

/* Octets of a serial number and of a key identifier, at most. */
#define CERTIFICATES_NUMBER_MAX 20
#define CERTIFICATES_KEY_ID_MAX 32

enum certificate_state {
	/* not used yet */
	CERTIFICATE_ISSUED,
	/* check-in accepts it */
	CERTIFICATE_CURRENT,
	/* a newer one is in use */
	CERTIFICATE_RETIRED,
	CERTIFICATE_REVOKED,
};

struct certificate {
	/* of the whole DER */
	uint8_t sha256[SECRET_SHA256];
	char id[DB_ID_TEXT];
	/* content octets of the INTEGER, as in the certificate */
	uint8_t serial_number[CERTIFICATES_NUMBER_MAX];
	size_t serial_number_len;
	struct blob der;
	uint8_t spki_sha256[SECRET_SHA256];
	uint8_t issuer_key_id[CERTIFICATES_KEY_ID_MAX];
	size_t issuer_key_id_len;
	char enrollment_id[DB_ID_TEXT];
	/* "" when it did not come from an ACME order */
	char order_id[DB_ID_TEXT];
	/* the device it is bound to */
	char serial[DB_SERIAL_TEXT];
	enum enrollment_purpose purpose;
	bool hardware_attested;
	enum certificate_state state;
	int64_t not_before;
	int64_t not_after;
	/* seconds between those two in the certificate itself, also if not_after
	 * was changed in the database; set on a load */
	int64_t lifetime;
	int64_t created_at;
	int64_t first_used_at;
	int64_t revoked_at;
	/* RFC 5280 section 5.3.1; meaningless unless revoked */
	int revocation_reason;
	void *memory;
};

struct certificate_list {
	struct certificate *rows;
	size_t n;
	/* of certificates_list(); "" after the last page */
	char next[CURSOR_TEXT];
};

/* A line of the revocation list. */
struct certificate_revoked {
	uint8_t serial_number[CERTIFICATES_NUMBER_MAX];
	size_t serial_number_len;
	int64_t revoked_at;
	int reason;
};

struct certificate_revoked_list {
	struct certificate_revoked *rows;
	size_t n;
};

const char *certificates_state_name(enum certificate_state state);

/*
 * Stores a fresh certificate as "issued" and sets nothing in *c: the caller
 * fills sha256, id (by secret_id()), serial_number, der, spki_sha256,
 * issuer_key_id, the enrollment, the order, serial, purpose, hardware_attested
 * and the dates. ERR_CONFLICT when the enrollment or the order has a
 * certificate already, or the key or the number was certified before.
 */
int certificates_insert(struct db *db, const struct certificate *c);

/* Whatever the state. The caller releases *out. */
int certificates_load(struct db *db, const uint8_t sha256[SECRET_SHA256],
    struct certificate *out);
int certificates_load_by_id(
    struct db *db, const char *id, struct certificate *out);
int certificates_load_by_enrollment(
    struct db *db, const char *enrollment_id, struct certificate *out);
int certificates_load_by_number(
    struct db *db, struct blob serial_number, struct certificate *out);

/* The certificate of an order of this account, for the ACME client. */
int certificates_load_scoped(struct db *db, const char *enrollment_id,
    const char *account_id, const char *id, struct certificate *out);

/* As renewal information names it (RFC 9773 section 4.1). */
int certificates_load_by_issuer(struct db *db, struct blob issuer_key_id,
    struct blob serial_number, struct certificate *out);
void certificates_release(struct certificate *c);

/* Was this key ever certified here? */
int certificates_spki_known(
    struct db *db, const uint8_t spki_sha256[SECRET_SHA256], bool *out);

/* Of no device and issued → this serial number's, else ERR_CONFLICT. */
int certificates_bind(
    struct db *db, const uint8_t sha256[SECRET_SHA256], const char *serial);

/*
 * Is this a certificate that was in use and was replaced, not by its renewal but
 * because its serial number enrolled again?
 */
int certificates_enrolled_anew(
    struct db *db, const uint8_t sha256[SECRET_SHA256], bool *out);

/*
 * First use: issued → current, and whatever else that serial number has in use,
 * or had issued earlier, becomes retired. ERR_CONFLICT unless it is "issued".
 */
int certificates_make_current(
    struct db *db, const uint8_t sha256[SECRET_SHA256]);

/*
 * Issued and never used → retired: all of a host, or its renewals alone, which
 * are void when it enrolls anew.
 */
int certificates_retire_unused(
    struct db *db, const char *host_id, bool renewals_only);

/*
 * Any state → revoked with a reason of RFC 5280. A host whose present one it is
 * does not count as attested any more, and its open renewal is withdrawn.
 * ERR_ALREADY_REVOKED; ERR_NOT_FOUND.
 */
int certificates_revoke(
    struct db *db, const uint8_t sha256[SECRET_SHA256], int reason);

struct certificate_filter {
	/* a whole id, or the beginning of the device's serial number; NULL and
	 * "": all */
	const char *search;
	/* without `search`: the revoked ones, the last revoked first */
	bool revoked;
	/* `next` of the page before; NULL and "": from the beginning */
	const char *cursor;
	int limit;
};

/*
 * Newest first, without `der`; those of a search by serial number, downwards.
 * ERR_FIELD: this is no cursor of this list.
 */
int certificates_list(struct db *db, const struct certificate_filter *filter,
    struct certificate_list *out);

/* All of a device, newest first, without `der`. */
int certificates_list_by_serial(
    struct db *db, const char *serial, struct certificate_list *out);
void certificates_list_release(struct certificate_list *list);

/*
 * Those of an issuer that are revoked and did not expire more than a week ago,
 * oldest first.
 */
int certificates_list_revoked(struct db *db, struct blob issuer_key_id,
    struct certificate_revoked_list *out);
void certificates_revoked_release(struct certificate_revoked_list *list);

/* How many of this issuer are neither revoked nor expired. */
int certificates_count_valid(
    struct db *db, struct blob issuer_key_id, int64_t now, int64_t *out);

/* Was a certificate of this issuer revoked at `since` or later? */
int certificates_revoked_since(
    struct db *db, struct blob issuer_key_id, int64_t since, bool *out);

/* Counts up and returns the number of the next revocation list, from 1. */
int certificates_next_crl_number(
    struct db *db, struct blob issuer_key_id, int64_t *out);

/*
 * Deletes at most `limit` that were issued by SCEP 30 days ago for an
 * enrollment and never used: anybody who may ask once may ask often.
 */
int certificates_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
