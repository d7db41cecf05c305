/* ACME accounts (RFC 8555 section 7.3). They belong to one enrollment each. */
#ifndef STORE_ACCOUNTS_H
#define STORE_ACCOUNTS_H

#include "store/db.h"

/* RFC 7638 thumbprint, SHA-256 in base64url, with the NUL. */
#define ACCOUNTS_THUMBPRINT_TEXT 44

/* Accounts that one enrollment may have, dead ones included. */
#define ACCOUNTS_PER_ENROLLMENT 10

enum account_status {
	ACCOUNT_VALID,
	ACCOUNT_DEACTIVATED,
	ACCOUNT_REVOKED,
};

struct account {
	char id[DB_ID_TEXT];
	char enrollment_id[DB_ID_TEXT];
	char thumbprint[ACCOUNTS_THUMBPRINT_TEXT];
	/* canonical public JWK */
	const char *jwk;
	enum account_status status;
	/* JSON array of contact URLs; NULL is "[]" when written */
	const char *contact;
	bool terms_agreed;
	int64_t created_at;
	void *memory;
};

/* "valid", "deactivated" or "revoked", as in ACME. */
const char *accounts_status_name(enum account_status status);

/*
 * Stores a new account from in's enrollment_id, thumbprint, jwk, contact and
 * terms_agreed, or finds the one of that enrollment and thumbprint, whatever
 * its status; *created tells which. ERR_RATE_LIMITED when the enrollment has
 * ACCOUNTS_PER_ENROLLMENT already. The caller releases *out.
 */
int accounts_create(struct db *db, const struct account *in,
    struct account *out, bool *created);

/* Dead ones too: look at status. The caller releases *out. */
int accounts_load(struct db *db, const char *enrollment_id, const char *id,
    struct account *out);
int accounts_load_by_thumbprint(struct db *db, const char *enrollment_id,
    const char *thumbprint, struct account *out);
void accounts_release(struct account *a);

/* ERR_CONFLICT unless the account is valid. */
int accounts_set_contact(struct db *db, const char *enrollment_id,
    const char *id, const char *contact);

/*
 * valid → deactivated, else ERR_CONFLICT. Its pending and ready orders become
 * invalid and their authorizations deactivated (RFC 8555 section 7.3.6).
 */
int accounts_deactivate(
    struct db *db, const char *enrollment_id, const char *id);

/*
 * Replaces the key of a valid account whose thumbprint is still
 * `old_thumbprint`, else ERR_CONFLICT. ERR_KEY_IN_USE when another account of
 * the enrollment has the new key; its id is then in `other` (RFC 8555 section
 * 7.3.5). `other` is "" otherwise.
 */
int accounts_change_key(struct db *db, const char *enrollment_id,
    const char *id, const char *old_thumbprint, const char *new_thumbprint,
    const char *new_jwk, char other[DB_ID_TEXT]);

int accounts_count(struct db *db, const char *enrollment_id, int *out);

/* Does an account of any enrollment have this key? */
int accounts_thumbprint_known(struct db *db, const char *thumbprint, bool *out);

#endif
