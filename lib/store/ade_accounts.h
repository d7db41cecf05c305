/*
 * Accounts at Apple Business: how far the device list of each is synchronized,
 * and which enrollment profile its devices get. Secrets are in files
 * (ca/ade_identity.h).
 */
#ifndef STORE_ADE_ACCOUNTS_H
#define STORE_ADE_ACCOUNTS_H

#include "store/ade_devices.h"

#define ADE_KEY_TEXT    257
#define ADE_CURSOR_TEXT 1025
#define ADE_ERROR_TEXT  512
/* Room for the JSON with what an administrator wants of the profile. */
#define ADE_OPTIONS_TEXT 8193
#define ADE_ACCOUNTS_MAX 100

enum ade_phase {
	/* a full fetch begins, when there is no cursor, or goes on */
	ADE_PHASE_FETCH,
	/* the changes after the cursor come next */
	ADE_PHASE_CHANGES,
};

struct ade_account {
	char name[ADE_ACCOUNT_TEXT];
	int64_t created_at;
	/* "" until a server token is imported */
	char consumer_key[ADE_KEY_TEXT];
	int64_t token_expires_at;
	/* what the service says of itself; "" until it did */
	char server_uuid[ADE_UUID_TEXT];
	char server_name[DB_NAME_TEXT];
	char organization[DB_NAME_TEXT];
	enum ade_phase phase;
	char cursor[ADE_CURSOR_TEXT];
	/* counts the full fetches; the last one that ended */
	int64_t fetch;
	int64_t fetched_at;
	/* since when removals wait for an administrator's word; 0: none do */
	int64_t held_at;
	/* the run that goes on, or the last one */
	int64_t sync_started_at;
	int64_t sync_devices;
	/* the last success */
	int64_t synced_at;
	/* failures in a row, why, and when to try again; 0: now */
	int sync_failures;
	char sync_error[ADE_ERROR_TEXT];
	int64_t sync_next_at;
	char profile_options[ADE_OPTIONS_TEXT];
	/* the profile that was defined, from JSON with this digest */
	char profile_uuid[ADE_UUID_TEXT];
	uint8_t profile_sha256[SECRET_SHA256];
	bool has_profile_sha256;
	int64_t profile_defined_at;
	/* nothing is assigned before it is set */
	int64_t assign_approved_at;
	/* when there is something to assign; 0: nothing */
	int64_t assign_at;
	int64_t assigned_at;
	int assign_failures;
	char assign_error[ADE_ERROR_TEXT];
};

struct ade_account_list {
	struct ade_account *rows;
	size_t n;
};

/* Lower-case letters, digits and '-', 1 to 32 of them; not "csv". */
bool ade_accounts_is_name(const char *name);

/* ERR_FIELD: no such name; ERR_EXISTS; ERR_RATE_LIMITED: too many. */
int ade_accounts_create(struct db *db, const char *name);
int ade_accounts_load(struct db *db, const char *name, struct ade_account *out);

/* By name, ADE_ACCOUNTS_MAX at most. */
int ade_accounts_list(struct db *db, struct ade_account_list *out);
void ade_accounts_list_release(struct ade_account_list *list);

/*
 * A server token was imported. With another consumer key it belongs to another
 * device management service of Apple's: cursor and profile are forgotten, and a
 * full fetch begins; devices stay until that ends.
 */
int ade_accounts_set_token(struct db *db, const char *name,
    const char *consumer_key, int64_t expires_at);

int ade_accounts_set_server(struct db *db, const char *name,
    const char *server_uuid, const char *server_name, const char *organization);

/*
 * Moves the cursor, from the one in `a`, and changes phase, number of the full
 * fetch, fetched_at and sync_devices to those in `next`. ERR_CONFLICT: another
 * process moved it.
 */
int ade_accounts_move(
    struct db *db, const struct ade_account *a, const struct ade_account *next);

/* Removals wait since now, or since before; or they do not. */
int ade_accounts_hold(struct db *db, const char *name, bool held);

/* A run begins: now, with no device yet. */
int ade_accounts_sync_begin(struct db *db, const char *name);

/*
 * It ended: `error` is "" after a success, which forgets the failures; else it
 * counts one more, and `next_at` says when to try again.
 */
int ade_accounts_sync_end(
    struct db *db, const char *name, const char *error, int64_t next_at);

/* The next run is due now, for all accounts that have a token. */
int ade_accounts_sync_now(struct db *db);

/* What an administrator wants of the profile, as JSON. */
int ade_accounts_set_options(
    struct db *db, const char *name, const char *options);

/* A profile was defined at Apple Business. */
int ade_accounts_set_profile(struct db *db, const char *name,
    const char *profile_uuid, const uint8_t sha256[SECRET_SHA256]);

/* An administrator saw what assigning will do; assigning is due now. */
int ade_accounts_approve(struct db *db, const char *name);

/* There is something to assign from now on. */
int ade_accounts_assign_now(struct db *db, const char *name);

/*
 * A run ended, as ade_accounts_sync_end(); next_at 0: nothing is left to do.
 * What became due meanwhile stays due: `seen` is assign_at when the run began.
 */
int ade_accounts_assign_end(struct db *db, const char *name, int64_t seen,
    const char *error, int64_t next_at);

#endif
