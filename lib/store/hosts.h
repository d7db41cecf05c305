/* Every device that enrolled or began to: one row per serial number. */
#ifndef STORE_HOSTS_H
#define STORE_HOSTS_H

#include "store/db.h"
#include "store/device.h"
#include "store/enrollments.h"

#define HOSTS_PUSH_TOKEN_MAX 256

enum host_state {
	/* Authenticate came, TokenUpdate did not yet */
	HOST_PENDING,
	HOST_ENROLLED,
	HOST_UNENROLLED,
	/* by an administrator */
	HOST_BLOCKED,
};

#define HOSTS_STATES (HOST_BLOCKED + 1)

/* By state, what hosts_state_name() returns. */
extern const char *const hosts_states[HOSTS_STATES];

struct host {
	char id[DB_ID_TEXT];
	/* as of its last check-in; the serial number never changes */
	struct device device;
	enum host_state state;
	/* the identity that check-in accepts now, if any */
	bool has_certificate;
	uint8_t certificate_sha256[SECRET_SHA256];
	char enrollment_id[DB_ID_TEXT];
	/* who signed in for that enrollment; "": nobody was asked to */
	char account[ENROLLMENTS_ACCOUNT_TEXT];
	bool hardware_attested;
	/* when it did so for the first time; 0: never */
	int64_t ever_attested_at;
	/* the product that it gave then; it never changes */
	char attested_product[DB_NAME_TEXT];
	char device_name[256];
	char model[DB_NAME_TEXT];
	char model_name[DB_NAME_TEXT];
	char topic[256];
	uint8_t push_token[HOSTS_PUSH_TOKEN_MAX];
	/* 0: cannot be pushed to */
	size_t push_token_len;
	char push_magic[DB_NAME_TEXT];
	bool awaiting_configuration;
	bool has_unlock_token;
	bool has_bootstrap_token;
	/* counts enrollments, from 1 */
	int64_t generation;
	int64_t created_at;
	int64_t enrolled_at;
	int64_t last_seen_at;
	/* when it first did so in TLS since it enrolled; 0: it never did */
	int64_t client_certificate_at;
	/* of the device key that asked for its profile, if it is known */
	bool has_signer;
	uint8_t signer_sha256[SECRET_SHA256];
	/* until then a profile that another device key asked for may be used;
	 * 0: there is none */
	int64_t other_signer_until;
	/* as a Mac reports it; "" when it did not */
	char provisioning_udid[DB_UDID_TEXT];
	/* what the present certificate renewed, if it did and that is known */
	bool has_certificate_before;
	uint8_t certificate_before_sha256[SECRET_SHA256];
	/* when certificate_sha256 ends; 0: there is none */
	int64_t certificate_ends_at;
};

struct host_counts {
	int64_t total;
	int64_t enrolled;
	/* of the enrolled ones */
	int64_t attested;
	int64_t not_attested;
	int64_t client_certificate;
	/* not enrolled */
	int64_t pending;
	int64_t unenrolled;
	int64_t blocked;
};

/* What Authenticate says of a device; NULL texts are "". */
struct host_vitals {
	struct device device;
	const char *device_name;
	const char *model;
	const char *model_name;
	const char *topic;
};

/* The identity that a device proved. */
struct host_identity {
	const uint8_t *certificate_sha256;
	const char *enrollment_id;
	bool hardware_attested;
	/* of the enrollment's request; NULL or zeros when none is known */
	const uint8_t *signer_sha256;
};

/* What TokenUpdate says. */
struct host_tokens {
	struct blob push_token;
	const char *push_magic;
	/* absent (n 0) keeps the stored one */
	struct blob unlock_token;
	/* NULL keeps the stored one */
	const bool *awaiting_configuration;
};

const char *hosts_state_name(enum host_state state);

/* Is it enrolled now, with an attested identity? Lists and counts say so, too. */
bool hosts_is_attested(const struct host *h);

int hosts_load(struct db *db, const char *id, struct host *out);
int hosts_load_by_serial(struct db *db, const char *serial, struct host *out);
int hosts_load_by_udid(struct db *db, const char *udid, struct host *out);

/*
 * Authenticate with an identity that is new: makes the host, or begins its next
 * generation. State pending; commands of the generation before are cancelled;
 * push, unlock and bootstrap tokens are erased. ERR_MDM_BLOCKED when the host
 * is blocked; ERR_CONFLICT when the UDID belongs to another host.
 */
int hosts_authenticate(struct db *db, const struct host_identity *identity,
    const struct host_vitals *vitals, struct host *out);

/*
 * What a host says of itself now; what is "" stays as it was, and so do serial
 * number and UDID. Keeps queue and tokens. ERR_NOT_FOUND.
 */
int hosts_update_vitals(
    struct db *db, const char *id, const struct host_vitals *vitals);

/*
 * A renewed identity takes over, and the one before is remembered; nothing else
 * of the host changes.
 */
int hosts_set_certificate(
    struct db *db, const char *id, const struct host_identity *identity);

/*
 * pending → enrolled, or enrolled stays; *first tells the former. Else
 * ERR_CONFLICT. ERR_MDM_MESSAGE when the push token is empty or too long.
 */
int hosts_token_update(struct db *db, const char *id,
    const struct host_tokens *tokens, bool *first);

/*
 * pending or enrolled → unenrolled, and not attested any more; push data
 * erased, commands cancelled. The certificate stays known, and an alarm about
 * two devices stays open. Else ERR_CONFLICT.
 */
int hosts_check_out(struct db *db, const char *id);

/*
 * An administrator blocks the host: any state → blocked; no certificate, no
 * tokens, commands cancelled. Its next contact is refused.
 */
int hosts_block(struct db *db, const char *id);

/* unenrolled or blocked: its UDID is free for another. Else ERR_CONFLICT. */
int hosts_release_udid(struct db *db, const char *id);

/* blocked → unenrolled: it may enroll again. Else ERR_CONFLICT. */
int hosts_unblock(struct db *db, const char *id);

/*
 * Deletes an unenrolled host with its commands, and that it ever attested. Its
 * certificates stay known. Else ERR_CONFLICT.
 */
int hosts_delete(struct db *db, const char *id);

/*
 * Stores a bootstrap token; an empty one deletes. The one before is kept for 30
 * days. ERR_TOO_LARGE over 8192 bytes.
 */
int hosts_set_bootstrap_token(struct db *db, const char *id, struct blob token);

/* Appends the bootstrap token; nothing when there is none. */
int hosts_get_bootstrap_token(struct db *db, const char *id, struct buf *out);

/*
 * 1 to 64 capitals, digits and '-': what a serial number may look like. Small
 * letters would make a second one of a number that is known.
 */
bool hosts_is_serial(const char *text);

/* Sets last_seen_at to now. */
int hosts_seen(struct db *db, const char *id);

/*
 * Does this digest differ from that of the device key that the host enrolled
 * with? True also when only one of the two is known (the other is zeros); false
 * for a host that is not there (no id).
 */
bool hosts_signer_differs(
    const struct host *host, const uint8_t signer_sha256[SECRET_SHA256]);

/*
 * Notes that another device key got a profile for this host, which may be used
 * until `until`; 0 clears that. ERR_NOT_FOUND.
 */
int hosts_note_other_signer(struct db *db, const char *id, int64_t until);

/* Stores what a Mac reports. ERR_NOT_FOUND. */
int hosts_note_provisioning_udid(
    struct db *db, const char *id, const char *udid);

/* The host showed its certificate in TLS: notes the first time since it
 * enrolled. */
int hosts_note_client_certificate(struct db *db, const char *id);

/* From counts that are kept, so at no cost. For lists see host_list.h. */
int hosts_count(struct db *db, struct host_counts *out);

/* Wipes at most `limit` kept bootstrap tokens of more than 30 days ago. */
int hosts_purge(struct db *db, int64_t now, int limit, int *wiped);

#endif
