/*
 * Enrollment profiles. The id is the unguessable part of the ACME
 * directory's path: it exists for one serial number, one purpose and a limited
 * time, and leads to one certificate at most.
 */
#ifndef STORE_ENROLLMENTS_H
#define STORE_ENROLLMENTS_H

#include "store/cursor.h"
#include "store/db.h"
#include "store/device.h"

enum enrollment_source {
	ENROLLMENT_ADE,
	ENROLLMENT_LINK,
	ENROLLMENT_COMMAND,
};

enum enrollment_purpose { ENROLLMENT_ENROLL, ENROLLMENT_RENEW };

enum enrollment_method { ENROLLMENT_ACME, ENROLLMENT_SCEP };

enum enrollment_state {
	/* no certificate yet */
	ENROLLMENT_OPEN,
	/* its certificate exists */
	ENROLLMENT_ISSUED,
	/* the device checked in with it */
	ENROLLMENT_ENROLLED,
	ENROLLMENT_REVOKED,
};

/* Of a URL, a topic or an identifier from the configuration. */
#define ENROLLMENTS_PROFILE_TEXT 256

/* Of who signed in, with the NUL. */
#define ENROLLMENTS_ACCOUNT_TEXT 256

struct enrollment {
	char id[DB_ID_TEXT];
	/* as of its request; no serial number: a link for any device, not yet
	 * redeemed */
	struct device device;
	/* what its profile says and renewals repeat; "": the configuration's */
	char server_url[ENROLLMENTS_PROFILE_TEXT];
	char topic[ENROLLMENTS_PROFILE_TEXT];
	char profile_identifier[ENROLLMENTS_PROFILE_TEXT];
	/* of the key that signed its request; zeros when none did */
	uint8_t signer_sha256[SECRET_SHA256];
	/* who signed in for it; "": nobody was asked to */
	char account[ENROLLMENTS_ACCOUNT_TEXT];
	enum enrollment_source source;
	enum enrollment_purpose purpose;
	enum enrollment_method method;
	enum enrollment_state state;
	int64_t created_at;
	int64_t expires_at;
	char remote_address[DB_ADDRESS_TEXT];
};

struct enrollment_list {
	struct enrollment *rows;
	size_t n;
	/* of enrollments_list(); "" after the last page */
	char next[CURSOR_TEXT];
};

/* The words of the table, such as "ade", "enroll", "acme", "open". */
const char *enrollments_source_name(enum enrollment_source source);
const char *enrollments_purpose_name(enum enrollment_purpose purpose);
const char *enrollments_method_name(enum enrollment_method method);
const char *enrollments_state_name(enum enrollment_state state);

/*
 * Stores *e as a new enrollment that lives `hours`. Sets its id, state (open)
 * and times. ERR_FIELD when the serial number is empty, unless it is a link
 * enrollment.
 */
int enrollments_create(struct db *db, struct enrollment *e, int hours);

/*
 * Notes in enrollments from before such notes what their profiles say of the
 * server: what the configuration does, as long as nobody changed it. In a
 * transaction of its own.
 */
int enrollments_note_profiles(struct db *db, const char *server_url,
    const char *topic, const char *profile_identifier);

/* Whatever its state: for administrators. */
int enrollments_load(struct db *db, const char *id, struct enrollment *out);

/*
 * For a client: open or issued and not expired, ERR_NOT_FOUND otherwise. An
 * issued one answers reads only.
 */
int enrollments_load_usable(
    struct db *db, const char *id, struct enrollment *out);

/* open and unexpired → issued, else ERR_CONFLICT. */
int enrollments_mark_issued(struct db *db, const char *id);

/* issued → enrolled, else ERR_CONFLICT. */
int enrollments_mark_enrolled(struct db *db, const char *id);

/* Of no device and issued → this serial number's, else ERR_CONFLICT. */
int enrollments_bind(struct db *db, const char *id, const char *serial);

/* open or issued → revoked, else ERR_CONFLICT. */
int enrollments_revoke(struct db *db, const char *id);

/* Revokes every open enrollment of a serial number but `except` (or NULL). */
int enrollments_revoke_open(
    struct db *db, const char *serial, const char *except, int *revoked);

/*
 * Bounds what one signer leaves for one serial number: of its open enrollments
 * `newest` and the latest others of the same signer stay open, `keep` in all,
 * the rest is revoked, but never a renewal, which no sender can ask for; of
 * the revoked ones that were never used (no account, evidence or certificate)
 * `keep` stay, the rest is deleted with its events.
 */
int enrollments_make_room(
    struct db *db, const char *serial, const char *newest, int keep);

/*
 * Newest first. `search` is a whole id, or the beginning of a serial number; then
 * by serial number, downwards, each with its newest first. `cursor` is `next` of
 * the page before; NULL and "": from the beginning. ERR_FIELD: it is none.
 */
int enrollments_list(struct db *db, const char *search, const char *cursor,
    int limit, struct enrollment_list *out);
int enrollments_list_by_serial(
    struct db *db, const char *serial, int limit, struct enrollment_list *out);
void enrollments_list_release(struct enrollment_list *list);

/*
 * Looks at the next `limit` that expired 30 days ago or earlier: deletes their
 * orders without attestation and certificate, their accounts without orders,
 * and themselves when nothing refers to them any more; the others are marked as
 * kept, and not looked at again. *deleted counts rows of all three tables.
 * *seen is less than `limit` when none are left.
 */
int enrollments_purge(
    struct db *db, int64_t now, int limit, int *deleted, int *seen);

#endif
