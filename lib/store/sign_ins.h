/*
 * Devices in whose web view somebody is signing in. The device sends its signed
 * information once, with the first page, so it is kept here for the tries that
 * follow, bound to the browser by a cookie.
 *
 * Only digests of cookie and state are stored. Each try gets new ones, and a
 * state works once.
 */
#ifndef STORE_SIGN_INS_H
#define STORE_SIGN_INS_H

#include "store/db.h"

/* Seconds from the first page to the last answer of the provider. */
#define SIGN_INS_LIFE 1800
/*
 * Tries to sign in with one page. A page that the same device key opens within
 * SIGN_INS_TRIES_SECONDS of another inherits the tries of that one.
 */
#define SIGN_INS_TRIES         20
#define SIGN_INS_TRIES_SECONDS 60
/* Rows of one device key, and of all: beyond that the oldest make room. */
#define SIGN_INS_PER_SIGNER 5
#define SIGN_INS_MAX        4000

#define SIGN_INS_VALUE_TEXT SECRET_TOKEN_TEXT

struct sign_in {
	char id[DB_ID_TEXT];
	uint8_t cookie_sha256[SECRET_SHA256];
	/* of the device, and of the key that signed its information */
	char serial[DB_SERIAL_TEXT];
	uint8_t signer_sha256[SECRET_SHA256];
	/* as the device sent it */
	struct blob machineinfo;
	/* of the try under way; "" when there is none */
	char nonce[SIGN_INS_VALUE_TEXT];
	char verifier[SIGN_INS_VALUE_TEXT];
	int64_t tries;
	int64_t created_at;
	int64_t expires_at;
	void *memory;
};

void sign_ins_release(struct sign_in *s);

/*
 * Stores a device from s's serial, signer and information, which takes the
 * place of the oldest when there are too many. Sets its id, how often its key
 * has tried before, and the cookie by which it is found, which nobody can read
 * again.
 */
int sign_ins_create(struct db *db, struct sign_in *s,
    char cookie[SIGN_INS_VALUE_TEXT]);

/* By the cookie; ERR_NOT_FOUND when there is none, or it has expired. */
int sign_ins_load(struct db *db, const char *cookie, struct sign_in *out);

/* What a try is made of, in clear. */
struct sign_in_try {
	const char *state;
	const char *nonce;
	const char *verifier;
};

/*
 * Begins a try in place of the one before it, which can end no more. Gives a
 * new cookie. ERR_CONFLICT when it has expired or was tried too often.
 */
int sign_ins_try(struct db *db, const char *id, const struct sign_in_try *try,
    char cookie[SIGN_INS_VALUE_TEXT]);

/*
 * Ends the try with this state in the browser with this cookie: *out is the
 * device as it was. ERR_NOT_FOUND: no such browser, another state, or expired;
 * nothing changed then.
 */
int sign_ins_take(struct db *db, const char *cookie, const char *state,
    struct sign_in *out);

/* Forgets the device: it has what it came for. */
int sign_ins_end(struct db *db, const char *id);

/* Deletes at most `limit` that have expired. */
int sign_ins_purge(struct db *db, int64_t now, int limit, int *deleted);

#endif
